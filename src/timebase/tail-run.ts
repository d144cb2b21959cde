import { WxError } from '../errors.js'
import type { Clock } from '../system.js'
import { Audit } from './audit.js'
import { beginning, Cursors } from './cursor.js'
import { Listener, type Moment, momentOf } from './listener.js'
import { openAtLast, type ReadOptions, readLast, readNew, readOn, stampOf } from './read.js'
import { Rounds } from './rounds.js'
import type { Row } from './row.js'
import type { TailSource } from './source.js'
import type { TailEvent, TailOptions, TailRecord } from './tail.js'
import { timeReader } from './times.js'

/** Three uploads of a station's default 10 s: older than that is no jitter between stations. */
const lateAfterMs = 30_000
/** Records up to `until` may still be in a station's queue or on their way: one upload and a half. */
const graceMs = 15_000
/** How often a plain follow looks for what was put behind its cursors. */
const auditMs = 60_000
/** A station that sent nothing for so long is looked at less often. */
const aliveMs = 600_000

/**
 * One tail through all its connections: what it showed, and where each symbol stands. `events` ends
 * with the connection by throwing, and goes on where it was when it is called again.
 */
export class Run {
  /** The first answer was good: from here on faults are waited out. */
  hasStarted = false
  readonly #source: TailSource
  readonly #options: TailOptions
  readonly #clock: Clock
  readonly #signal: AbortSignal
  readonly #cursors = new Cursors()
  readonly #read: ReadOptions
  readonly #audit: Audit
  readonly #listener: Listener
  readonly #rounds: Rounds
  readonly #timeOf = timeReader()
  readonly #passed = new Set<string>()
  /** When each symbol was last heard live, on the steady clock. */
  readonly #heardAt = new Map<string, number>()
  readonly #behind = new Map<string, string>()
  #names: string[] = []
  /** Where the past was read to; undefined while it was not begun. */
  #position: { time: string; symbols?: string[] } | undefined
  #pastIsRead = false
  #isFollowing = false
  #newestMs = Number.NEGATIVE_INFINITY
  #lostAt: Moment | undefined
  #isPolling = false
  #combined: { broken: AbortSignal; signal: AbortSignal } | undefined
  #auditAt = 0

