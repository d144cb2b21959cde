import type { System } from '../../../system.js'
import { symbolsOf } from '../rows.js'
import { readMessage } from '../store/record.js'
import type { Stored, Stream } from '../store/stream.js'
import type { SymbolIndex } from '../store/symbol-index.js'

// timebase.flushPeriodMs
const flushMs = 500

export interface MonitorOptions {
  symbols?: string[] | undefined
  types?: string[] | undefined
  /** Undefined = from the beginning: first the latest message of every symbol. */
  from?: number | undefined
}

/**
 * The conflated view: the latest message of each symbol, at most every 500 ms. A timer runs only
 * while there is something to show, so that an idle monitor costs nothing.
 */
export class Monitor {
  private readonly latest = new Map<SymbolIndex, number>()
  private readonly stopListening: () => void
  private readonly started: number
  private cancelTimer: (() => void) | undefined
  private isStopped = false

  constructor(
    private readonly system: System,
    private readonly stream: Stream,
    private readonly options: MonitorOptions,
    private readonly show: (text: string) => void,
  ) {
    this.started = system.clock.monotonic()
    const from = options.from ?? Number.NEGATIVE_INFINITY
    for (const index of symbolsOf(stream, options.symbols)) {
      if ((index.last ?? Number.NEGATIVE_INFINITY) >= from) {
        this.latest.set(index, index.offset(index.length - 1))
      }
    }
    this.stopListening = stream.onStored((stored) => this.take(stored))
    if (this.latest.size > 0) this.arm()
  }

  stop(): void {
    this.isStopped = true
    this.stopListening()
    this.cancelTimer?.()
  }

  private take(stored: Stored[]): void {
    const { symbols, from = Number.NEGATIVE_INFINITY } = this.options
    for (const { symbol, time, offset, late } of stored) {
      if (late || time < from || (symbols && !symbols.includes(symbol.name))) continue
      this.latest.set(symbol, offset)
    }
    if (this.latest.size > 0) this.arm()
  }

  private arm(): void {
    if (this.cancelTimer) return
    const sinceFlush = (this.system.clock.monotonic() - this.started) % flushMs
    this.cancelTimer = this.system.clock.timer(flushMs - sinceFlush, () => {
      this.cancelTimer = undefined
      void this.flush()
    })
  }

  private async flush(): Promise<void> {
    const places = [...this.latest.values()]
    this.latest.clear()
    try {
      await this.stream.load(places)
    } catch {
      // The stream was deleted meanwhile: silence, as on the server.
      this.stop()
    }
    if (this.isStopped) return
    const { types } = this.options
    const texts = places
      .map((place) => {
        const { bytes, at } = this.stream.find(place)
        return readMessage(bytes, at)
      })
      .filter(
        ({ classIndex }) => !types || types.includes(this.stream.classes[classIndex]?.name ?? ''),
      )
      .map((message) => this.stream.text(message, false))
    if (texts.length > 0) this.show(`[${texts.join(',')}]`)
  }
}
