import type { Fact, StageName } from '../../events.js'
import { harmless } from './harmless.js'
import type { Paint } from './paint.js'
import { bytesText, fact } from './tables.js'

type Values = Record<string, string | number | boolean>

/** The lines of provision's facts: a board, and what would change on it. */
export const provisionFacts: Partial<
  Record<Fact['kind'], (values: Values, paint: Paint) => string[]>
> = {
  station: ({ symbol, version, am2320, bmp180 }, paint) => {
    const sensor = (name: string, found: unknown): string =>
      found ? `${name} ok` : paint.caution(`${name} does not answer`)
    return [
      fact(
        'Board',
        [symbol, `MicroPython ${version}`, sensor('AM2320', am2320), sensor('BMP180', bmp180)].join(
          ' · ',
        ),
      ),
    ]
  },
  changes: (values, paint) => {
    const { add, change, remove, bytes, settings, foreign, unchanged, streams, compacts } = values
    const count = (number: unknown, verb: string): string[] =>
      Number(number) > 0 ? [`${verb} ${number} ${Number(number) === 1 ? 'file' : 'files'}`] : []
    const files = [...count(add, 'add'), ...count(change, 'change'), ...count(remove, 'remove')]
    const size = Number(bytes) > 0 ? ` (${bytesText(Number(bytes))})` : ''
    const rows =
      settings === ''
        ? []
        : String(settings)
            .split('\n')
            .map((row) => row.split('\t'))
    const names = rows.map(([name]) => name).join(', ')
    const parts = [
      ...(compacts ? ['compile old code on the board first, for room'] : []),
      ...(files.length > 0 ? [files.join(', ') + size] : []),
      ...(names ? [`set ${names}`] : []),
      ...(streams
        ? [`create ${String(streams).includes(',') ? 'streams' : 'stream'} ${streams}`]
        : []),
    ]
    const nothing = `nothing to change, ${unchanged} files are up to date`
    // A first provisioning sets everything: only a change has something to compare with.
    const changes = rows.filter(([, from]) => from !== '')
    return [
      fact('Plan', parts.length > 0 ? parts.join(', ') : nothing),
      ...changes.map(([name, from, to]) => fact('', paint.dim(`${name}: ${from} -> ${to}`))),
      ...(foreign ? [fact('', paint.dim(`left as they are: ${foreign}`))] : []),
    ]
  },
}

const stepNames: Record<string, string> = {
  dns: 'DNS',
  tcp: 'TCP',
  login: 'login',
  clock: 'clock',
}

export const provisionOutcomes: Partial<
  Record<StageName, (values: Values, took: string) => string>
> = {
  files: ({ files }, took) => fact('Files', `${files} written in ${took}`),
  wifi: ({ ssid, address }, took) =>
    fact('Wi-Fi', `joined ${harmless(String(ssid))} in ${took} · ${address}`),
  timebase: ({ steps, root, stream }) =>
    fact(
      'TimeBase',
      String(steps)
        .split(' ')
        .map((step) => {
          if (step === 'tls') return root ? `TLS (root found: ${root})` : 'TLS (not verified)'
          if (step === 'stream') return `stream ${stream}`
          return stepNames[step] ?? step
        })
        .join(' · '),
    ),
  record: (_values, took) => `First record in TimeBase after ${took}`,
}

export const provisionReasons: Record<string, string> = {
  'board-busy': 'the board is busy: interrupting it',
  'board-reset': 'waiting for the board to start',
  'wifi-scan': 'the board looks for networks',
  'wifi-join': 'the board joins the network',
  'step-dns': 'the board looks the name up',
  'step-tcp': 'the board connects',
  'step-tls': 'the board checks the certificate',
  'step-login': 'the board signs in',
  'step-stream': 'the board looks for the stream',
  'step-clock': 'the board asks for the time',
  trial: 'waiting for the station to call home with the new settings',
  'record-boot': 'waiting for the first one… the station starts',
  'record-sensors': 'waiting for the first one… the station looks for its sensors',
  'record-wifi': 'waiting for the first one… sensors read, joining Wi-Fi',
  'record-clock': 'waiting for the first one… Wi-Fi joined, asking for the time',
  'record-upload': 'waiting for the first one… sensors read, records queued',
  'record-in-timebase': 'waiting for the first one… sent, looking for it in TimeBase',
}

export const provisionNotices: Record<string, (values: Values) => string> = {
  'no-time-server': ({ servers }) =>
    `No time server answers the board (${servers}): its records wait until one does.`,
  'symbol-clash': ({ symbol, other }) =>
    `Another station (${other}) writes as "${symbol}" too: choose another name with --symbol.`,
  'symbol-in-use': ({ symbol, stream, last }) =>
    `"${stream}" has records of "${symbol}" already, the last at ${last}, and this computer does not know that station.`,
  insecure: ({ url }) =>
    `The station takes any certificate of ${url}: whoever is in between can read its password.`,
  'settings-ignored': ({ names }) =>
    `The board passes over ${names} in its station.json: left out from now on.`,
  'settings-spoiled': () => 'The station.json on the board cannot be read: it is written anew.',
  'console-lost': () => 'the board is gone; waiting for it to come back',
  'console-back': () => 'the board is back',
  'station-moved': ({ address }) => `The station is at ${address} now: that goes behind --host.`,
  'no-compiler': ({ version }) =>
    `MicroPython ${version} does not load what this compiler makes: the source is pushed.`,
  compacting: () =>
    'The board has no room for the new version yet: its old code is compiled first.',
  'no-sensors': () => 'No sensor answers: check the wiring (SCL 22, SDA 21, 3.3 V).',
  'five-ghz': () => 'An ESP32 sees 2.4 GHz networks only: a network at 5 GHz never shows up here.',
  'repl-open': () =>
    'Ctrl-] leaves. Ctrl-C stops the station, Ctrl-D at the prompt starts it again.',
  'last-network': () =>
    'This was the last network: without one the station only opens its own access point.',
  'wrong-password': ({ ssid }) =>
    `"${harmless(String(ssid))}" refuses the password: type it again.`,
  'board-url': ({ url }) => `The board gets ${url}: localhost would be the board itself.`,
}

/** Signal as four bars, as phones show it. */
export function bars(dbm: number): string {
  const full = dbm >= -55 ? 4 : dbm >= -65 ? 3 : dbm >= -75 ? 2 : 1
  return ['▂', '▄', '▆', '█'].map((bar, i) => (i < full ? bar : '_')).join('')
}

/** A network as a line of the list: names in one column, strongest first. */
export function networkLine(
  one: { ssid: string; rssiDbm: number; channel: number; security: string },
  all: { ssid: string }[],
): string {
  const width = Math.max(...all.map(({ ssid }) => ssid.length))
  return [
    harmless(one.ssid).padEnd(width),
    bars(one.rssiDbm),
    `${one.rssiDbm} dBm`,
    `ch ${one.channel}`.padEnd(5),
    one.security,
  ].join('  ')
}

/** The first record as one line with units. */
export function recordLine(record: {
  symbol: string
  timestamp: string
  fields: { [name: string]: unknown }
}): string {
  const value = (name: string, digits: number, unit: string): string[] => {
    const number = record.fields[name]
    return typeof number === 'number' ? [`${number.toFixed(digits)} ${unit}`] : []
  }
  return [
    record.timestamp.replace('T', ' ').replace(/\.\d+Z$|Z$/, ''),
    record.symbol,
    ...value('temperature', 1, '°C'),
    ...value('humidity', 1, '%'),
    ...value('pressure', 1, 'hPa'),
  ].join('  ')
}
