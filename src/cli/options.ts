import { InvalidArgumentError } from 'commander'

const unitMs: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** "500ms", "10s", "2m", "1h30m", "7d"; a bare number is seconds. Answers milliseconds. */
export function parseDuration(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|min|m|h|d|w)/g)]
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) {
    throw new InvalidArgumentError('Give a duration such as 30s, 5m, 2h or 7d.')
  }
  return parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * (unitMs[unit ?? ''] ?? 0),
    0,
  )
}

/** "4MB", "256K", "0x1000", "4096". Answers bytes. */
export function parseSize(text: string): number {
  const match = /^(0x[0-9a-f]+|\d+)\s*(k|kb|kib|m|mb|mib)?$/i.exec(text)
  if (!match) throw new InvalidArgumentError('Give a size such as 4096, 0x1000, 256K or 4M.')
  const factor = match[2] ? (match[2].toLowerCase().startsWith('k') ? 1024 : 1024 * 1024) : 1
  return Number(match[1]) * factor
}

export function parseCount(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('Give a whole number from 1 up.')
  return number
}

/** The years 0 to 9999: what TimeBase takes. */
const firstMs = Date.parse('0000-01-01T00:00:00Z')
const lastMs = Date.parse('9999-12-31T23:59:59.999Z')

/** A time: ISO text, "now", or a duration ago ("2h"). Answers epoch milliseconds. */
export function parseTime(text: string, nowMs: number): number {
  const ms = timeOf(text, nowMs)
  if (ms >= firstMs && ms <= lastMs) return ms
  throw new InvalidArgumentError(
    'Give a time such as 2026-11-23T21:00:00Z, or a duration ago such as 2h.',
  )
}

function timeOf(text: string, nowMs: number): number {
  if (text === 'now') return nowMs
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return nowMs - parseDuration(text)
  const day = Date.parse(`${text.slice(0, 10)}T00:00:00Z`)
  // Date.parse reads the 31st of November as the 1st of December.
  const isDay = !Number.isNaN(day) && new Date(day).toISOString().startsWith(text.slice(0, 10))
  // A date without a zone is read as UTC, the zone of every record.
  const zoned = /[zZ]|[+-]\d{2}:?\d{2}$/.test(text) || text.length === 10 ? text : `${text}Z`
  return isDay ? Date.parse(zoned.replace(' ', 'T')) : Number.NaN
}

/** Collects a repeated option. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}