  constructor(source: TailSource, options: TailOptions, clock: Clock, signal: AbortSignal) {
    this.#source = source
    this.#options = options
    this.#clock = clock
    this.#signal = signal
    const { sinceMs, untilMs, follow } = options
    this.#read = {
      source,
      cursors: this.#cursors,
      signal,
      behind: this.#behind,
      shown: (symbol) => this.#audit.lately(symbol),
      floor: sinceMs === undefined ? beginning : stampOf(sinceMs),
      until: untilMs === undefined ? undefined : stampOf(untilMs),
    }
    this.#audit = new Audit(source, this.#cursors, untilMs !== undefined && follow)
    this.#listener = new Listener(source, clock)
    this.#rounds = new Rounds(source, this.#cursors)
  }

  async *events(): AsyncGenerator<TailEvent[]> {
    this.#names = await this.#source.symbols(this.#signal)
    this.hasStarted = true
    // Behind the first answer: a login or a slow handshake would count as half a clock's error.
    await this.#source.readClock(this.#signal)
    yield* this.#past()
    if (!this.#options.follow || (this.#isOver() && !this.#isFollowing)) return
    if (!this.#isOver()) {
      yield* this.#sweep()
      // Even nothing new is an answer: the connection is back.
      yield this.#following()
      yield* this.#live()
    }
    // The end of a run is the last look at everybody.
    this.#names = await this.#source.symbols(this.#signal)
    yield* this.#newOf(this.#wanted())
    for await (const rows of this.#audit.missing(this.#signal, this.#read.until)) {
      yield rows.map((row) => this.#record(row, true, this.#newestMs, true))
    }
  }

  /** Notes the loss; answers the event of the first one in a row. */
  lose(error: unknown): TailEvent | undefined {
    if (this.#lostAt !== undefined) return undefined
    this.#lostAt = this.#listener.heardAt ?? momentOf(this.#clock)
    const reason = error instanceof WxError ? error.code : 'NETWORK_UNREACHABLE'
    return { type: 'lost', atMs: this.#lostAt.wall, reason }
  }

  /** The event of the first answer after a loss. */
  regain(): TailEvent | undefined {
    if (this.#lostAt === undefined) return undefined
    const { wall, steady } = momentOf(this.#clock)
    const afterMs = Math.max(wall - this.#lostAt.wall, steady - this.#lostAt.steady)
    this.#lostAt = undefined
    return { type: 'back', afterMs }
  }

  stop(): void {
    this.#listener.stop()
  }

  #following(): TailEvent[] {
    if (this.#isFollowing) return []
    this.#isFollowing = true
    return [{ type: 'following', serverMs: this.#source.serverNow() }]
  }

  async *#past(): AsyncGenerator<TailEvent[]> {
    if (this.#pastIsRead) return
    const { wants, sinceMs, last = 10 } = this.#options
    const symbols = wants && this.#names.filter(wants)
    const isNobody = symbols?.length === 0
    if (sinceMs !== undefined) {
      this.#position ??= { time: this.#read.floor, ...(symbols && { symbols }) }
      if (!isNobody) {
        for await (const rows of readOn(this.#read, this.#position)) {
          if (this.#audit.keepsAll) this.#audit.shown(rows)
          yield rows.map((row) => this.#record(row, false, this.#newestMs))
        }
      }
    } else if (!isNobody) {
      const rows = await this.#lastRows(symbols, last)
      yield rows.map((row) => this.#record(row, false, this.#newestMs))
    }
    if (!this.#audit.keepsAll) this.#cursors.settle()
    this.#pastIsRead = true
  }

  /** The last rows of all; opens every symbol's cursor at its end on the way. */
  async #lastRows(symbols: string[] | undefined, last: number): Promise<Row[]> {
    const { until } = this.#read
    // An attempt that broke opened some of them, and showed nothing: rows stored since are the last now.
    this.#cursors.clear()
    // A page shows most stations' ends at the price of one request.
    const rows = Math.max(last, this.#options.follow ? 1000 : 0)
    const page = await readLast(this.#read, { symbols, rows, before: until })
    if (this.#options.follow) {
      await openAtLast(this.#read, this.#wanted(), page, page.length < rows)
    }
    return page.slice(-last)
  }

  async *#live(): AsyncGenerator<TailEvent[]> {
    const listener = this.#listener
    listener.start(this.#bellOptions(), this.#signal)
    this.#auditAt = this.#clock.monotonic() + auditMs
    while (!this.#isOver()) {
      await listener.wait(this.#signal)
      const due = listener.takeDue(({ symbol, timestamp }) => this.#isNews(symbol, timestamp))
      if (due === 'all') this.#names = await this.#source.symbols(this.#signal)
      if (due === 'all') yield* this.#sweep()
      else yield* this.#newOf(due === 'alive' ? this.#alive() : due)
      yield this.#blocked()
      if (listener.restartIsDue()) listener.start(this.#bellOptions(), this.#signal)
      if (this.#clock.monotonic() >= this.#auditAt) yield await this.#auditNow()
    }
    listener.stop()
  }

  /** Reads what is new, of the silent ones in turn. What the bell should have rung for tells whether it still hears. */
  async *#sweep(): AsyncGenerator<TailEvent[]> {
    const alive = this.#alive()
    const isAlive = new Set(alive)
    const silent = this.#wanted().filter((symbol) => !isAlive.has(symbol))
    const now = this.#clock.monotonic()
    const chosen = await this.#rounds.choose(silent, now, this.#readSignal())
    for await (const records of this.#newOf([...alive, ...chosen])) {
      // What is late lies before the time the bell began at: it may rightly be silent.
      for (const { row, late } of records) if (!late) this.#listener.found(row)
      yield records
    }
  }

  /** Said once a blocking: from now on the server is asked every second. */
  #blocked(): TailEvent[] {
    const { blockedBy } = this.#listener
    const isNew = blockedBy !== undefined && !this.#isPolling
    this.#isPolling = blockedBy !== undefined
    return isNew ? [{ type: 'polling', reason: blockedBy }] : []
  }

  async #auditNow(): Promise<TailEvent[]> {
    this.#auditAt = this.#clock.monotonic() + auditMs
    const found = this.#audit.keepsAll ? [] : await this.#audit.count(this.#signal)
    return found.map((one) => ({ type: 'inserted', ...one }))
  }

  async *#newOf(symbols: string[]): AsyncGenerator<TailRecord[]> {
    if (symbols.length === 0) return
    const newestMs = this.#newestMs
    const read = { ...this.#read, signal: this.#readSignal() }
    for await (const rows of readNew(read, symbols)) {
      this.#listener.heard()
      this.#audit.shown(rows)
      const now = this.#clock.monotonic()
      for (const { symbol } of rows) this.#heardAt.set(symbol, now)
      yield rows.map((row) => this.#record(row, true, newestMs))
    }
    this.#listener.heard()
    this.#behind.clear()
  }

  /** Ends with the command and with the bell. One a connection: each combined signal is kept by its sources. */
  #readSignal(): AbortSignal {
    const { broken } = this.#listener
    if (this.#combined?.broken !== broken) {
      this.#combined = { broken, signal: AbortSignal.any([this.#signal, broken]) }
    }
    return this.#combined.signal
  }

  #wanted(): string[] {
    const { wants } = this.#options
    return wants ? this.#names.filter(wants) : this.#names
  }

  /**
   * Those that sent something lately, if only old records after an outage; the others are looked
   * at less often.
   */
  #alive(): string[] {
    const horizon = stampOf(Math.max(0, this.#newestMs - aliveMs))
    const heardSince = this.#clock.monotonic() - aliveMs
    return this.#wanted().filter(
      (symbol) =>
        (this.#cursors.get(symbol)?.time ?? '9') >= horizon ||
        (this.#heardAt.get(symbol) ?? Number.NEGATIVE_INFINITY) >= heardSince,
    )
  }

  /** Whether a ring asks for a read of its symbol. */
  #isNews(symbol: string, timestamp: string): boolean {
    if (this.#options.wants && !this.#options.wants(symbol)) return false
    const { until } = this.#read
    if (until !== undefined && timestamp > until) {
      const isFirst = !this.#passed.has(symbol)
      this.#passed.add(symbol)
      return isFirst
    }
    const cursor = this.#cursors.get(symbol)
    if (cursor === undefined || timestamp >= cursor.time) return true
    // Either the bell repeats the past, as it does at its start, or the stream was cut: a look tells.
    const before = this.#behind.get(symbol)
    if (before === undefined || timestamp < before) this.#behind.set(symbol, timestamp)
    return true
  }

  /**
   * Without a time the bell would begin with the whole stream; an empty one has nothing to repeat.
   * The minute before covers what is stored while it is being hung up.
   */
  #bellOptions(): { from: string } {
    if (this.#names.length === 0) return { from: beginning }
    const { serverNow } = this.#source
    const newestMs = Number.isFinite(this.#newestMs) ? this.#newestMs : serverNow()
    return { from: stampOf(Math.max(0, Math.min(newestMs, serverNow()) - 60_000)) }
  }

  /** `newestMs`: the newest time shown before this row was asked for. */
  #record(row: Row, live: boolean, newestMs: number, inserted = false): TailRecord {
    const ms = this.#timeOf(row.timestamp)
    // A station whose clock is ahead must not make all others late.
    if (ms > this.#newestMs && ms <= this.#source.serverNow() + 60_000) this.#newestMs = ms
    const record: TailRecord = { type: 'record', row, ms, live }
    if (live && ms < newestMs - lateAfterMs) record.late = true
    if (inserted) record.inserted = true
    return record
  }

  /** Until is over when every station that is alive has passed it, or the server's clock has by far. */
  #isOver(): boolean {
    const { untilMs } = this.#options
    if (untilMs === undefined) return false
    if (this.#source.serverNow() > untilMs + graceMs) return true
    const alive = this.#alive()
    return this.#passed.size > 0 && alive.every((symbol) => this.#passed.has(symbol))
  }
}
