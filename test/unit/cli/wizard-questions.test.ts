import { describe, expect, it } from 'vitest'
import { choosePort } from '../../../src/cli/board.js'
import { joinNetwork } from '../../../src/cli/board-network.js'
import type { Context } from '../../../src/cli/context.js'
import { chooseNetwork, strongestKnown } from '../../../src/cli/network-choice.js'
import { makePrompts } from '../../../src/cli/prompts.js'
import { loadSettings } from '../../../src/cli/settings.js'
import { askStation, askTimebase, withLogin } from '../../../src/cli/wizard.js'
import type { Repl } from '../../../src/device/repl.js'
import type { Event } from '../../../src/events.js'
import { Secret } from '../../../src/secret.js'
import type { Network } from '../../../src/station/config.js'
import { rememberStation } from '../../../src/station/inventory.js'
import type { System } from '../../../src/system.js'
import { coded, type Sent, scripted } from '../../support/answers.js'
import { converse, type Dialog, keys } from '../../support/converse.js'
import { type TestSystem, testSystem } from '../../support/system.js'

const { backspace, down, enter } = keys
const nothing = scripted(() => ({ fails: coded('ECONNREFUSED') })).fetch

interface Desk {
  context: Context
  system: TestSystem
  notices: string[]
}

/** A person at a terminal, with nothing set but what is given. */
async function desk(env: Record<string, string> = {}, system: Partial<System> = {}): Promise<Desk> {
  const here = testSystem({ tty: true, env, fetch: nothing, ...system })
  const { signal } = new AbortController()
  const notices: string[] = []
  const context = {
    system: here,
    settings: await loadSettings(here),
    prompts: makePrompts(here.terminal, signal, () => {}),
    signal,
    report: (event: Event) => {
      if (event.type === 'notice') notices.push(event.notice)
    },
  }
  return { context: context as unknown as Context, system: here, notices }
}

/** The answer to questions that are answered like this. */
async function answered<T>({ system }: Desk, work: Promise<T>, dialog: Dialog): Promise<T> {
  const [answer] = await Promise.all([work, Promise.race([converse(system, dialog), work])])
  return answer
}

/** A board that answers one line after the other. */
function board(...answers: string[]): { repl: Repl; asked: string[] } {
  const asked: string[] = []
  const exec: Repl['exec'] = async (code) => {
    asked.push(code)
    const answer = answers.shift()
    if (answer === undefined) throw new Error(`unexpected code: ${code}`)
    return answer
  }
  return { repl: { exec } as Repl, asked }
}

const seen = (name: string, dbm: number, auth = 3): string =>
  `${Buffer.from(name).toString('hex')} 6 ${dbm} ${auth}`
const joined = 'd True 1010 -48 1060 192.168.1.57 255.255.255.0 192.168.1.1'

describe('the address of TimeBase', () => {
  it('is offered where one answers on this computer', async () => {
    const found = scripted((sent) =>
      sent.url === 'http://localhost:8099/ping' ? {} : { fails: coded('ECONNREFUSED') },
    )
    const one = await desk({}, { fetch: found.fetch })
    const { settings } = await answered(one, askTimebase(one.context), [
      [/TimeBase WebAdmin .*localhost:8099/, enter],
      [/TimeBase user .*admin/, enter],
      [/TimeBase password/, `marked-secret${enter}`],
    ])
    expect(settings.get('timebase.url')).toBe('http://localhost:8099')
    expect(settings.get('timebase.user')).toBe('admin')
    expect(settings.get('timebase.password')).toBe('marked-secret')
    expect(one.system.err()).not.toContain('marked-secret')
  })

  it('is else offered where the last board was provisioned for, if that answers', async () => {
    const env = { WXSTATION_TIMEBASE_USER: 'u', WXSTATION_TIMEBASE_PASSWORD: 'p' }
    const answers = (sent: Sent) =>
      sent.url === 'http://new:8099/ping' ? {} : { fails: coded('ECONNREFUSED') }
    const one = await desk(env, { fetch: scripted(answers).fetch })
    for (const [mac, timebaseUrl, provisionedAt] of [
      ['1', 'http://new:8099', '2026-11-20T00:00:00Z'],
      ['2', 'http://old:8099', '2026-11-19T00:00:00Z'],
    ] as const) {
      const what = { mac, symbol: mac, stream: 's' }
      await rememberStation(one.system, { ...what, timebaseUrl, provisionedAt })
    }
    const { settings } = await answered(one, askTimebase(one.context), [
      [/TimeBase WebAdmin .*new:8099/, enter],
    ])
    expect(settings.get('timebase.url')).toBe('http://new:8099')
  })

  it('is typed where none answers', async () => {
    const one = await desk({ WXSTATION_TIMEBASE_USER: 'u', WXSTATION_TIMEBASE_PASSWORD: 'p' })
    const { settings } = await answered(one, askTimebase(one.context), [
      [/TimeBase WebAdmin/, `server:80${enter}`],
      [/is no address/, `${backspace.repeat(9)}http://server:8099${enter}`],
    ])
    expect(settings.get('timebase.url')).toBe('http://server:8099')
    expect(one.system.err()).not.toContain('localhost')
  })

  it('is all that is asked of who has a key', async () => {
    const env = { WXSTATION_TIMEBASE_API_KEY: 'roof', WXSTATION_TIMEBASE_API_SECRET: 's' }
    const one = await desk(env)
    await answered(one, askTimebase(one.context), [[/TimeBase WebAdmin/, `http://a${enter}`]])
    expect(one.system.err()).not.toMatch(/TimeBase (user|password)/)
  })
})

