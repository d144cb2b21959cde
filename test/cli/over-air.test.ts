import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Gateway } from '../../src/sandbox/gateway/gateway.js'
import { Secret } from '../../src/secret.js'
import { readInventory, rememberStation } from '../../src/station/inventory.js'
import { nodeSystem } from '../../src/system/node.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient } from '../../src/timebase/client.js'
import { writeRecords } from '../../src/timebase/write.js'
import { gatewayEnv, testGateway } from '../support/gateway.js'
import { cli, type TestSystem, testSystem } from '../support/system.js'
import { type FakeWebRepl, fakeWebRepl } from '../support/webrepl.js'

const before = {
  version: 1,
  timebase_url: 'http://192.168.1.5:8099',
  password: 'marked-tb',
  networks: [{ ssid: 'Rooftop', password: 'marked-wifi' }],
  webrepl_password: 'mark-old',
}

interface Station extends FakeWebRepl {
  password: string
  /** Blocks of 4 KB that its file system has free. */
  freeBlocks: number
  /** What the settings on trial come to after the reset. */
  onReset: (candidate: string) => void
}

/** A station behind WebREPL: raw mode without paste, files, and a reset that ends the connection. */
async function stationOnAir(settings: object = before): Promise<Station> {
  const fake = await fakeWebRepl(() => station.password)
  const station: Station = Object.assign(fake, {
    password: before.webrepl_password,
    freeBlocks: 500,
    onReset: () => {},
  })
  station.files.set('/station.json', JSON.stringify(settings))
  let code = ''
  station.onText = (text) => {
    if (text.endsWith('\r\x01')) return 'raw REPL; CTRL-B to exit\r\n>'
    if (text === '\x05A\x01') return 'R\0'
    code += text
    if (!code.endsWith('\x04')) return ''
    const source = code
    code = ''
    if (source.includes('survey.facts')) return `OK${factsText(settings)}\x04\x04>`
    if (source.includes('survey.digest')) return 'OK?\r\n\x04\x04>'
    // Its only file of ours is another main.py, of 200 KB.
    if (source.includes('#room'))
      return `OK#room 15 4096 ${station.freeBlocks}\r\nmain.py ${'0'.repeat(16)} 204800\r\n\x04\x04>`
    if (source.includes('unique_id')) return 'OK24:0a:c4:01:02:03 7\r\n\x04\x04>'
    const stored = /a2b_base64\(b'(.*)'\)/.exec(source)?.[1]
    if (stored) {
      const data = Buffer.from(stored, 'base64')
      station.files.set('/station.try.json', data.toString())
      return `OK${createHash('sha256').update(data).digest('hex').slice(0, 16)}\r\n\x04\x04>`
    }
    if (source.includes('machine.reset()')) {
      station.onReset(String(station.files.get('/station.try.json') ?? ''))
      station.hangUp()
      return ''
    }
    return 'OK\x04\x04>'
  }
  return station
}

/** What survey.py says of the board, by the letters that src/station/board.ts asks for. */
function factsText(settings: object): string {
  const json = JSON.stringify(settings)
  const lines = ['m 240ac4010203', 'v 1.27.0', 'h Generic ESP32', 'y 0', 's', `x ${crc32(json)}`]
  return `${[...lines, `j ${json}`].join('\r\n')}\r\n`
}

/** Waiting costs nothing: what would be slept is skipped. */
function hastySystem(env: Record<string, string> = {}): TestSystem {
  const { clock } = nodeSystem()
  let skippedMs = 0
  return testSystem({
    env: { NO_COLOR: '1', WXSTATION_WEBREPL_PASSWORD: before.webrepl_password, ...env },
    clock: {
      ...clock,
      monotonic: () => clock.monotonic() + skippedMs,
      sleep: (_ms, signal) => {
        skippedMs += _ms
        return clock.sleep(0, signal)
      },
    },
  })
}

const mac = '24:0a:c4:01:02:03'

/** What the station has said of itself last. */
function status(gateway: Gateway, fields: { boot: number; address: string }): Promise<unknown> {
  const system = nodeSystem()
  const auth = passwordAuth(
    { url: gateway.url, user: gateway.user, password: new Secret(gateway.password) },
    system,
  )
  const timestamp = new Date(Date.UTC(2026, 10, 1) + fields.boot * 1000).toISOString()
  return writeRecords(makeClient({ url: gateway.url, auth }, system), 'station_status', [
    { symbol: 'esp010203', timestamp, type: 'station_status', fields },
  ])
}

const errorOf = (out: string): unknown => (JSON.parse(out) as { error: unknown }).error

