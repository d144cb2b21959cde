import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.js'
import { boardUrls, sameNetwork, stillFits } from '../../../src/station/address.js'
import {
  checkPart,
  isLocalhost,
  parseStation,
  settingChanges,
  soundSettings,
  stationFaults,
  stationText,
  symbolOf,
} from '../../../src/station/config.js'
import { parseList } from '../../../src/station/list.js'
import { stationRules } from '../../../src/station/rules.js'
import { note, waitsFor } from '../../../src/station/watch.js'
import { joinError, seenNetworks } from '../../../src/station/wifi.js'

const table = readFileSync(
  new URL('../../../firmware/micropython/config.py', import.meta.url),
  'utf8',
)

/** Name, default, unit and limits of each line of config.py's TABLE. */
const onBoard = [...table.matchAll(/^ {4}\("(\w+)", (.+?), "([^"]*)", (-?\d+), (\d+),/gm)].map(
  ([, name = '', initial = '', unit = '', min, max]) => ({
    name,
    initial: JSON.parse(initial) as unknown,
    unit,
    min: Number(min),
    max: Number(max),
  }),
)

describe('the table of settings', () => {
  it('has the same names in the same order as config.py', () => {
    expect(onBoard.length).toBeGreaterThan(25)
    expect(Object.keys(stationRules)).toEqual(onBoard.map(({ name }) => name))
  })

  it.each(onBoard)('$name has the default and the limits of config.py', ({ name, ...board }) => {
    const rule = stationRules[name]
    expect(rule?.default).toEqual(board.initial)
    if (rule?.kind === 'choice') expect(rule.choices).toEqual(board.unit.split('|'))
    else expect([rule?.min, rule?.max]).toEqual([board.min, board.max])
  })
})

it('refuses an RSA key for the board by name, and never repeats it', () => {
  const pem = '-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n'
  const settings = { version: 1, auth: 'api-key', api_key: 'ci', api_secret: new Secret(pem) }
  const faults = stationFaults(settings)
  expect(faults).toEqual([
    '"api_secret" (timebase.apiSecret) is a private key: a station signs with the secret of a basic API key.',
  ])
})

describe('the published schema', () => {
  const { properties } = JSON.parse(
    readFileSync(new URL('../../../templates/station.schema.json', import.meta.url), 'utf8'),
  ) as { properties: { [name: string]: { [key: string]: unknown } } }

  it.each(Object.entries(stationRules))('%s says what the table says', (name, rule) => {
    const published = properties[name]
    expect(published?.default).toEqual(rule.default)
    if (rule.kind === 'number')
      expect([published?.minimum, published?.maximum]).toEqual([rule.min, rule.max])
    if (rule.kind === 'choice') expect(published?.enum).toEqual(rule.choices)
  })

  it('knows no other setting', () => {
    expect(Object.keys(properties)).toEqual(['$schema', ...Object.keys(stationRules)])
  })
})

