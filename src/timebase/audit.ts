import type { Cursors } from './cursor.js'
import { pageRows } from './read.js'
import type { Row } from './row.js'
import type { TailSource } from './source.js'

/** How far a plain follow looks back for rows put behind its cursors. */
const windowMs = 120_000

/**
 * Rows written with INSERT behind a cursor reach no live reader (timebase-webadmin 5.1). This
 * remembers the times of what was shown live, and compares them with what the server holds now:
 * of the last two minutes in a plain follow, of everything in a run that ends.
 */
export class Audit {
  readonly #source: TailSource
  readonly #cursors: Cursors
  /** Everything that was shown is remembered: the run ends, and then fetches what is missing. */
  readonly keepsAll: boolean
  readonly #shown = new Map<string, number[]>()
  #newestMs = 0

  constructor(source: TailSource, cursors: Cursors, keepsAll: boolean) {
    this.#source = source
    this.#cursors = cursors
    this.keepsAll = keepsAll
  }

  shown(rows: Row[]): void {
    for (const { symbol, timestamp } of rows) {
      const ms = Date.parse(timestamp)
      if (ms > this.#newestMs) this.#newestMs = ms
      const times = this.#shown.get(symbol)
      if (times) times.push(ms)
      else this.#shown.set(symbol, [ms])
    }
  }

  /** Counts what was put behind the cursors lately. Each row is counted once. */
  async count(signal: AbortSignal): Promise<{ symbol: string; count: number }[]> {
    this.#forget()
    const counts = new Map<string, number>()
    const symbols = [...this.#shown.keys()]
    if (symbols.length === 0) return []
    const from = this.#newestMs - windowMs
    for await (const rows of this.#missing(symbols, from, undefined, signal)) {
      for (const { symbol } of rows) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
    }
    return [...counts].map(([symbol, count]) => ({ symbol, count }))
  }

  /** The rows themselves, of a run that ends. */
  async *missing(signal: AbortSignal, until: string | undefined): AsyncGenerator<Row[]> {
    if (!this.keepsAll) return
    const cursors = this.#cursors.all()
    const from = Math.min(...cursors.map(({ start }) => Date.parse(start)))
    const symbols = cursors.map(({ symbol }) => symbol)
    if (symbols.length > 0) yield* this.#missing(symbols, from, until, signal)
  }

  async *#missing(
    symbols: string[],
    fromMs: number,
    until: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Row[]> {
    // Only what lies before the cursors as they are now: what comes later is read as new.
    const ends = new Map(symbols.map((symbol) => [symbol, this.#cursors.get(symbol)?.time ?? '']))
    const left = this.#counted(symbols, fromMs)
    let from = new Date(Math.max(0, fromMs)).toISOString()
    while (true) {
      const page: Row[] = []
      const query = { symbols, from, rows: pageRows, ...(until && { to: until }) }
      for await (const rows of this.#source.select(query, signal)) {
        page.push(...rows)
      }
      // The last millisecond of a full page comes again, whole, with the next page.
      const last = page.at(-1)?.timestamp ?? from
      const isFull = page.length >= pageRows && last > from
      const whole = isFull ? page.filter(({ timestamp }) => timestamp < last) : page
      const missing = whole.filter((row) => this.#isMissing(row, ends, left))
      if (missing.length > 0) {
        this.shown(missing)
        yield missing
      }
      if (!isFull) return
      from = last
    }
  }

  #isMissing(row: Row, ends: Map<string, string>, left: Map<string, Map<number, number>>): boolean {
    const { symbol, timestamp } = row
    const start = this.#cursors.get(symbol)?.start ?? ''
    if (timestamp <= start || timestamp >= (ends.get(symbol) ?? '')) return false
    const times = left.get(symbol)
    const ms = Date.parse(timestamp)
    const count = times?.get(ms) ?? 0
    if (count === 0) return true
    times?.set(ms, count - 1)
    return false
  }

  /** How many rows were shown at each time, by symbol. */
  #counted(symbols: string[], fromMs: number): Map<string, Map<number, number>> {
    return new Map(
      symbols.map((symbol) => {
        const counts = new Map<number, number>()
        for (const ms of this.#shown.get(symbol) ?? []) {
          if (ms >= fromMs) counts.set(ms, (counts.get(ms) ?? 0) + 1)
        }
        return [symbol, counts]
      }),
    )
  }

  #forget(): void {
    if (this.keepsAll) return
    const horizon = this.#newestMs - windowMs
    for (const [symbol, times] of this.#shown) {
      const kept = times.filter((ms) => ms >= horizon)
      if (kept.length === 0) this.#shown.delete(symbol)
      else this.#shown.set(symbol, kept)
    }
  }
}
