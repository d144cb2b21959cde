const pad = (value: number, width: number): string => String(value).padStart(width, '0')

const dayMs = 86_400_000
let knownDay = Number.NaN
let knownDate = ''

/** `yyyy-MM-ddTHH:mm:ss.SSSZ`; the date part is remembered because a page of rows shares it. */
export function isoTime(ms: number): string {
  const day = Math.floor(ms / dayMs)
  if (day !== knownDay) {
    knownDay = day
    knownDate = new Date(day * dayMs).toISOString().split('T')[0] ?? ''
  }
  return `${knownDate}T${clockText(ms - day * dayMs)}Z`
}

/** `HH:mm:ss.SSS` of a number of milliseconds since midnight. */
export function clockText(ms: number): string {
  const second = Math.floor(ms / 1000)
  const minute = Math.floor(second / 60)
  const hour = Math.floor(minute / 60)
  const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`)
  const rest = ms % 1000
  const millis = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : `${rest}`
  return `${two(hour)}:${two(minute % 60)}:${two(second % 60)}.${millis}`
}

/** As isoTime with nine digits; `nanos` is the part below a millisecond. */
export function isoNanoTime(ms: number, nanos: number): string {
  return `${isoTime(ms).slice(0, -1)}${pad(nanos, 6)}Z`
}

/** The server's own time in an ApiError: nine digits, of which the gateway's clock knows three. */
export function isoNanos(ms: number): string {
  return isoNanoTime(ms, 535_000)
}

/** Spring Boot's error pages write the zone as an offset. */
export function bootTime(ms: number): string {
  return isoTime(ms).replace('Z', '+00:00')
}

/** `2026-11-02 10:00:30.000`, as TimeBase writes it into its own messages. */
export function spacedTime(ms: number): string {
  return isoTime(ms).replace('T', ' ').slice(0, -1)
}

/**
 * The time of a written message as Java's lenient SimpleDateFormat reads it: fields roll over, the
 * fraction is a count of milliseconds whatever its length, text behind the Z is not looked at.
 */
export function lenientTime(text: string): number | undefined {
  const found = /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z/.exec(text)
  if (!found) return undefined
  const [year, month, day, hour, minute, second, millis] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + millis
}

/** `nanoTime` of a written message: exactly nine digits. Milliseconds and the nanoseconds below. */
export function nanoTime(text: string): { ms: number; nanos: number } | undefined {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})(\d{6})Z$/.exec(text)
  if (!found) return undefined
  const ms = strictTime(`${found[1]}.${found[2]}Z`)
  return ms === undefined ? undefined : { ms, nanos: Number(found[3]) }
}

/** `from` and `to` in a JSON body: exactly milliseconds and a Z. */
export function strictTime(text: string): number | undefined {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) ? instant(text) : undefined
}

/** `from` and `to` in a query string: any ISO instant. */
export function instant(text: string): number | undefined {
  const found =
    /^([+-]?\d{4,9})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)$/i.exec(
      text,
    )
  if (!found) return undefined
  const [, year, month, day, hour, minute, second = '0', fraction = '0', zone = 'Z'] = found
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  const offset = /z/i.test(zone)
    ? 0
    : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)))
  const seconds = (Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second)
  return date.getTime() + seconds * 1000 + Math.floor(Number(`0.${fraction}`) * 1000 + 1e-6)
}

const units: Record<string, number> = {
  X: 1,
  S: 1000,
  I: 60_000,
  H: 3_600_000,
  D: dayMs,
  W: 7 * dayMs,
  M: 30 * dayMs,
  Q: 90 * dayMs,
  Y: 365 * dayMs,
}

/** `5H`, `30I`: a count and a unit. Undefined where it is neither. */
export function interval(text: string): { count: number; unit: string; ms: number } | undefined {
  const found = /^(\d+)([XSIHDWMQY])$/.exec(text)
  if (!found) return undefined
  const unit = found[2] ?? ''
  return { count: Number(found[1]), unit, ms: Number(found[1]) * (units[unit] ?? 0) }
}
