import { type Cursors, grouped } from './cursor.js'
import { pageRows } from './read.js'
import type { Row } from './row.js'
import type { TailSource } from './source.js'

/** How far a plain follow looks back for rows put behind its cursors. */
const windowMs = 120_000

/** Times of a station that may be kept beyond its window: a flood of records must not pile up. */
const slack = 64

interface Shown {
  /** The first `count` are times; the room behind them is used again. */
  times: number[]
  count: number
  /** So many times are looked through for what is over. */
  roomFor: number
  newestMs: number
  /** When it was shown last, by the server's clock. */
  heardMs: number
}

/**
 * Rows written with INSERT behind a cursor reach no live reader (timebase-webadmin 5.1). This
 * remembers the times of what was shown live, and compares them with what the server holds now:
 * of each station's last two minutes in a plain follow, of everything in a run that ends.
 */
export class Audit {
  readonly #source: TailSource
  readonly #cursors: Cursors
  /** Everything that was shown is remembered: the run ends, and then fetches what is missing. */
  readonly keepsAll: boolean
  readonly #shown = new Map<string, Shown>()
  /** What was counted and not told: a count may break in the middle. */
  readonly #counts = new Map<string, number>()

  constructor(source: TailSource, cursors: Cursors, keepsAll: boolean) {
    this.#source = source
    this.#cursors = cursors
    this.keepsAll = keepsAll
  }

  shown(rows: Row[]): void {
    const heardMs = this.#source.serverNow()
    for (const { symbol, timestamp } of rows) {
      const ms = Date.parse(timestamp)
      const shown = this.#shown.get(symbol)
      if (!shown) {
        this.#shown.set(symbol, { times: [ms], count: 1, roomFor: slack, newestMs: ms, heardMs })
        continue
      }
      shown.times[shown.count++] = ms
      shown.newestMs = Math.max(shown.newestMs, ms)
      shown.heardMs = heardMs
      if (shown.count > shown.roomFor) this.#trim(shown)
    }
  }

  /** What was shown of a symbol lately: the times, in no order, of all its rows from `fromMs` on. */
  lately(symbol: string): { fromMs: number; times: readonly number[] } | undefined {
    const shown = this.#shown.get(symbol)
    if (!shown) return undefined
    const fromMs = this.keepsAll ? Number.NEGATIVE_INFINITY : this.#fromMs(shown)
    return { fromMs, times: shown.times.slice(0, shown.count) }
  }

  /** Counts what was put behind the cursors lately. Each row is counted once. */
  async count(signal: AbortSignal): Promise<{ symbol: string; count: number }[]> {
    this.#forget()
    const counts = this.#counts
    const windows = [...this.#shown].map(([symbol, shown]) => ({
      symbol,
      time: new Date(Math.max(0, this.#fromMs(shown))).toISOString(),
    }))
    for (const group of grouped(windows)) {
      const froms = new Map(group.map(({ symbol, time }) => [symbol, time]))
      for await (const rows of this.#missing(froms, undefined, signal)) {
        for (const { symbol } of rows) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
      }
    }
    const found = [...counts].map(([symbol, count]) => ({ symbol, count }))
    counts.clear()
    return found
  }

  /** The rows themselves, of a run that ends. */
  async *missing(signal: AbortSignal, until: string | undefined): AsyncGenerator<Row[]> {
    if (!this.keepsAll) return
    // Grouped: what one sent a year ago must not have all others read from there.
    const moved = this.#cursors.all().filter(({ time, start }) => time > start)
    const starts = moved.map(({ symbol, start }) => ({ symbol, time: start }))
    for (const group of grouped(starts)) {
      const froms = new Map(group.map(({ symbol, time }) => [symbol, time]))
      yield* this.#missing(froms, until, signal)
    }
  }

  /** `froms`: where each symbol's look begins; one read serves them all. */
  async *#missing(
    froms: Map<string, string>,
    until: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Row[]> {
    const symbols = [...froms.keys()]
    // Only what lies before the cursors as they are now: what comes later is read as new.
    const ends = new Map(symbols.map((symbol) => [symbol, this.#cursors.get(symbol)?.time ?? '']))
    let from = [...froms.values()].sort()[0] ?? ''
    const left = this.#counted(symbols)
    const isMissing = ({ symbol, timestamp }: Row): boolean => {
      const start = this.#cursors.get(symbol)?.start ?? ''
      if (timestamp <= start || timestamp < (froms.get(symbol) ?? '')) return false
      return timestamp < (ends.get(symbol) ?? '') && !takeOne(left.get(symbol), timestamp)
    }
    // What lies behind the cursors is no business of this, and in a flood it would have no end.
    const newest = [...ends.values()].sort().at(-1) ?? ''
    const to = until !== undefined && until < newest ? until : newest
    while (from <= to) {
      let count = 0
      let held: Row[] = []
      for await (const rows of this.#source.select({ symbols, from, to, rows: pageRows }, signal)) {
        count += rows.length
        // The last millisecond of a full page comes again, whole, with the next page.
        const last = rows.at(-1)?.timestamp ?? ''
        const settled = [...held, ...rows].filter(({ timestamp }) => timestamp < last)
        held = [...held, ...rows].filter(({ timestamp }) => timestamp >= last)
        yield* this.#found(settled.filter(isMissing))
      }
      const last = held[0]?.timestamp ?? from
      if (count < pageRows || last <= from) {
        yield* this.#found(held.filter(isMissing))
        return
      }
      from = last
    }
  }

  *#found(rows: Row[]): Generator<Row[]> {
    if (rows.length === 0) return
    this.shown(rows)
    yield rows
  }

  /** How many rows were shown at each time, by symbol. */
  #counted(symbols: string[]): Map<string, Map<number, number>> {
    return new Map(
      symbols.map((symbol) => {
        const counts = new Map<number, number>()
        for (const ms of this.lately(symbol)?.times ?? []) counts.set(ms, (counts.get(ms) ?? 0) + 1)
        return [symbol, counts]
      }),
    )
  }

  /** A station's own clock tells which its last minutes are; one that is ahead has the present too. */
  #fromMs({ newestMs }: Shown): number {
    return Math.min(newestMs, this.#source.serverNow()) - windowMs
  }

  #trim(shown: Shown): void {
    if (this.keepsAll) return
    const fromMs = this.#fromMs(shown)
    // In place: a new array a station and second is what a flood would fill the memory with.
    let count = 0
    for (let i = 0; i < shown.count; i++) {
      const ms = shown.times[i] as number
      if (ms >= fromMs) shown.times[count++] = ms
    }
    shown.count = count
    shown.roomFor = 2 * count + slack
  }

  #forget(): void {
    if (this.keepsAll) return
    for (const [symbol, shown] of this.#shown) {
      this.#trim(shown)
      if (this.#source.serverNow() - shown.heardMs > windowMs) this.#shown.delete(symbol)
    }
  }
}

function takeOne(counts: Map<number, number> | undefined, timestamp: string): boolean {
  const ms = Date.parse(timestamp)
  const count = counts?.get(ms) ?? 0
  if (count > 0) counts?.set(ms, count - 1)
  return count > 0
}
