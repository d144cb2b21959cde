import { Cursors } from './cursor.js'
import { suspects, Watch } from './gaps.js'
import { readOn } from './read.js'
import type { Row } from './row.js'
import type { TailSource } from './source.js'

/** One step of a chart: what a station measured within it. */
export interface Point {
  /** Middle of the records' times, epoch milliseconds. */
  ms: number
  mean: number
  low: number
  high: number
}

export interface Series {
  symbol: string
  /** Points without a gap between them; a gap starts the next run. */
  runs: Point[][]
  records: number
  low: number
  high: number
  last: number
}

export interface SeriesOptions {
  fields: string[]
  sinceMs: number
  untilMs: number
  /** Steps from since to until: memory is bounded by them, whatever the stream holds. */
  steps: number
  symbols?: string[] | undefined
  /** Works on a record before it is drawn: derived values, units. */
  prepare?: ((row: Row) => void) | undefined
}

interface Step {
  sumMs: number
  sum: number
  count: number
  low: number
  high: number
  startsRun: boolean
}

/**
 * Reads a time range of a stream and condenses it to one series a field and station, in order of
 * symbols. Values outside physical limits are left out: one wild value would flatten the rest.
 */
export async function readSeries(
  source: TailSource,
  options: SeriesOptions,
  signal: AbortSignal,
): Promise<Map<string, Series[]>> {
  const { fields, sinceMs, untilMs, steps, symbols, prepare } = options
  const stepMs = Math.max(1, (untilMs - sinceMs) / steps)
  const found = new Map(
    fields.map((field) => [
      field,
      // A sensor that fails leaves its field out: each field has gaps of its own.
      { bySymbol: new Map<string, (Step | undefined)[]>(), watch: new Watch() },
    ]),
  )
  const from = new Date(sinceMs).toISOString()
  const until = new Date(untilMs).toISOString()
  const read = { source, cursors: new Cursors(), signal, floor: from, until }
  const position = { time: from, ...(symbols && { symbols }) }
  if (symbols?.length === 0) return new Map(fields.map((field) => [field, []]))
  for await (const rows of readOn(read, position)) {
    for (const row of rows) {
      const ms = Date.parse(row.timestamp)
      const wrong = suspects(row)
      prepare?.(row)
      const index = Math.min(steps - 1, Math.floor((ms - sinceMs) / stepMs))
      for (const [field, { bySymbol, watch }] of found) {
        const value = row[field]
        if (typeof value !== 'number' || isWrong(field, wrong)) continue
        const { gapMs } = watch.observe(row.symbol, ms)
        const all = bySymbol.get(row.symbol) ?? []
        bySymbol.set(row.symbol, all)
        add(all, index, ms, value, gapMs !== undefined)
      }
    }
  }
  return new Map(
    [...found].map(([field, { bySymbol }]) => [
      field,
      [...bySymbol].map(([symbol, all]) => seriesOf(symbol, all)).sort(bySymbolName),
    ]),
  )
}

/** What a derived value is made of: a wild pressure gives a wild one at sea level. */
const sources: Record<string, readonly string[]> = {
  dew_point: ['temperature', 'humidity'],
  sea_level_pressure: ['pressure', 'temperature'],
}

function isWrong(field: string, wrong: readonly string[]): boolean {
  return wrong.length > 0 && wrong.some((one) => one === field || sources[field]?.includes(one))
}

function add(
  all: (Step | undefined)[],
  index: number,
  ms: number,
  value: number,
  isGap: boolean,
): void {
  const step = all[index]
  if (!step) {
    all[index] = { sumMs: ms, sum: value, count: 1, low: value, high: value, startsRun: isGap }
    return
  }
  step.sumMs += ms
  step.sum += value
  step.count++
  step.low = Math.min(step.low, value)
  step.high = Math.max(step.high, value)
}

function seriesOf(symbol: string, all: (Step | undefined)[]): Series {
  const series: Series = {
    symbol,
    runs: [],
    records: 0,
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
    last: Number.NaN,
  }
  for (const step of all) {
    if (!step) continue
    const { sumMs, sum, count, low, high, startsRun } = step
    const mean = sum / count
    if (startsRun || series.runs.length === 0) series.runs.push([])
    series.runs.at(-1)?.push({ ms: sumMs / count, mean, low, high })
    series.records += count
    series.low = Math.min(series.low, low)
    series.high = Math.max(series.high, high)
    series.last = mean
  }
  return series
}

function bySymbolName(a: Series, b: Series): number {
  return a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : 0
}
