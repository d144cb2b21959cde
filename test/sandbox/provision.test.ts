import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noFaults } from '../../src/sandbox/faults.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { type Ran, wxstation } from '../support/program.js'
import { builtSandbox } from '../support/sandbox.js'

type BuilderModule = typeof import('../../src/sandbox/image-builder.js')

/** One bench for all cases, in order: each stands on what the one before left on the board. */
describe('provision on a virtual board', () => {
  const system = nodeSystem()
  let sandbox: Sandbox
  let folder: string
  let env: Record<string, string>

  beforeAll(async () => {
    folder = await system.files.temporaryFolder('wxstation-provision-')
    const { startSandbox } = await builtSandbox()
    const options = { folder: join(folder, 'bench'), boards: 1, firstPort: 0, faults: {} }
    sandbox = await startSandbox(options, system)
    const built = new URL('../../dist/sandbox/image-builder.js', import.meta.url).href
    const { buildImage } = (await import(/* @vite-ignore */ built)) as BuilderModule
    const image = buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' })
    sandbox.boards[0]?.flash.program(0x1000, image)
    await sandbox.boards[0]?.powerCycle()
    env = { ...sandbox.environment, WXSTATION_HOME: join(folder, 'home') }
  })

  afterAll(async () => {
    await sandbox?.stop()
    await system.files.remove(folder)
  })

  const provision = (...args: string[]): Promise<Ran> =>
    wxstation(['provision', '--wifi', ...args], env)

  const errorOf = ({ out }: Ran): { code: string; exitCode: number } =>
    (JSON.parse(out) as { error: { code: string; exitCode: number } }).error

  it('prints the plan and changes nothing with --dry-run', async () => {
    const ran = await provision('--dry-run', '--json')
    expect(ran.code, ran.err).toBe(0)
    const { plan } = JSON.parse(ran.out) as { plan: { add: { name: string }[] } }
    expect(plan.add.map(({ name }) => name)).toContain('main.py')
  })

  it.each(['WXSTATION_WIFI_SSID', 'WXSTATION_WIFI_PASSWORD'])(
    'misses %s before it looks for a board',
    async (name) => {
      const { [name]: _, ...rest } = env
      const nowhere = { ...rest, WXSTATION_PORT: '/dev/nothing' }
      const { code, err } = await wxstation(['provision', '--wifi'], nowhere)
      expect(code, err).toBe(2)
      expect(err).toContain(name)
    },
  )

  it.each([
    ['wrongPassword', 'WIFI_WRONG_PASSWORD'],
    ['accessPointGone', 'WIFI_NOT_FOUND'],
  ] as const)('names the reason of a failed join: %s', async (fault, code) => {
    const faults = sandbox.boards[0]?.faults
    Object.assign(faults ?? {}, { [fault]: true })
    const ran = await provision('--json')
    Object.assign(faults ?? {}, noFaults())
    expect(errorOf(ran)).toMatchObject({ code, exitCode: 8 })
    expect(ran.code).toBe(8)
  })

  it('refuses settings beyond the limits before it touches the board', async () => {
    const ran = await provision('--json', '--set', 'sample_interval=1')
    expect(errorOf(ran)).toMatchObject({ code: 'SETTINGS_INVALID', exitCode: 3 })
  })

  it('ends with the first record, and shows no secret anywhere', async () => {
    const ran = await provision('--debug', '--name', 'Roof')
    expect(ran.code, ran.err).toBe(0)
    expect(ran.err).toMatch(/First record in TimeBase/)
    const secrets = [env.WXSTATION_WIFI_PASSWORD, env.WXSTATION_TIMEBASE_PASSWORD]
    const home = env.WXSTATION_HOME ?? ''
    const files = readdirSync(home, { recursive: true, encoding: 'utf8' })
      .map((name) => join(home, name))
      .filter((path) => statSync(path).isFile())
    expect(files.some((path) => path.endsWith('inventory.json'))).toBe(true)
    const written = files.map((path) => readFileSync(path, 'utf8')).join('\n')
    for (const secret of secrets) {
      expect(secret?.length).toBeGreaterThan(7)
      expect(ran.out + ran.err + written).not.toContain(secret)
    }
  })

  it('finds nothing to change the second time', async () => {
    const ran = await provision('--json')
    expect(ran.code, ran.err).toBe(0)
    expect(JSON.parse(ran.out)).toMatchObject({ changed: false, symbol: 'esp010203' })
  })

  it('shows the old and the new value of a changed setting', async () => {
    const ran = await provision('--set', 'upload_interval=20', '--dry-run')
    expect(ran.err).toMatch(/upload_interval/)
  })
})
