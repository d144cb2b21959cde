import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.js'
import { readInventory } from '../../src/station/inventory.js'
import type { Host } from '../../src/system.js'
import { type Bench, provisionBench } from '../support/bench.js'
import { converse, type Dialog, keys } from '../support/converse.js'
import type { TestSystem } from '../support/system.js'

const { down, enter, interrupt } = keys
const list = /Another name/
const password = /Password of/
const named = { WXSTATION_STATION_NAME: 'Shed', WXSTATION_STREAM: 'weather_record' }
const unknownWifi = ['WXSTATION_WIFI_SSID', 'WXSTATION_WIFI_PASSWORD']

/** One bench for all cases, in order: the board is bare until the case that ends with a record. */
describe('the wizard of provision', () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await provisionBench()
  })
  afterAll(() => bench?.stop())

  const terminal = (without = unknownWifi, env: Record<string, string> = named): TestSystem =>
    bench.computer({ tty: true, without, env })

  async function ask(system: TestSystem, dialog: Dialog, ...args: string[]): Promise<number> {
    const done = run(['provision', '--wifi', ...args], system)
    // A command that ends early must not leave the conversation waiting for ever.
    const [code] = await Promise.all([
      done,
      Promise.race([converse(system, dialog), done.then(() => {})]),
    ])
    return code
  }

  const networks = (system: TestSystem): string => {
    const { plan } = JSON.parse(system.out()) as {
      plan: { settings: { name: string; to: string }[] }
    }
    return plan.settings.find(({ name }) => name === 'networks')?.to ?? ''
  }

  it.each<[string, string, Dialog]>([
    [
      'the strongest of the scan',
      'Rooftop',
      [
        [list, enter],
        [password, `sandbox-wifi${enter}`],
      ],
    ],
    ['an open network, without a password', 'Office-Guest', [[list, down + enter]]],
    [
      'another name',
      'Backyard',
      [
        [list, down + down + down + down + enter],
        [/Name/, `Backyard${enter}`],
        [password, `sandbox-wifi${enter}`],
      ],
    ],
  ])('plans the network that was chosen: %s', async (_how, ssid, dialog) => {
    const system = terminal()
    expect(await ask(system, dialog, '--dry-run', '--json'), system.err()).toBe(0)
    expect(networks(system)).toContain(ssid)
    expect(system.out() + system.err()).not.toContain('sandbox-wifi')
  })

  it('shows each name once, and says after a rescan why a network may be missing', async () => {
    const system = terminal()
    const dialog: Dialog = [
      [list, down + down + down + enter],
      [list, down + enter],
    ]
    expect(await ask(system, dialog, '--dry-run'), system.err()).toBe(0)
    const first = system.err().split('Rescan')[0] ?? ''
    expect(first.match(/Rooftop/g)).toHaveLength(1)
    expect(first).toMatch(/-48 dBm\s+ch 6\s+WPA2/)
    expect(system.err()).toMatch(/2\.4 GHz networks only/)
  })

  it('plans the streams that are missing and creates none with --dry-run', async () => {
    const system = bench.computer()
    expect(await run(['provision', '--wifi', '--dry-run'], system)).toBe(0)
    expect(system.err()).toMatch(/Board .*\nPlan .*create streams weather_record, station_status/)
  })

  it.each<[string, Dialog]>([
    ['the list of networks', [[list, interrupt]]],
    [
      'the password',
      [
        [list, enter],
        [password, interrupt],
      ],
    ],
  ])('leaves the board running when Ctrl-C is pressed at %s', async (_where, dialog) => {
    const system = terminal()
    const done = run(['provision', '--wifi'], system)
    await Promise.race([converse(system, dialog), done])
    expect(await done).toBe(130)
    expect(system.err()).toMatch(/nothing was changed/)
    // A second command gets in at once: the port is free and the board answers.
    expect(await run(['provision', '--wifi', '--dry-run'], bench.computer())).toBe(0)
  })

  it.each<[string, Record<string, string>, string]>([
    ['a dead TimeBase', { WXSTATION_TIMEBASE_URL: 'http://127.0.0.1:1' }, 'NETWORK_UNREACHABLE'],
    ['a wrong login', { WXSTATION_TIMEBASE_PASSWORD: 'not-the-one' }, 'LOGIN_REFUSED'],
  ])('says before it touches a board: %s', async (_what, env, code) => {
    // Nobody listens on this port: whoever opened it would fail with another code.
    const system = bench.computer({ env: { ...env, WXSTATION_PORT: 'rfc2217://127.0.0.1:1' } })
    expect(await run(['provision', '--wifi', '--json'], system), system.out()).toBe(9)
    expect(JSON.parse(system.out())).toMatchObject({ error: { code } })
    expect(system.out() + system.err()).not.toContain('not-the-one')
  })

  it('asks for TimeBase, takes a second password, and ends with the first record', async () => {
    const asked = [...unknownWifi, 'WXSTATION_TIMEBASE_URL', 'WXSTATION_TIMEBASE_USER']
    asked.push('WXSTATION_TIMEBASE_BOARD_URL', 'WXSTATION_TIMEBASE_PASSWORD')
    const address = (last: number): ReturnType<Host['addresses']>[number] => ({
      ...{ name: `lan${last}`, address: `192.168.77.${last}`, netmask: '255.255.255.0' },
    })
    const here = terminal(asked, {})
    // Two addresses in the board's network; only one of them leads to this computer.
    const host = { ...here.host, addresses: () => [address(99), address(1)] }
    const system: TestSystem = { ...here, host }
    const code = await ask(system, [
      [/TimeBase WebAdmin/, `${bench.env.WXSTATION_TIMEBASE_URL}${enter}`],
      [/TimeBase user/, enter],
      [/TimeBase password/, `${bench.env.WXSTATION_TIMEBASE_PASSWORD}${enter}`],
      [/Station name/, `Shed${enter}`],
      [/Stream/, `garden${enter}`],
      [list, enter],
      [password, `not-the-one${enter}`],
      [/refuses the password[\s\S]*Password of/, `sandbox-wifi${enter}`],
    ])
    expect(code, system.err()).toBe(0)
    const shown = system.err()
    expect(shown).not.toMatch(/sandbox-wifi|not-the-one/)
    expect(shown).not.toContain(bench.env.WXSTATION_TIMEBASE_PASSWORD)
    // The rest is not asked or planned again.
    expect(shown.match(/Plan {6}/g)).toHaveLength(1)
    const retyped = shown.slice(shown.indexOf('refuses the password'))
    expect(retyped.slice(0, retyped.indexOf('joined Rooftop'))).not.toMatch(list)
    expect(shown).toMatch(/First record in TimeBase/)
    expect(system.out()).toMatch(/esp010203 .* °C/)
    const [station] = await readInventory(system)
    const { port } = new URL(bench.env.WXSTATION_TIMEBASE_URL ?? '')
    expect(shown).toContain(`The board gets http://192.168.77.1:${port}: localhost would be`)
    expect(station).toMatchObject({
      ...{ symbol: 'esp010203', name: 'Shed', stream: 'garden', address: '192.168.77.20' },
      timebaseUrl: bench.env.WXSTATION_TIMEBASE_URL,
    })
  }, 150_000)
})
