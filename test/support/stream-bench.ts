import type { Gateway } from '../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../src/system/node.js'
import { computer, gatewayEnv, testGateway } from './gateway.js'
import { cli, type TestSystem, type TestSystemOptions } from './system.js'

/** Patience takes no time in tests. */
export const hasty = { ...nodeSystem().clock, sleep: async () => {} }

export interface StreamBench {
  gateway: Gateway
  folder: string
  run(
    argv: string[],
    options?: TestSystemOptions,
  ): Promise<{ code: number; out: string; err: string }>
  system(options?: TestSystemOptions): TestSystem
}

/** A gateway with the stream `garden` and a computer that knows it. */
export async function bench(): Promise<StreamBench> {
  const gateway = await testGateway()
  const here = computer(gatewayEnv(gateway))
  const system = (options: TestSystemOptions = {}): TestSystem => here({ clock: hasty, ...options })
  const run: StreamBench['run'] = (argv, options) => cli(argv, system(options))
  await run(['stream', 'create', 'garden', '--no-status'])
  return { gateway, run, system, folder: system().cwd }
}

/** Rows of CSV for some stations: every one at the same times, so that equal times abound. */
export function weatherCsv(count: number, stations = 3): string {
  const lines = ['timestamp,symbol,temperature,humidity,pressure,case_temperature']
  for (let i = 0; i < count; i++) {
    const time = new Date(Date.UTC(2026, 10, 1) + i * 2000).toISOString()
    for (let s = 0; s < stations; s++)
      lines.push(`${time},st-${s},${20 + (i % 50) / 10},48.5,1013.2,${i % 7 ? 22.1 : ''}`)
  }
  return `${lines.join('\n')}\n`
}

/** Records of one time come in no fixed order. */
export const sorted = (text: string): string => text.trim().split('\n').sort().join('\n')