describe('a new board', () => {
  const wish = { stream: 'weather_record' }
  const symbol = 'esp010203'

  it.each<[string, Dialog, string | undefined, string]>([
    [
      'its symbol and the usual stream',
      [
        [/Station name .*esp010203/, enter],
        [/Stream .*weather_record/, enter],
      ],
      undefined,
      'weather_record',
    ],
    [
      'a name and a stream of its own',
      [
        [/Station name/, `Roof${enter}`],
        [/Stream/, `\u0015garden${enter}`],
      ],
      'Roof',
      'garden',
    ],
  ])('gets %s', async (_what, dialog, name, stream) => {
    const one = await desk()
    const asked = askStation(one.context, {}, wish, { symbol, known: undefined })
    const { context, wish: wanted } = await answered(one, asked, dialog)
    expect(context.settings.get('station.name')).toBe(name)
    expect(wanted.stream).toBe(stream)
  })

  it('keeps the name this computer knows it by, and takes no stream that TimeBase would not', async () => {
    const one = await desk()
    const known = { mac: 'm', symbol, stream: 's', name: 'Shed' }
    const asked = askStation(one.context, {}, wish, { symbol, known })
    const { context, wish: wanted } = await answered(one, asked, [
      [/Station name .*Shed/, enter],
      [/Stream/, `My Garden${enter}`],
      [/no good name/, `${backspace.repeat(9)}garden${enter}`],
    ])
    expect(context.settings.get('station.name')).toBe('Shed')
    expect(wanted.stream).toBe('garden')
  })

  it('is not asked about where flags, variables or files have said it', async () => {
    const one = await desk({ WXSTATION_STATION_NAME: 'Roof' })
    const { wish: wanted } = await askStation(
      one.context,
      { stream: 'garden' },
      { stream: 'garden' },
      { symbol, known: undefined },
    )
    expect(wanted.stream).toBe('garden')
    expect(one.system.err()).toBe('')
  })

  it('is asked for the password it signs in with, where this computer uses a token', async () => {
    const one = await desk()
    const asked = withLogin(one.context, { username: 'st1' })
    const { password } = await answered(one, asked, [
      [/password of the station's user/, `marked-one${enter}`],
    ])
    expect((password as Secret).reveal()).toBe('marked-one')
    expect(one.system.err()).not.toContain('marked-one')
    expect(await withLogin(one.context, { auth: 'api-key' })).toEqual({ auth: 'api-key' })
  })
})

it('asks which of two boards', async () => {
  const port = (path: string) => ({ path, vendorId: 0x10c4, productId: 0xea60, serialNumber: path })
  const list = async () => [port('/dev/ttyUSB0'), port('/dev/ttyUSB1')]
  const one = await desk({}, { serial: { list } as unknown as NonNullable<System['serial']> })
  const path = await answered(one, choosePort(one.context), [
    [/Which board[\s\S]*ttyUSB1/, down + enter],
  ])
  expect(path).toBe('/dev/ttyUSB1')
})

describe('a network', () => {
  it('may be hidden, and what is seen of names is harmless', async () => {
    const one = await desk()
    const { repl } = board(
      [seen('\u001b[2JEvil\u202e', -50), seen('', -40), seen('Open', -60, 0)].join('\n'),
    )
    const chosen = await answered(one, chooseNetwork(one.context, {}, repl), [
      [/2\.4 GHz only[\s\S]*Another name/, down + down + down + enter],
      [/Name/, `Attic${enter}`],
      [/Password of Attic/, `1234567${enter}`],
      [/8 to 63 characters/, `8${enter}`],
    ])
    expect(chosen.network.ssid).toBe('Attic')
    expect(chosen.network.password.reveal()).toBe('12345678')
    expect(one.system.err()).toContain('\ufffd[2JEvil\ufffd')
    expect(one.system.err()).not.toContain('\u001b[2JEvil')
  })

  it('is looked for again, with the likely reason why it is missing, said once', async () => {
    const one = await desk()
    const rescan = down + enter
    const { repl } = board(
      seen('A', -50),
      seen('A', -50),
      `${seen('A', -70)}\n${seen('B', -60, 0)}`,
    )
    const { network, seen: heard } = await answered(one, chooseNetwork(one.context, {}, repl), [
      [/Another name/, rescan],
      [/Another name/, rescan],
      [/B [\s\S]*Another name/, enter],
    ])
    expect(network.ssid).toBe('B')
    expect(network.password.isEmpty).toBe(true)
    expect(heard.map(({ ssid }) => ssid)).toEqual(['B', 'A'])
    expect(one.notices).toEqual(['five-ghz'])
  })

  const home = { ssid: 'Home', channel: 6, rssiDbm: -48, security: 'WPA2' }
  const network = (): Network => ({ ssid: 'Home', password: new Secret('not-the-one') })

  it('is joined with the password that was typed again, as often as it takes', async () => {
    const one = await desk()
    const { repl, asked } = board(
      'd False 202 -48 12000 0.0.0.0',
      'd False 204 -48 12000 0.0.0.0',
      joined,
    )
    const wanted = network()
    const work = joinNetwork(one.context, repl, wanted, [home])
    const { address } = await answered(one, work, [
      [/Password of Home/, `also-wrong${enter}`],
      [/Password of Home/, `right-one${enter}`],
    ])
    expect(address).toBe('192.168.1.57')
    expect(wanted.password.reveal()).toBe('right-one')
    expect(one.notices).toEqual(['wrong-password', 'wrong-password'])
    expect(asked.filter((code) => code.includes('w.scan()'))).toEqual([])
  })

  it.each([
    ['no address', 'd False 1001 -48 30004 0.0.0.0', [home], 'WIFI_NO_ADDRESS'],
    ['too weak', 'd False 202 -88 12000 0.0.0.0', [{ ...home, rssiDbm: -88 }], 'WIFI_WEAK'],
    ['gone since the scan', 'd False 201 0 12000 0.0.0.0', [home], 'WIFI_NOT_FOUND'],
  ])('is not asked about again: %s', async (_why, answer, heard, code) => {
    const one = await desk()
    const work = joinNetwork(one.context, board(answer).repl, network(), heard)
    await expect(work).rejects.toMatchObject({ code, exitCode: 8 })
    expect(one.system.err()).toBe('')
  })

  it('is the strongest of those that the station knows', async () => {
    const one = await desk()
    const known = ['Away', 'Far', 'Near'].map((ssid) => ({ ssid, password: new Secret('') }))
    const heard = [seen('Far', -80), seen('Near', -60), seen('Other', -40)].join('\n')
    const chosen = async (air: string): Promise<string | undefined> =>
      (await strongestKnown(one.context, board(air).repl, known))?.ssid
    expect(await chosen(heard)).toBe('Near')
    // Nothing of it is heard: the first one is tried, and the join says what is wrong.
    expect(await chosen(seen('Other', -40))).toBe('Away')
    const { repl, asked } = board()
    expect((await strongestKnown(one.context, repl, known.slice(0, 1)))?.ssid).toBe('Away')
    expect(asked).toEqual([])
  })

  it('is not found where the board hears no such name', async () => {
    const one = await desk()
    const { repl } = board('d False 201 0 12000 0.0.0.0', seen('Other', -50))
    await expect(joinNetwork(one.context, repl, network(), [])).rejects.toMatchObject({
      code: 'WIFI_NOT_FOUND',
      message: expect.stringContaining('does not find'),
    })
  })
})
