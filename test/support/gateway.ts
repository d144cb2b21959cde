import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  type Gateway,
  type GatewayOptions,
  startGateway,
} from '../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../src/system/node.js'
import { type TestSystem, type TestSystemOptions, temporaryFolder, testSystem } from './system.js'

/** A local WebAdmin that ends with the test; its admin's password is `pw;:<`. */
export async function testGateway(options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const folder = join(temporaryFolder(), 'gateway')
  const gateway = await startGateway({ folder, password: 'pw;:<', ...options }, nodeSystem())
  onTestFinished(() => gateway.stop())
  return gateway
}

/** What a user of this gateway has in the environment. */
export function gatewayEnv(gateway: Gateway): { [name: string]: string } {
  return {
    NO_COLOR: '1',
    WXSTATION_TIMEBASE_URL: gateway.url,
    WXSTATION_TIMEBASE_USER: gateway.user,
    WXSTATION_TIMEBASE_PASSWORD: gateway.password,
  }
}

/** A computer whose folders stay from one command to the next. */
export function computer(
  env: { [name: string]: string } = {},
): (options?: TestSystemOptions) => TestSystem {
  const { folders, cwd } = testSystem()
  return (options = {}) => testSystem({ env: { NO_COLOR: '1', ...env }, folders, cwd, ...options })
}