describe('station settings', () => {
  it.each([
    [{ sample_interval: 1 }, /sample_interval/],
    [{ sample_interval: '2' }, /sample_interval/],
    [{ sample_interval: 2.5 }, /whole number/],
    [{ ntp_refresh: 536_871 }, /ntp_refresh/],
    [{ ntp_servers: [''] }, /ntp_servers/],
    [{ symbol: 'a"b' }, /quotes/],
    [{ symbol: 'a\\' }, /backslashes/],
    [{ scl: 21 }, /two pins/],
    [{ nonsense: 1 }, /no setting/],
    [{ auth: 'magic' }, /one of password, api-key/],
    [{ timebase_url: 'http://localhost:8099' }, /the board itself/],
    [{ sample_interval: 60, upload_interval: 10 }, /must not be below/],
    [{ networks: [{ ssid: '', password: new Secret('12345678') }] }, /1 to 32 bytes/],
    [{ networks: [{ ssid: 'a', password: new Secret('short') }] }, /8 to 63/],
    [{ webrepl_password: new Secret('abc') }, /4 to 9/],
  ])('%j is refused', (settings, why) => {
    expect(stationFaults(settings as never).join(' ')).toMatch(why)
  })

  it.each<[string, object, RegExp | undefined]>([
    ['an interval that the board has the other for', { sample_interval: 30 }, undefined],
    ['a pin that may be the other one of the board', { scl: 21 }, undefined],
    ['two intervals that fit', { sample_interval: 30, upload_interval: 30 }, undefined],
    ['two that do not', { sample_interval: 30, upload_interval: 29 }, /must not be below/],
    ['two pins that are one', { scl: 4, sda: 4 }, /two pins/],
    ['a value beyond its limits', { sample_interval: 1 }, /sample_interval/],
  ])('are checked in parts: %s', (_what, part, why) => {
    const check = (): void => checkPart(part as never)
    if (why) expect(check).toThrow(why)
    else expect(check).not.toThrow()
  })

  it('are taken from a board without what the board itself passes over', () => {
    const near = { ssid: 'near', password: new Secret('12345678') }
    const onBoard = {
      ...{ version: 1, led: 4, colour: 'red', sample_interval: 1, symbol: 'a"b' },
      networks: [near, { ssid: '', password: new Secret('') }],
    }
    const { settings, ignored } = soundSettings(onBoard)
    expect(settings).toEqual({ version: 1, led: 4, networks: [near] })
    expect(ignored).toEqual(['colour', 'sample_interval', 'symbol', 'networks'])
    expect(soundSettings(settings)).toEqual({ settings, ignored: [] })
  })

  it('writes the same bytes for the same settings and reads them back', () => {
    const settings = {
      stream: 'weather_record',
      version: 1,
      password: new Secret('hush'),
      networks: [{ ssid: 'Räume 😀', password: new Secret('12345678') }],
    }
    const text = stationText(settings)
    expect(stationText(parseStation(text, 'x'))).toBe(text)
    expect(text.indexOf('version')).toBeLessThan(text.indexOf('stream'))
  })

  it('never shows a secret in a change or in an error', () => {
    const before = { password: new Secret('old-hush') }
    const after = {
      password: new Secret('new-hush'),
      networks: [{ ssid: 'net', password: new Secret('new-hush') }],
    }
    expect(JSON.stringify(settingChanges(before, after))).not.toMatch(/hush/)
    expect(() => parseStation('{"password": "new-hush"', 'f')).toThrow(/^(?!.*hush)/)
  })

  it('takes no secret that is no text, as the board does not', () => {
    const hush = ['hush-hush']
    const texts = [{ password: hush }, { networks: [{ ssid: 'a', password: hush }] }]
    for (const settings of texts) {
      const faults = stationFaults(parseStation(JSON.stringify(settings), 'x'))
      expect(faults).toHaveLength(1)
      expect(faults.join()).not.toContain('hush')
    }
  })

  it('names a station after its MAC', () => {
    expect(symbolOf({}, '24:0a:c4:12:34:56')).toBe('esp123456')
    expect(symbolOf({ symbol: 'mac4' }, '24:0a:c4:12:34:56')).toBe('esp240a')
    expect(symbolOf({ symbol: 'roof' }, '24:0a:c4:12:34:56')).toBe('roof')
  })
})

describe('addresses for a board', () => {
  const here = [
    { name: 'eth', address: '10.0.0.5', netmask: '255.0.0.0' },
    { name: 'wlan', address: '192.168.1.7', netmask: '255.255.255.0' },
  ]
  it('never gives localhost, and the near address first', () => {
    for (const url of ['http://localhost:8099', 'http://127.0.0.1:8099', 'http://[::1]:8099'])
      expect(isLocalhost(url)).toBe(true)
    const board = { address: '192.168.1.57', netmask: '255.255.255.0' }
    expect(boardUrls('http://localhost:8099', board, here)).toEqual([
      'http://192.168.1.7:8099',
      'http://10.0.0.5:8099',
    ])
    expect(boardUrls('http://server:8099', board, here)).toEqual(['http://server:8099'])
    expect(sameNetwork('10.0.0.1', '10.0.1.1', '255.255.255.0')).toBe(false)
  })

  it('keeps an address that still is this computer', () => {
    expect(stillFits('http://10.0.0.5:8099', 'http://localhost:8099', here)).toBe(true)
    expect(stillFits('http://10.0.0.6:8099', 'http://localhost:8099', here)).toBe(false)
    expect(stillFits('', 'http://localhost:8099', here)).toBe(false)
  })
})

