import { WxError } from '../errors.js'
import type { Clock } from '../system.js'
import { Hearing } from './hearing.js'
import type { Bell, Ring, TailSource } from './source.js'

/** Without a bell the server is asked once a second (about 1 % of a core, timebase-webadmin surprise 22). */
const pollMs = 1000
/** New symbols, and stations whose late records do not ring, are found by asking for all. */
const sweepMs = 30_000
const deafSweepMs = 5000
/** An answered ring rests this long: a burst of rings is one read. */
const restMs = 200
/** What blocks a WebSocket may be gone later: the bell is tried again. */
const retryBellMs = 300_000
/** A bell that breaks this soon, this often in a row, is blocked by something in between. */
const shortLifeMs = 5000
const shortLives = 3
/** A wall clock that runs ahead of the steady one by so much is a computer that slept. */
const sleptMs = 14_000

/** On both clocks: one stands while a computer sleeps, the other is set by people and NTP. */
export interface Moment {
  wall: number
  steady: number
}

export function momentOf(clock: Clock): Moment {
  return { wall: clock.now(), steady: clock.monotonic() }
}

/** What is to be read now: rung symbols, those that are alive, or all that exist. */
export type Due = string[] | 'alive' | 'all'

/** Waits for the bell, and says what to ask for where it cannot be heard. */
export class Listener {
  readonly #source: TailSource
  readonly #clock: Clock
  readonly #hearing = new Hearing()
  #bell: Bell | undefined
  #stop = new AbortController()
  #broken = new AbortController()
  #rung = new Map<string, Ring>()
  #failure: unknown
  #wake = (): void => {}
  #sweepAt = 0
  #pollAt = 0
  #restUntil = 0
  #retryAt = Number.POSITIVE_INFINITY
  #tick: Moment = { wall: 0, steady: 0 }
  #shortLives = 0
  /** Why the bell cannot be heard; undefined while it can, or may soon. */
  blockedBy: string | undefined
  /** When something was last heard of the server. */
  heardAt: Moment | undefined

  constructor(source: TailSource, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /**
   * Hangs the bell up; until it is heard, `takeDue` asks for polls. Only to be called while plain
   * requests work: a bell that fails then is blocked.
   */
  start(options: { symbols?: string[]; from?: string }, signal: AbortSignal): void {
    this.stop()
    this.#stop = new AbortController()
    this.#failure = undefined
    this.#retryAt = Number.POSITIVE_INFINITY
    this.#hearing.begin()
    this.#sweepAt = this.#clock.monotonic()
    this.#pollAt = this.#sweepAt
    this.#tick = momentOf(this.#clock)
    this.heard()
    if (this.#shortLives < shortLives) void this.#hear(options, signal, this.#stop.signal)
    else this.#block('NETWORK_UNREACHABLE')
  }

  stop(): void {
    this.#stop.abort(new WxError('INTERRUPTED', 'Interrupted.'))
    this.#broken = new AbortController()
    this.#bell?.close()
    this.#bell = undefined
  }

  /** Aborts when the bell breaks: a request that hangs on the same dead server ends with it. */
  get broken(): AbortSignal {
    return this.#broken.signal
  }

  /** Notes a sign of life: a ring, or an answer to a request. */
  heard(): void {
    this.heardAt = momentOf(this.#clock)
  }

  async #hear(
    options: { symbols?: string[]; from?: string },
    signal: AbortSignal,
    stopped: AbortSignal,
  ): Promise<void> {
    const either = AbortSignal.any([signal, stopped])
    let bell: Bell | undefined
    let openedMs = 0
    try {
      bell = await this.#source.openBell(options, either)
      if (either.aborted) return bell.close()
      this.#bell = bell
      if (!this.#hearing.isInDoubt) this.blockedBy = undefined
      openedMs = this.#clock.monotonic()
      for await (const rings of bell.rings) {
        for (const ring of rings) {
          this.#rung.set(ring.symbol, ring)
          this.#hearing.rang(ring)
        }
        this.blockedBy = undefined
        this.heard()
        this.#wake()
      }
      throw new WxError('NETWORK_UNREACHABLE', 'The server closed the live connection.')
    } catch (error) {
      if (either.aborted) return
      if (!bell) return this.#block(error instanceof WxError ? error.code : 'NETWORK_UNREACHABLE')
      const isShort = this.#clock.monotonic() - openedMs < shortLifeMs
      this.#shortLives = isShort ? this.#shortLives + 1 : 0
      this.#failure = error
      this.#broken.abort(error)
      this.#wake()
    }
  }

  #block(reason: string): void {
    this.blockedBy = reason
    this.#retryAt = this.#clock.monotonic() + retryBellMs
  }

  /** Resolves when something may be due, after a second at the latest; throws what broke the bell. */
  async wait(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic()
    if (!this.#failure && (this.#rung.size === 0 || now < this.#restUntil)) {
      const next = this.#rung.size > 0 ? this.#restUntil : now + 1000
      await this.#sleep(Math.min(next - now, 1000), signal)
    }
    if (this.#failure) throw this.#failure
    const before = this.#tick
    this.#tick = momentOf(this.#clock)
    if (this.#tick.wall - before.wall - (this.#tick.steady - before.steady) > sleptMs) {
      throw new WxError('NETWORK_UNREACHABLE', 'This computer slept.')
    }
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (then: () => void): void => {
        cancel()
        this.#wake = () => {}
        signal.removeEventListener('abort', onAbort)
        then()
      }
      const onAbort = (): void => end(() => reject(signal.reason))
      const cancel = this.#clock.timer(ms, () => end(resolve))
      this.#wake = () => {
        // What rings right after an answer waits for its neighbours.
        if (this.#failure || this.#clock.monotonic() >= this.#restUntil) end(resolve)
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** What to read now; an empty list is nothing. */
  takeDue(isNews: (ring: Ring) => boolean): Due {
    const now = this.#clock.monotonic()
    const isDeaf = this.#bell === undefined
    if (now >= this.#sweepAt) {
      this.#sweepAt = now + (isDeaf || this.#hearing.isInDoubt ? deafSweepMs : sweepMs)
      this.#pollAt = now + pollMs
      // What rang stays due: of stations that were silent a sweep reads only some.
      return 'all'
    }
    if (isDeaf && now >= this.#pollAt) {
      this.#pollAt = now + pollMs
      return 'alive'
    }
    if (now < this.#restUntil) return []
    const due = [...this.#rung.values()].filter(isNews).map(({ symbol }) => symbol)
    this.#rung.clear()
    if (due.length > 0) this.#restUntil = now + restMs
    return due
  }

  /** Notes a record that a sweep found: the bell should have rung for it. */
  found(ring: Ring): void {
    if (this.#bell) this.#hearing.found(ring, this.#clock.monotonic())
  }

  /** Whether it is time to hang the bell up again: one that was blocked, or one that hears nothing. */
  restartIsDue(): boolean {
    const now = this.#clock.monotonic()
    if (this.#bell && this.#hearing.isDeaf(now)) {
      if (!this.#hearing.isHopeless) return true
      this.stop()
      this.#block('BELL_DEAF')
    }
    if (this.blockedBy === undefined || now < this.#retryAt) return false
    this.#shortLives = 0
    return true
  }
}
