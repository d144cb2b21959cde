import { WxError } from '../errors.js'
import type { Clock } from '../system.js'
import { abortable } from './abortable.js'

/** With the question that follows it (3 s), a dead server is known as one within 15 s. */
const firstMs = 11_000
/** Where the server answers other questions: its first look into an old, large stream takes long. */
const mostMs = 60_000

/** One exchange under a deadline. */
export interface Exchange {
  /** For the request; aborts with the caller's signal and when patience is over. */
  signal: AbortSignal
  /** Waits for one step of the exchange. */
  step<T>(work: Promise<T>): Promise<T>
  /** The body; the reader's own time between two pieces does not count. */
  pieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>
  end(): void
  /** Ends one whose answer nobody wants any more. */
  abandon(): void
}

/** How long a server may say nothing in the middle of an exchange. Each doubt makes it longer. */
export class Patience {
  readonly #clock: Clock
  readonly #server: string
  readonly #isThere: (signal: AbortSignal) => Promise<boolean>
  #limitMs = firstMs

  constructor(server: string, clock: Clock, isThere: (signal: AbortSignal) => Promise<boolean>) {
    this.#server = server
    this.#clock = clock
    this.#isThere = isThere
  }

  begin(signal: AbortSignal): Exchange {
    const over = new AbortController()
    const onAbort = (): void => over.abort(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })

    // One timer an exchange, not one a piece: a page of the past has hundreds of them.
    let waitingSince: number | undefined
    let step = 0
    let isEnded = false
    const look = (): void => {
      const now = this.#clock.monotonic()
      const waited = waitingSince === undefined ? 0 : now - waitingSince
      if (waited < this.#limitMs) cancel = this.#clock.timer(this.#limitMs - waited, look)
      else void doubt(step)
    }
    let cancel = this.#clock.timer(this.#limitMs, look)
    const doubt = async (doubted: number): Promise<void> => {
      const isThere = await this.#isThere(over.signal)
      if (over.signal.aborted || isEnded) return
      if (step !== doubted) look()
      else over.abort(this.#verdict(isThere))
    }
    const end = (): void => {
      isEnded = true
      cancel()
      // One listener an exchange would stay with the signal for as long as the command runs.
      signal.removeEventListener('abort', onAbort)
    }
    const watched = async <T>(work: Promise<T>): Promise<T> => {
      step++
      waitingSince = this.#clock.monotonic()
      try {
        return await work
      } finally {
        step++
        waitingSince = undefined
      }
    }
    return {
      signal: over.signal,
      step: (work) => watched(abortable(work, over.signal)),
      async *pieces(body) {
        const iterator = body[Symbol.asyncIterator]()
        try {
          while (true) {
            const { done, value } = await watched(iterator.next())
            if (done) return
            yield value
          }
        } finally {
          // Not awaited: a body that hangs ends by the signal, after whoever gave it up.
          void iterator.return?.().catch(() => undefined)
        }
      },
      end,
      abandon: () => {
        end()
        over.abort(new WxError('INTERRUPTED', 'Nobody wants the answer any more.'))
      },
    }
  }

  /** An exchange of one step. */
  async within<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const exchange = this.begin(signal)
    try {
      return await exchange.step(work(exchange.signal))
    } finally {
      exchange.end()
    }
  }

  #verdict(isThere: boolean): WxError {
    if (!isThere) return new WxError('NETWORK_UNREACHABLE', `${this.#server} fell silent.`)
    this.#limitMs = Math.min(mostMs, this.#limitMs * 2)
    const message = `${this.#server} took the request and then went silent.`
    return new WxError('NO_ANSWER', message)
  }
}
