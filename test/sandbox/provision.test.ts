import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rememberStation } from '../../src/station/inventory.js'
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

  it('ends with the first record', async () => {
    const ran = await provision('--debug', '--name', 'Roof')
    expect(ran.code, ran.err).toBe(0)
    expect(ran.err).toMatch(/First record in TimeBase/)
    expect(readFileSync(bench.data('inventory.json'), 'utf8')).toContain('"name": "Roof"')
  })

  it('finds nothing to change the second time', async () => {
    const ran = await provision('--json')
    expect(ran.code, ran.err).toBe(0)
    expect(JSON.parse(ran.out)).toMatchObject({ changed: false, symbol: 'esp010203' })
  })

  it('shows the old and the new value of a changed setting, and whose name it would take', async () => {
    const other = { mac: '24:0a:c4:09:09:09', symbol: 'roof', stream: 'weather_record' }
    await rememberStation(bench.computer(), { ...other, name: 'Shed' })
    const changed = ['--set', 'upload_interval=20', '--symbol', 'roof']
    const ran = await provision(...changed, '--dry-run')
    expect(ran.err).toMatch(/upload_interval: 10 \(default\) -> 20/)
    expect(ran.err).toMatch(/Another station \(Shed\) writes as "roof" too/)
  })

  it('goes on from what the board has: what fits it, past what the board itself ignores', async () => {
    await bench.atPrompt(
      `import json
with open('/station.json')as f:s=json.load(f)
s.update({'upload_interval':60,'colour':'red','led':99})
with open('/station.json','w')as f:json.dump(s,f)`,
    )
    const fits = await provision('--set', 'sample_interval=30', '--dry-run', '--json')
    expect(fits.code, fits.out).toBe(0)
    const { plan } = JSON.parse(fits.out) as { plan: { settings: unknown } }
    expect(plan.settings).toEqual([{ name: 'sample_interval', from: '2 (default)', to: '30' }])
    const shown = await provision('--set', 'sample_interval=90', '--dry-run')
    expect(shown.code).toBe(3)
    expect(shown.err).toMatch(/The board passes over led, colour in its station\.json/)
    expect(shown.err).toMatch(/"upload_interval" must not be below "sample_interval"/)
    const { changes } = JSON.parse(
      (await bench.wxstation('config', 'set', 'upload_interval=61', '--dry-run', '--json')).out,
    ) as { changes: unknown }
    expect(changes).toEqual([{ name: 'upload_interval', from: '60', to: '61' }])
  })
})