describe('Wi-Fi', () => {
  const hex = (text: string): string => Buffer.from(text).toString('hex')

  it('lists strongest first, each name once, no empty ones', () => {
    const listing = `${hex('b')} 1 -70 3\n${hex('a')} 6 -60 0\n- 1 -20 3\n${hex('b')} 11 -50 3\n`
    expect(seenNetworks(listing)).toEqual([
      { ssid: 'b', channel: 11, rssiDbm: -50, security: 'WPA2' },
      { ssid: 'a', channel: 6, rssiDbm: -60, security: 'open' },
    ])
  })

  it.each([
    [201, 0, 'WIFI_NOT_FOUND'],
    [202, 0, 'WIFI_WRONG_PASSWORD'],
    [204, 0, 'WIFI_WRONG_PASSWORD'],
    [1001, -60, 'WIFI_NO_ADDRESS'],
    [201, -91, 'WIFI_WEAK'],
    [210, 0, 'WIFI_FAILED'],
    [203, -50, 'WIFI_FAILED'],
  ])('status %i at %i dBm is %s, exit 8', (status, rssiDbm, code) => {
    expect(joinError('net', { status, rssiDbm, seen: undefined })).toMatchObject({
      code,
      exitCode: 8,
    })
  })

  it('names the network without what its name would do to a terminal', () => {
    const failed = { status: 201, rssiDbm: -50, seen: undefined }
    const { message, details } = joinError('a\n\u001b[31mb', failed)
    expect(message).toBe('The board does not find the network "a\ufffd\ufffd[31mb".')
    expect(details.ssid).toBe('a\n\u001b[31mb')
  })
})

describe('a list of boards', () => {
  it('reads CSV with quotes and JSON alike', () => {
    const csv = 'usb,name,height,sample_interval\n01AB,"Roof, east",120,5\n'
    const json = JSON.stringify([
      { usb: '01AB', name: 'Roof, east', height: 120, sample_interval: 5 },
    ])
    const wanted = [
      { port: 'id:01AB', name: 'Roof, east', height: 120, set: ['sample_interval=5'] },
    ]
    expect(parseList(csv, 'l.csv')).toEqual(wanted)
    expect(parseList(json, 'l.json')).toEqual(wanted)
  })

  it('keeps empty cells in their place, and takes settings as an object', () => {
    const wanted = [{ port: 'id:01AB', name: 'Roof', set: ['ntp_servers=a,b', 'led=4'] }]
    const csv = 'port,usb,name,ntp_servers,led\n,01AB,Roof,"a,b",4\n'
    const settings = { ntp_servers: ['a', 'b'], led: 4 }
    expect(parseList(csv, 'l.csv')).toEqual(wanted)
    expect(parseList(JSON.stringify([{ usb: '01AB', name: 'Roof', settings }]), 'l')).toEqual(
      wanted,
    )
  })

  it.each([
    '',
    'name\nRoof\n',
    '{}',
    'port,height\nx,high\n',
    '[null]',
    '[{"port": "x", "settings": [1]}]',
    '[{"port": "x", "settings": {"led": {"pin": 4}}}]',
  ])('refuses %j', (text) => {
    expect(() => parseList(text, 'list')).toThrow(/The list list/)
  })
})

describe('what a starting station waits for', () => {
  it('follows its console lines', () => {
    const evidence = {}
    const steps = [
      ['wx boot n=3 cause=1 station=0.1.0', 'record-sensors'],
      ['wx sensors am2320=ok bmp180=ok', 'record-wifi'],
      ['wx wifi joined ssid=a ip=1.2.3.4 rssi=-50', 'record-clock'],
      ['wx ntp ok server=x', 'record-upload'],
      ['wx queue n=3', 'record-upload'],
      ['wx upload ok n=5', 'record-in-timebase'],
    ]
    expect(waitsFor(evidence)).toBe('record-boot')
    for (const [line, wait] of steps) {
      note(evidence, line ?? '')
      expect(waitsFor(evidence)).toBe(wait)
    }
    const deaf = {}
    for (const line of [
      'wx sensors am2320=ok bmp180=19',
      'wx sensors am2320=19',
      'wx sensors recovered sda=1',
      'wx ntp ok server=x',
      'wx queue n=0 pages=448 durable=1',
    ])
      note(deaf, line)
    expect(deaf).toMatchObject({ sensors: 'am2320=19 bmp180=19', bus: 'recovered sda=1' })
    expect(waitsFor(deaf)).toBe('record-sensors')
    note(deaf, 'wx sensors am2320=ok')
    expect(waitsFor(deaf)).toBe('record-upload')
    const alone = {}
    note(alone, 'wx ntp doubtful server=x')
    note(alone, 'wx ntp failed server=y error=-202')
    expect(alone).toMatchObject({ ntp: 'doubtful server=x' })
    note(alone, 'wx ntp ok server=y')
    expect(alone).toMatchObject({ ntp: 'ok server=y' })
    note(evidence, 'ImportError: no module named x')
    expect(evidence).toMatchObject({ traceback: 'ImportError: no module named x' })
  })
})