describe('settings over the air', () => {
  it('are kept when the station calls home', async () => {
    const station = await stationOnAir()
    station.onReset = (candidate) => station.files.set('/station.json', candidate)
    const args = ['config', 'set', 'upload_interval=30', '--host', station.host]
    const { code, out, err } = await cli(args, hastySystem())
    expect(code, err).toBe(0)
    expect(err).toMatch(/upload_interval: 10 \(default\) -> 30/)
    expect(out).toMatch(/called home/)
    expect(JSON.parse(String(station.files.get('/station.json') ?? ''))).toEqual({
      ...before,
      upload_interval: 30,
    })
  })

  it('go on past what the board itself ignores, and show no secret of it', async () => {
    const odd = { ssid: 'Odd', password: ['marked-odd'] }
    const station = await stationOnAir({
      ...before,
      ...{ colour: 'red', networks: [...before.networks, odd] },
    })
    station.onReset = (candidate) => station.files.set('/station.json', candidate)
    const shown = await cli(['wifi', 'list', '--host', station.host, '--json'], hastySystem())
    expect(shown.code, shown.err).toBe(0)
    expect(shown.out).not.toContain('Odd')
    const args = ['config', 'set', 'upload_interval=30', '--host', station.host]
    const set = await cli(args, hastySystem())
    expect(set.code, set.err).toBe(0)
    expect(set.err).toMatch(/passes over networks, colour in its station\.json/)
    expect(shown.out + shown.err + set.out + set.err).not.toContain('marked-odd')
    expect(JSON.parse(String(station.files.get('/station.json') ?? ''))).toEqual({
      ...before,
      upload_interval: 30,
    })
  })

  it('are looked at with the new password while they are on trial', async () => {
    const station = await stationOnAir()
    station.onReset = (candidate) => {
      station.files.set('/station.json', candidate)
      station.password = 'mark-new'
    }
    const args = ['config', 'set', 'webrepl_password=mark-new', '--host', station.host]
    const { code, out, err } = await cli([...args, '--debug'], hastySystem())
    expect(code, err).toBe(0)
    expect(out + err).not.toMatch(/mark-/)
  })

  it('that do not work are reported once the old ones are back', async () => {
    const station = await stationOnAir()
    const args = ['wifi', 'set', '--ssid', 'Attic', '--host', station.host, '--json']
    const env = { WXSTATION_WIFI_PASSWORD: 'marked-attic' }
    const { code, out, err } = await cli(args, hastySystem(env))
    expect(errorOf(out)).toMatchObject({ code: 'TRIAL_FAILED', exitCode: 11 })
    expect(code).toBe(11)
    expect(out + err).not.toMatch(/marked/)
    const tried = JSON.parse(String(station.files.get('/station.try.json') ?? '')) as typeof before
    expect(tried.networks.map(({ ssid }) => ssid)).toEqual(['Attic', 'Rooftop'])
  })

  it('of a station that is not seen again stay unknown', async () => {
    const station = await stationOnAir()
    station.onReset = () => {
      station.isBusy = true
    }
    const args = ['config', 'set', 'led=4', '--host', station.host, '--json']
    const { out } = await cli(args, hastySystem())
    expect(errorOf(out)).toMatchObject({ code: 'BOARD_SILENT', exitCode: 6 })
  })

  it('of a station in another network are kept when TimeBase has heard the boot on trial', async () => {
    const gateway = await testGateway()
    const env = gatewayEnv(gateway)
    await cli(['stream', 'create'], { env })
    const said = (boot: number, address: string): Promise<unknown> =>
      status(gateway, { boot, address })
    const station = await stationOnAir()
    const system = hastySystem({ ...env, WXSTATION_WIFI_PASSWORD: 'marked-attic' })
    await rememberStation(system, { mac, symbol: 'esp010203', stream: 'weather_record' })
    station.onReset = () => {
      station.isBusy = true
      void said(8, '10.0.0.7')
    }
    const args = ['wifi', 'set', '--ssid', 'Attic', '--host', station.host, '--json']
    const { code, out } = await cli(args, system)
    expect(code, out).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ ssid: 'Attic', changed: true, address: '10.0.0.7' })
    expect(await readInventory(system)).toMatchObject([{ mac, address: '10.0.0.7' }])
  })

  it('of a station that sends after another boot stay unknown', async () => {
    const gateway = await testGateway()
    const env = gatewayEnv(gateway)
    await cli(['stream', 'create'], { env })
    const station = await stationOnAir()
    station.onReset = () => {
      station.isBusy = true
      // The boot on trial was the eighth: with the ninth the old settings are back.
      void status(gateway, { boot: 9, address: '127.0.0.1' })
    }
    const args = ['config', 'set', 'led=4', '--host', station.host, '--json']
    const { out } = await cli(args, hastySystem(env))
    expect(errorOf(out)).toMatchObject({ code: 'BOARD_SILENT' })
  })

  it('with another server want its certificate on the board', async () => {
    const pem = (name: string): string =>
      readFileSync(new URL(`../support/tls/${name}.pem`, import.meta.url), 'utf8')
    const der = (name: string): Buffer => new X509Certificate(pem(name)).raw
    const run = async (onBoard: Buffer | undefined): Promise<string> => {
      const station = await stationOnAir()
      if (onBoard) station.files.set('/ca.der', onBoard)
      const system = {
        ...hastySystem(),
        serverCertificates: async () => ({ chain: [der('server')], roots: [pem('root')] }),
      }
      const args = ['config', 'set', 'timebase_url=https://tb.example', '--dry-run']
      const { out } = await cli([...args, '--host', station.host, '--json'], system)
      return out
    }
    expect(errorOf(await run(undefined))).toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(errorOf(await run(der('foreign')))).toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(JSON.parse(await run(der('root')))).toMatchObject({ dryRun: true })
  })

  it('find a station by the name that the inventory gives it', async () => {
    const station = await stationOnAir()
    const system = hastySystem()
    const entry = { mac, symbol: 'esp010203', stream: 'weather_record' }
    await rememberStation(system, { ...entry, name: 'roof', address: station.host })
    const { code, out } = await cli(['wifi', 'list', '--host', 'roof', '--json'], system)
    expect(code, out).toBe(0)
    const other = hastySystem()
    await rememberStation(other, { ...entry, name: 'roof' })
    const unknown = await cli(['wifi', 'list', '--host', 'roof', '--json'], other)
    expect(errorOf(unknown.out)).toMatchObject({ code: 'USAGE' })
  })

  it.each(['update', 'update --dry-run', 'provision', 'config set led=4'])(
    'never go to another station that has the address now: %s',
    async (command) => {
      const gateway = await testGateway()
      const station = await stationOnAir()
      const system = hastySystem(gatewayEnv(gateway))
      const entry = { symbol: 'esp0a0b0c', stream: 'weather_record', name: 'roof' }
      const wanted = '24:0a:c4:0a:0b:0c'
      await rememberStation(system, { ...entry, mac: wanted, address: station.host })
      const args = [...command.split(' '), '--host', 'roof', '--json']
      const { out, err } = await cli(args, system)
      expect(errorOf(out), err).toMatchObject({
        code: 'NO_BOARD',
        hint: expect.stringContaining('--host'),
        details: { wanted, found: mac, host: station.host },
      })
      expect(station.files.size).toBe(1)
      expect(station.frames.join('')).not.toMatch(/#room|a2b_base64/)
    },
  )

  it.each(['update', `provision --board-url ${before.timebase_url}`])(
    'count the room that a way back takes in a dry run: %s',
    async (command) => {
      const env = gatewayEnv(await testGateway())
      const station = await stationOnAir()
      const args = [...command.split(' '), '--host', station.host, '--dry-run', '--json']
      const roomy = await cli(args, hastySystem(env))
      expect(JSON.parse(roomy.out), roomy.err).toMatchObject({ dryRun: true })
      // Enough for all new files and what brings them, not for a copy of 200 KB as well.
      station.freeBlocks = 45
      const full = await cli(args, hastySystem(env))
      expect(errorOf(full.out), full.err).toMatchObject({
        code: 'BOARD_FULL',
        hint: expect.stringContaining('cable'),
      })
      expect(station.files.size).toBe(1)
    },
  )

  it.each([
    ['webrepl_password=', before],
    ['led=4', { ...before, timebase_url: '' }],
    ['wifi remove Rooftop', before],
  ])('that nobody could take back are refused: %s', async (what, settings) => {
    const station = await stationOnAir(settings)
    const words = what.includes('=') ? ['config', 'set', what] : what.split(' ')
    const args = [...words, '--host', station.host, '--json']
    const { out } = await cli(args, hastySystem())
    expect(errorOf(out)).toMatchObject({ code: 'SETTINGS_INVALID', exitCode: 3 })
    expect(station.frames).toEqual([])
  })

  it.each([
    ['config', 'set', 'led=4', '--dry-run'],
    ['wifi', 'list'],
  ])('are read without a word to the prompt: %s %s', async (...args) => {
    const station = await stationOnAir()
    const ran = await cli([...args, '--host', station.host, '--json'], hastySystem())
    expect(ran.code, ran.out).toBe(0)
    expect(station.frames).toEqual([])
    expect(ran.out + ran.err).not.toMatch(/mark/)
  })

  it('need the right WebREPL password', async () => {
    const station = await stationOnAir()
    station.password = 'another'
    const { out } = await cli(['wifi', 'list', '--host', station.host, '--json'], hastySystem())
    expect(errorOf(out)).toMatchObject({ code: 'LOGIN_REFUSED' })
  })
})
