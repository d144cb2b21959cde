import { instant } from '../time.js'

/** `2026-11-02 10:00:00.000` in UTC; seconds and fraction may be absent, as may the time of day. */
export function spacedTimeValue(text: string): number | undefined {
  const found = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d)(:\d\d(?:\.\d+)?)?)?$/.exec(text)
  if (!found) return undefined
  return instant(`${found[1]}T${found[2] ?? '00:00'}${found[3] ?? ':00'}Z`)
}

const units: Record<string, number> = {
  MS: 1,
  S: 1000,
  M: 60_000,
  MIN: 60_000,
  H: 3_600_000,
  D: 86_400_000,
  W: 7 * 86_400_000,
}

/** `1h`, `15m`: the lexer reads it as a number and a name. */
export function windowLength(count: string, unit: string): number | undefined {
  const ms = units[unit]
  return ms === undefined ? undefined : Number(count) * ms
}
