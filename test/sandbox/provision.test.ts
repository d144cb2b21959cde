import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bench, provisionBench } from '../support/bench.js'
import { type Ran, wxstation } from '../support/program.js'

/** One bench for all cases, in order: each stands on what the one before left on the board. */
describe('provision on a virtual board', () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await provisionBench()
  })
  afterAll(() => bench?.stop())

  const provision = (...args: string[]): Promise<Ran> =>
    bench.wxstation('provision', '--wifi', ...args)

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
      const { [name]: _, ...rest } = bench.env
      const nowhere = { ...rest, WXSTATION_PORT: '/dev/nothing' }
      const { code, err } = await wxstation(['provision', '--wifi'], nowhere)
      expect(code, err).toBe(2)
      expect(err).toContain(name)
    },
  )

  it('refuses settings beyond the limits before it touches the board', async () => {
    const ran = await provision('--json', '--set', 'sample_interval=1')
    expect(errorOf(ran)).toMatchObject({ code: 'SETTINGS_INVALID', exitCode: 3 })
  })

  it('ends with the first record, and shows no secret anywhere', async () => {
    const ran = await provision('--debug', '--name', 'Roof')
    expect(ran.code, ran.err).toBe(0)
    expect(ran.err).toMatch(/First record in TimeBase/)
    const { env } = bench
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
