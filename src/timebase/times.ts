import { WxError } from '../errors.js'

/** The only form that a write takes without changing its meaning: `yyyy-MM-ddTHH:mm:ss.SSSZ`. */
const exact = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** Any time beyond this is "the end" for a reverse read, which needs an upper bound. */
export const farFuture = '2100-01-01T00:00:00.000Z'

/** Epoch milliseconds as TimeBase reads them; years 0000 to 9999. */
export function formatTime(ms: number): string {
  const text = Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : ''
  if (!exact.test(text)) {
    throw new WxError('USAGE', 'That time lies outside the years 0 to 9999.', {
      hint: 'Give a time such as 2026-11-23T21:00:00Z.',
    })
  }
  return text
}

/** Records that stand together share their time, and each is asked for it again. */
const parsed: { text: string; ms: number | undefined } = { text: '', ms: undefined }

/** Epoch milliseconds of a record's time, or undefined where the text is none. */
export function parseTimestamp(text: string): number | undefined {
  if (text === parsed.text) return parsed.ms
  parsed.ms = undefined
  parsed.text = text
  if (!exact.test(text)) return undefined
  const ms = Date.parse(text)
  // Month 13 would roll over on the server and be stored as another time.
  if (!Number.isNaN(ms) && new Date(ms).toISOString() === text) parsed.ms = ms
  return parsed.ms
}

/**
 * Reads the times of many rows, epoch milliseconds, as Date.parse does: rows that stand together
 * share their day and often their time, and the rest is arithmetic. Takes `yyyy-MM-ddTHH:mm:ss.SSSZ`.
 */
export function timeReader(): (stamp: string) => number {
  let last = ''
  let lastMs = 0
  let day = ' '
  let dayMs = 0
  return (stamp) => {
    if (stamp === last) return lastMs
    if (!stamp.startsWith(day)) {
      day = stamp.slice(0, 11)
      dayMs = Date.parse(`${day}00:00:00.000Z`)
    }
    const hour = digitsAt(stamp, 11)
    const minute = digitsAt(stamp, 14)
    const second = digitsAt(stamp, 17)
    const milli = digitsAt(stamp, 20) * 10 + stamp.charCodeAt(22) - 0x30
    // 24:00 is a time to Date.parse, and 23:60 is none: let it judge what is out of range.
    const isPlain = hour < 24 && minute < 60 && second < 60
    const ms = dayMs + ((hour * 60 + minute) * 60 + second) * 1000 + milli
    lastMs = isPlain ? ms : Date.parse(stamp)
    last = stamp
    return lastMs
  }
}

function digitsAt(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 11 * 0x30
}
