export interface Tick {
  value: number
  text: string
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const timeSteps = [
  second, 5 * second, 15 * second, 30 * second,
  minute, 5 * minute, 15 * minute, 30 * minute,
  hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour,
  day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day,
] // biome-ignore format: a ladder reads better in rows

/** Round values between two ends, at most `most` of them, with as many decimals as they need. */
export function valueTicks(low: number, high: number, most: number): Tick[] {
  const rough = (high - low) / Math.max(1, most)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((one) => one * power >= rough * (1 - 1e-9)) ?? 10) * power
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  const ticks: Tick[] = []
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push({ value: i * step, text: (i * step).toFixed(decimals) })
  }
  return ticks
}

/** Round times between two ends, on the clock of the chart: the time of day, the date at midnight. */
export function timeTicks(fromMs: number, toMs: number, most: number, utc: boolean): Tick[] {
  const step = timeSteps.find((one) => (toMs - fromMs) / one <= most) ?? 364 * day
  // What a clock there shows, as if it were UTC; it is set forward and back within a chart.
  const wallOf = (ms: number): number => (utc ? ms : ms - new Date(ms).getTimezoneOffset() * minute)
  const ticks: Tick[] = []
  const start = Math.ceil(wallOf(fromMs) / step) * step
  const behind = fromMs - wallOf(fromMs)
  for (let at = start; at + behind <= toMs + hour; at += step) {
    const near = at + behind
    // Minutes go on through a change; whole hours keep to the clock, and one that is left out has none.
    const ms = step < hour ? near : near + at - wallOf(near)
    const wall = wallOf(ms)
    if (ms < fromMs || ms > toMs || (step >= hour && wall !== at)) continue
    const text = new Date(wall).toISOString()
    ticks.push({
      value: ms,
      text: wall % day === 0 ? text.slice(5, 10) : text.slice(11, step < minute ? 19 : 16),
    })
  }
  return ticks
}

/** A range with some air around the values; a flat line gets a range to stand in. */
export function padded(low: number, high: number, least: number): { low: number; high: number } {
  if (!Number.isFinite(low)) return { low: 0, high: 1 }
  const middle = (low + high) / 2
  const half = Math.max((high - low) * 0.55, least / 2)
  return { low: middle - half, high: middle + half }
}
