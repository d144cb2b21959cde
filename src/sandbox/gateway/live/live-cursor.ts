import { messages } from '../rows.js'
import { readMessage } from '../store/record.js'
import type { Stored, Stream } from '../store/stream.js'
import type { SymbolIndex } from '../store/symbol-index.js'

/** What a live reader wants to see; it can change while it reads. */
export interface Subscription {
  /** Every symbol, also ones that come later. */
  all: boolean
  names: Set<string>
  /** Full class names; undefined = all. */
  types: Set<string> | undefined
}

type Work =
  | { kind: 'history'; stream: Stream; symbols: string[] | undefined; from: number; before: number }
  | { kind: 'stored'; stream: Stream; stored: Stored[] }

// A reader this far behind is not coming back; the server closes such sockets too.
const maxBacklog = 200_000

/**
 * Reads history first and then what is stored, without a gap or a double: the history ends at the
 * place of the log where listening began.
 */
export class LiveCursor {
  private readonly work: Work[] = []
  private readonly delivered = new Map<SymbolIndex, number>()
  private readonly stops: (() => void)[]
  private backlog = 0
  private isRunning = false
  private isStopped = false
  private restarts = 0

  constructor(
    private readonly streams: Stream[],
    readonly subscription: Subscription,
    private readonly range: { from: number; to: number },
    private readonly show: (texts: string[]) => Promise<void>,
    private readonly fail: () => void,
  ) {
    this.stops = streams.map((stream) =>
      stream.onStored((stored) =>
        this.take(
          stream,
          stored.filter((one) => this.wants(one)),
        ),
      ),
    )
  }

  /** Reads everything subscribed to from `from` on, as far as it is stored by now. */
  start(symbols: string[] | undefined, from = this.range.from): void {
    for (const stream of this.streams) {
      this.work.push({ kind: 'history', stream, symbols, from, before: stream.end })
    }
    void this.run()
  }

  /** Forgets where it was: the next start reads again what was shown before. */
  restart(): void {
    this.restarts++
    this.work.length = 0
    this.backlog = 0
    this.delivered.clear()
  }

  stop(): void {
    this.isStopped = true
    for (const stop of this.stops) stop()
  }

  private wants({ symbol, time, late }: Stored): boolean {
    const { all, names } = this.subscription
    if (!all && !names.has(symbol.name)) return false
    if (time < this.range.from || time > this.range.to) return false
    // A cursor does not go back: what is inserted behind it stays unseen.
    return !late || time >= (this.delivered.get(symbol) ?? Number.NEGATIVE_INFINITY)
  }

  private take(stream: Stream, stored: Stored[]): void {
    if (stored.length === 0) return
    this.backlog += stored.length
    if (this.backlog > maxBacklog) {
      this.stop()
      this.fail()
      return
    }
    for (const { symbol, time } of stored) this.note(symbol, time)
    this.work.push({ kind: 'stored', stream, stored })
    void this.run()
  }

  private note(symbol: SymbolIndex, time: number): void {
    if (time > (this.delivered.get(symbol) ?? Number.NEGATIVE_INFINITY)) {
      this.delivered.set(symbol, time)
    }
  }

  private async run(): Promise<void> {
    if (this.isRunning) return
    this.isRunning = true
    try {
      while (this.work.length > 0 && !this.isStopped) await this.step(this.work.shift() as Work)
    } catch {
      // The stream was deleted under the cursor: silence, as on the server.
      this.stop()
    } finally {
      this.isRunning = false
    }
  }

  private async step(work: Work): Promise<void> {
    const { types } = this.subscription
    const { stream } = work
    if (work.kind === 'stored') {
      this.backlog -= work.stored.length
      await stream.load(work.stored.map(({ offset }) => offset))
      const found = work.stored.map(({ offset }) => {
        const { bytes, at } = stream.find(offset)
        return readMessage(bytes, at)
      })
      await this.show(
        found
          .filter(({ classIndex }) => !types || types.has(stream.classes[classIndex]?.name ?? ''))
          .map((message) => stream.text(message, false)),
      )
      return
    }
    const { symbols, from, before } = work
    const query = { symbols, types: types && [...types], from, to: this.range.to, before }
    const { restarts } = this
    for await (const batch of messages(stream, query)) {
      if (this.isStopped || restarts !== this.restarts) return
      for (const { symbol, ms } of batch) {
        const index = stream.symbols[symbol]
        if (index) this.note(index, ms)
      }
      await this.show(batch.map((message) => stream.text(message, false)))
    }
  }
}
