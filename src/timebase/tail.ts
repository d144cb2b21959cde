import { isAbort, WxError } from '../errors.js'
import type { Clock } from '../system.js'
import type { Row } from './row.js'
import type { TailSource } from './source.js'
import { Run } from './tail-run.js'

export interface TailOptions {
  /** Whether a symbol is wanted; undefined wants all. */
  wants?: (symbol: string) => boolean
  /** Start at this time, epoch milliseconds; otherwise with the last `last` records. */
  sinceMs?: number
  last?: number
  /** End behind this time, epoch milliseconds. */
  untilMs?: number
  follow: boolean
}

export interface TailRecord {
  type: 'record'
  row: Row
  ms: number
  /** Stored while the tail was following. */
  live: boolean
  /** Much older than what was shown before it: a station catches up. */
  late?: true
  /** Put behind what was shown already (write mode INSERT). */
  inserted?: true
}

export type TailEvent =
  | TailRecord
  /** The past is read: what follows was stored since. `serverMs`: the server's time. Comes once. */
  | { type: 'following'; serverMs: number }
  /** The connection broke; `atMs` is when something was last heard. */
  | { type: 'lost'; atMs: number; reason: string }
  | { type: 'back'; afterMs: number }
  /** WebSocket is blocked or rings for nothing: asks once a second instead. */
  | { type: 'polling'; reason: string }
  /** Rows that appeared behind the cursors, found and counted but not shown. */
  | { type: 'inserted'; symbol: string; count: number }

/** Waits between attempts to reconnect, the last one for ever (ux.md, pain 10). */
const backoffMs = [1000, 2000, 4000, 8000, 16_000, 30_000]
/** A run that ends by itself gives up after all of them: some minute. */
const finiteAttempts = backoffMs.length

/**
 * The records of a stream, first the past, then what is stored, each exactly once, in batches;
 * an empty batch is a sign of life at least once a second. Ends at `untilMs`, or without
 * `follow` after the past; ends never otherwise, but by `signal`. Whatever breaks is
 * reconnected and resumed where it was. Throws at once what no waiting mends: a wrong login,
 * no rights, an unknown stream, and any fault before the first answer.
 */
export async function* tail(
  source: TailSource,
  options: TailOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<TailEvent[]> {
  const run = new Run(source, options, clock, signal)
  let attempt = 0
  while (true) {
    try {
      for await (const events of run.events()) {
        attempt = 0
        const back = run.regain()
        yield back ? [back, ...events] : events
      }
      return
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (!run.hasStarted || !isTransient(error)) throw error
      if (!options.follow && attempt >= finiteAttempts) throw error
      const lost = run.lose(error)
      if (lost) yield [lost]
      const wait = backoffMs[Math.min(attempt, backoffMs.length - 1)] as number
      attempt++
      run.stop()
      yield* idle(clock, wait, signal)
    } finally {
      run.stop()
    }
  }
}

/** Signs of life while waiting to reconnect. */
async function* idle(clock: Clock, ms: number, signal: AbortSignal): AsyncGenerator<TailEvent[]> {
  const end = clock.monotonic() + ms
  while (clock.monotonic() < end) {
    await clock.sleep(Math.min(1000, end - clock.monotonic()), signal)
    yield []
  }
}

/** Whether waiting may mend it. A stream that was there and is not may come back as well. */
function isTransient(error: unknown): boolean {
  if (error instanceof WxError) {
    return !['LOGIN_REFUSED', 'ACCESS_DENIED', 'USAGE', 'FAULT', 'INTERRUPTED'].includes(error.code)
  }
  // A programming fault of ours must show; what a server can cause arrives as a WxError.
  return isAbort(error)
}
