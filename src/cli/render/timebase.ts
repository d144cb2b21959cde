import type { Rights, ServerVersion } from '../../timebase/status.js'
import type { StreamInfo } from '../../timebase/stream.js'
import type { Paint } from './paint.js'
import { fact, secondsText } from './tables.js'

/** Beyond this, records of stations (whose clock is NTP) look late or from the future. */
const clockLimitMs = 2000

const kinds: { [kind: string]: string } = {
  password: 'password',
  'api-key': 'API key',
  session: 'API key with session',
  oauth: 'single sign-on',
  token: 'ready token',
}

export function loginText({ kind, user }: { kind: string; user: string | undefined }): string {
  const way = kinds[kind] ?? kind
  return user === undefined ? `by ${way}` : `${user}, by ${way}`
}

export function rightsText({ read, write }: Rights, timebaseDown = false): string {
  if (timebaseDown) return 'rights unknown, for TimeBase behind WebAdmin does not answer'
  if (write && read !== false) return 'may read and write'
  if (write) return 'may write, not read'
  if (read && write === false) return 'may read, not write'
  if (read) return 'may read'
  return read === false ? 'may do nothing here' : 'rights unknown'
}

export function versionLines(url: string, version: ServerVersion, paint: Paint): string[] {
  const { gateway, server, connected, clockOffsetMs, tookMs } = version
  const known = gateway === undefined ? 'version unknown' : gateway
  const state =
    connected === undefined ? '' : connected ? ' · connected' : ` · ${paint.bad('not connected')}`
  return [
    fact('WebAdmin', `${known} · ${url} · answers in ${tookMs} ms`),
    fact('TimeBase', `${server ?? 'version unknown'}${state}`),
    ...(clockOffsetMs === undefined ? [] : [fact('Clock', clockText(clockOffsetMs, paint))]),
  ]
}

function clockText(offsetMs: number, paint: Paint): string {
  const away = Math.abs(offsetMs)
  if (away < 100) return 'same as this computer'
  const side = offsetMs > 0 ? 'ahead of' : 'behind'
  const text = `${secondsText(away)} ${side} this computer`
  return away < clockLimitMs ? text : `${paint.caution(text)}: check the time on both`
}

export function streamLines(streams: StreamInfo[]): string[] {
  if (streams.length === 0) return [fact('Streams', 'none yet')]
  const width = Math.max(...streams.map(({ key }) => key.length))
  return streams.map(({ key, symbols }, i) =>
    fact(i === 0 ? 'Streams' : '', `${key.padEnd(width)}  ${stationsText(symbols)}`),
  )
}

export function stationsText(count: number): string {
  return count === 0 ? 'no station' : count === 1 ? '1 station' : `${count} stations`
}

type Values = Record<string, string | number | boolean>

const dateText = (value: unknown): string => String(value).slice(0, 19).replace('T', ' ')

/** What a file of records holds, or the queue of a station. */
export const recordFacts = {
  queue: (values: Values): string[] => [
    fact('Queue', `${values.symbol}: ${queueText(values)}`),
    ...queueLosses(values).map((text) => fact('', text)),
  ],
  records: ({ records, stations, first, last }: Values): string[] => [
    fact(
      'Records',
      Number(records) === 0
        ? 'none in the file'
        : `${records} of ${stationsText(Number(stations))}, ${dateText(first)} to ${dateText(last)} UTC`,
    ),
  ],
}

function queueText({ all, acknowledged, records, estimated }: Values): string {
  const what = all ? 'readable' : 'not acknowledged'
  const placed = Number(estimated) > 0 ? `, ${estimated} with an estimated time` : ''
  // A full queue drops its oldest records and counts them as acknowledged.
  const done =
    all || Number(acknowledged) === 0 ? '' : `; ${acknowledged} before acknowledged or dropped`
  return `${many(records, 'record')} ${what}${placed}${done}`
}

function queueLosses({ damaged, damagedPlaces, untimed }: Values): string[] {
  const lines: string[] = []
  if (Number(damaged) > 0) lines.push(`${many(damaged, 'record')} damaged: left out`)
  else if (Number(damagedPlaces) > 0)
    lines.push(`${many(damagedPlaces, 'place')} damaged or torn, no record known to be lost`)
  if (Number(untimed) > 0)
    lines.push(`${many(untimed, 'record')} without a time, no clock was set: left out`)
  return lines
}

export function many(count: unknown, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Lines that stay after records were moved. */
export const recordOutcomes = {
  export: ({ records, resumedAt }: Values, took: string): string => {
    const before = Number(resumedAt) > 0 ? `, ${resumedAt} of them by an earlier run` : ''
    return `Exported ${many(records, 'record')} in ${took}${before}.`
  },
  import: ({ stored, present, refused }: Values, took: string): string => {
    const were = present === 1 ? 'was' : 'were'
    const held = Number(present) > 0 ? `, ${present} ${were} there already` : ''
    const bad = Number(refused) > 0 ? `, ${refused} refused` : ''
    return `Imported ${many(stored, 'record')} in ${took}${held}${bad}.`
  },
}
