import type { Ring } from './source.js'

/** Rings come within 500 ms of storing; a server under load gets four times as much. */
const ringWithinMs = 2000
/** One deaf bell may be a restart of TimeBase behind WebAdmin; a second one will not be the last. */
const deafBells = 2

/**
 * Whether a bell rings for what is stored. A monitor falls silent for good, and its session beats
 * on, when TimeBase restarts behind WebAdmin, when its stream is deleted and made again, and where
 * fifty others have their places already (timebase-webadmin 5.2). Only what was found without it
 * tells.
 */
export class Hearing {
  readonly #rung = new Map<string, string>()
  readonly #unrung = new Map<string, { timestamp: string; atMs: number }>()
  #deafBells = 0

  /** A new bell hangs: what the one before it did not ring for says nothing about this one. */
  begin(): void {
    this.#rung.clear()
    this.#unrung.clear()
  }

  rang({ symbol, timestamp }: Ring): void {
    this.#deafBells = 0
    this.#rung.set(symbol, timestamp)
    if (timestamp >= (this.#unrung.get(symbol)?.timestamp ?? timestamp)) this.#unrung.delete(symbol)
  }

  /** A record was found that a bell must have rung for by now, or rings for soon. */
  found({ symbol, timestamp }: Ring, nowMs: number): void {
    if ((this.#rung.get(symbol) ?? '') >= timestamp || this.#unrung.has(symbol)) return
    this.#unrung.set(symbol, { timestamp, atMs: nowMs })
  }

  /** Whether the bell that hangs is deaf. True is answered once a bell. */
  isDeaf(nowMs: number): boolean {
    const isDeaf = [...this.#unrung.values()].some(({ atMs }) => nowMs - atMs >= ringWithinMs)
    if (!isDeaf) return false
    this.#unrung.clear()
    this.#deafBells++
    return true
  }

  /** The last bell was deaf, and the one that hangs has not rung yet. */
  get isInDoubt(): boolean {
    return this.#deafBells > 0
  }

  /** Bells are of no use here for now. */
  get isHopeless(): boolean {
    return this.#deafBells >= deafBells
  }
}
