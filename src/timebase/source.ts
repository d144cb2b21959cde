import type { Row } from './row.js'

export interface Select {
  /** undefined reads every symbol. */
  symbols?: string[]
  /** Inclusive; with `reverse` the upper bound, and then it must be given. */
  from?: string
  to?: string
  rows: number
  offset?: number
  reverse?: boolean
}

/** A symbol has something new; `timestamp` is that of its latest record. */
export interface Ring {
  symbol: string
  timestamp: string
}

/** Says which symbols have something new, until it breaks: then its iterator throws. */
export interface Bell {
  rings: AsyncIterable<Ring[]>
  close(): void
}

/** What tail needs of a stream on a server. Errors are WxErrors. */
export interface TailSource {
  symbols(signal: AbortSignal): Promise<string[]>
  /** Rows in order of time, some at a time, as they arrive. */
  select(query: Select, signal: AbortSignal): AsyncIterable<Row[]>
  /** Resolves when it hears; `from` limits what it repeats of the past. */
  openBell(options: { symbols?: string[]; from?: string }, signal: AbortSignal): Promise<Bell>
  /** Compares the clocks: before it, and where the server does not tell its time, ours counts. */
  readClock(signal: AbortSignal): Promise<void>
  /** The server's wall clock, epoch milliseconds. */
  serverNow(): number
}
