import type { Row } from './row.js'

/** How far a symbol was shown: everything before `time`, and the first `seen` rows at it. */
export interface Cursor {
  symbol: string
  time: string
  seen: number
  /** What lies at this time or before it is history to this run. */
  start: string
  /** Rows at `time` that the running request will repeat. */
  skip: number
  request: number
}

/** Before every row there is. */
export const beginning = '1970-01-01T00:00:00.000Z'

/**
 * One cursor a symbol. Every read starts at a cursor's time inclusive, because rows may share a
 * millisecond; the cursors drop what was shown already, so that each row passes exactly once
 * whatever is read twice, in whichever grouping.
 */
export class Cursors {
  readonly #cursors = new Map<string, Cursor>()
  #request = 0

  get(symbol: string): Cursor | undefined {
    return this.#cursors.get(symbol)
  }

  all(): Cursor[] {
    return [...this.#cursors.values()]
  }

  get size(): number {
    return this.#cursors.size
  }

  /** Starts a symbol's cursor behind `seen` rows at `time`; a symbol that has one keeps it. */
  open(symbol: string, time: string, seen = 0): Cursor {
    const known = this.#cursors.get(symbol)
    if (known) return known
    const start = startOf(time, seen)
    const cursor = { symbol, time, seen, start, skip: 0, request: -1 }
    this.#cursors.set(symbol, cursor)
    return cursor
  }

  /** Puts a cursor back, where the server's own rows were cut off. */
  reset(symbol: string, time: string, seen: number): void {
    const cursor = this.open(symbol, time, seen)
    Object.assign(cursor, { time, seen, start: startOf(time, seen) })
  }

  clear(): void {
    this.#cursors.clear()
  }

  /** What was shown up to now becomes history. */
  settle(): void {
    for (const cursor of this.#cursors.values()) cursor.start = startOf(cursor.time, cursor.seen)
  }

  /** To be called before the rows of each request: what it repeats is counted anew. */
  beginRequest(): void {
    this.#request++
  }

  /** Cursors that stood on a row which the last request should have repeated, and did not. */
  unmet(cursors: Cursor[]): Cursor[] {
    return cursors.filter(({ seen, request }) => seen > 0 && request !== this.#request)
  }

  /** Whether a row is new; moves its symbol's cursor. `from`: where an unknown symbol starts. */
  accept(row: Row, from: string): boolean {
    const cursor = this.#cursors.get(row.symbol) ?? this.open(row.symbol, from)
    if (cursor.request !== this.#request) {
      cursor.request = this.#request
      cursor.skip = cursor.seen
    }
    if (row.timestamp > cursor.time) {
      cursor.time = row.timestamp
      cursor.seen = 1
      cursor.skip = 0
      return true
    }
    if (row.timestamp < cursor.time) return false
    if (cursor.skip > 0) {
      cursor.skip--
      return false
    }
    cursor.seen++
    return true
  }
}

function startOf(time: string, seen: number): string {
  return seen > 0 ? time : new Date(Date.parse(time) - 1).toISOString()
}

/** What one grouped read may repeat of a symbol, in time; and how many symbols it may name. */
const groupSpanMs = 60_000
export const groupSize = 500

/** Groups what stands close together in time: one read serves them all and repeats little. */
export function grouped<T extends { time: string }>(cursors: T[]): T[][] {
  const sorted = [...cursors].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  const groups: T[][] = []
  let group: T[] = []
  let endMs = 0
  for (const cursor of sorted) {
    const ms = Date.parse(cursor.time)
    if (group.length === 0 || ms > endMs || group.length >= groupSize) {
      group = []
      groups.push(group)
      endMs = ms + groupSpanMs
    }
    group.push(cursor)
  }
  return groups
}
