export interface Silence {
  symbol: string
  /** Time of its last record, epoch milliseconds. */
  lastMs: number
  silentMs: number
}

/** Stations send in batches of 10 s; three batches missing is a fault, one may be the network. */
const leastMs = 30_000
/** The same for one whose uploads are not known yet: it may be set to send each minute. */
const unknownMs = 150_000
/** A wait may be so many times the usual one, as a gap between two records. */
const factor = 2.5
/** Waits kept to learn a rhythm. */
const memory = 5
/** An upload may arrive in several pieces: what comes within a second is one. */
const sameUploadMs = 1000

interface Station {
  lastMs: number
  /** When it last sent something, on the clock of the calls. */
  spokeMs: number
  /** The next arrival ends a wait that says something about its rhythm. */
  isWaiting: boolean
  /** The last waits between two uploads. */
  waits: number[]
  isTold: boolean
}

/**
 * Learns how often each station sends, and notices who falls silent. All times but those of
 * records are on a clock that never goes back.
 */
export class Arrivals {
  readonly #stations = new Map<string, Station>()
  readonly #intervalOf: (symbol: string) => number | undefined
  #hasBegun = false
  #isListening = false

  /** `intervalOf`: the usual distance between two records of a station, where it is known. */
  constructor(intervalOf: (symbol: string) => number | undefined) {
    this.#intervalOf = intervalOf
  }

  /** Takes a record, of time `ms`. One that was read from the past says nothing about uploads. */
  observe(symbol: string, ms: number, isLive: boolean, nowMs: number): void {
    const station = this.#stations.get(symbol)
    if (!station) {
      const isWaiting = isLive
      this.#stations.set(symbol, {
        lastMs: ms,
        spokeMs: nowMs,
        isWaiting,
        waits: [],
        isTold: false,
      })
      return
    }
    station.lastMs = ms
    if (!isLive) return
    const wait = nowMs - station.spokeMs
    if (station.isWaiting && wait >= sameUploadMs) {
      station.waits.push(wait)
      if (station.waits.length > memory) station.waits.shift()
    }
    station.spokeMs = nowMs
    station.isWaiting = true
    station.isTold = false
  }

  /** The past is read: whoever was in it spoke when its last record was taken. */
  begin(nowMs: number, serverMs: number): void {
    this.#hasBegun = true
    this.#isListening = true
    for (const station of this.#stations.values()) {
      if (!station.isWaiting) station.spokeMs = nowMs - Math.max(0, serverMs - station.lastMs)
    }
  }

  /** The connection broke: nobody can be heard. */
  lose(): void {
    this.#isListening = false
  }

  /** It is back: nobody is blamed for the time between. */
  resume(nowMs: number): void {
    this.#isListening = this.#hasBegun
    for (const station of this.#stations.values()) {
      if (station.isTold) continue
      station.spokeMs = nowMs
      station.isWaiting = false
    }
  }

  /** Stations that fell silent since the last call: each is told once, until it speaks again. */
  silences(nowMs: number): Silence[] {
    const found: Silence[] = []
    if (!this.#isListening) return found
    for (const [symbol, station] of this.#stations) {
      if (station.isTold) continue
      const silentMs = nowMs - station.spokeMs
      if (silentMs <= leastMs || silentMs <= this.#limit(symbol, station)) continue
      station.isTold = true
      found.push({ symbol, lastMs: station.lastMs, silentMs })
    }
    return found
  }

  #limit(symbol: string, { waits }: Station): number {
    // An outage is a long wait too, but only one of the last five.
    const [longest, second = longest] = [...waits].sort((a, b) => b - a)
    const usual = Math.max(this.#intervalOf(symbol) ?? 0, second ?? 0)
    return Math.max(second === undefined ? unknownMs : leastMs, factor * usual)
  }
}
