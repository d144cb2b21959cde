import { WxError } from '../errors.js'
import type { Clock } from '../system.js'

const pauseMs = 3000
/** WebAdmin restarts in ten seconds, on a small machine in some thirty. */
const patienceMs = 60_000
/** A server that hangs takes all of the patience at once: it is asked so often at least, */
const leastAttempts = 6
/** and one that refuses at once so often at most. */
const mostAttempts = 20

export interface Waiting {
  end(): void
  outlast(error: unknown, signal?: AbortSignal): Promise<void>
}

/** Waits for a server that is away in the middle of a piece of work. */
export class Outage implements Waiting {
  #beganAt: number | undefined
  #failures = 0

  constructor(private readonly clock: Pick<Clock, 'monotonic' | 'sleep'>) {}

  /** The work goes on. */
  end(): void {
    this.#beganAt = undefined
    this.#failures = 0
  }

  /** The same patience for a part of the work: that a part goes on does not mean that the whole does. */
  part(): Waiting {
    return { end: () => {}, outlast: (error, signal) => this.outlast(error, signal) }
  }

  /** Waits before the next attempt; throws what is no outage, or lasts too long. */
  async outlast(error: unknown, signal?: AbortSignal): Promise<void> {
    const now = this.clock.monotonic()
    this.#beganAt ??= now
    this.#failures++
    const isLong = this.#failures >= leastAttempts && now - this.#beganAt >= patienceMs
    if (!mayPass(error) || isLong || this.#failures >= mostAttempts) throw error
    await this.clock.sleep(pauseMs, signal)
  }
}

/** Whether the answer was lost or the server is away: the same may be asked again in a while. */
function mayPass(error: unknown): boolean {
  return (
    error instanceof WxError &&
    ['NO_ANSWER', 'ANSWER_INCOMPLETE', 'NETWORK_UNREACHABLE', 'TIMEBASE_DOWN'].includes(error.code)
  )
}
