import type { Clock } from '../../src/system.js'

export interface FakeClock extends Clock {
  /** Moves time on, running what falls due in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>
}

/**
 * Time that moves only when told; starts at 2026-11-23T00:00:00Z. It stands while `isBusy`: what
 * is done outside of promises takes no virtual time either.
 */
export function fakeClock(
  start = Date.UTC(2026, 10, 23),
  isBusy: () => boolean = () => false,
): FakeClock {
  let elapsed = 0
  let due: { at: number; fn: () => void }[] = []
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
    do await new Promise((resolve) => setImmediate(resolve))
    while (isBusy())
  }
  const clock: FakeClock = {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    timer(ms, fn) {
      const entry = { at: elapsed + Math.max(0, ms), fn }
      due.push(entry)
      return () => {
        due = due.filter((one) => one !== entry)
      }
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const cancel = clock.timer(ms, () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        })
        const onAbort = (): void => {
          cancel()
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', onAbort, { once: true })
      })
    },
    async advance(ms) {
      const end = elapsed + ms
      await settle()
      while (true) {
        const next = due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        due = due.filter((one) => one !== next)
        elapsed = Math.max(elapsed, next.at)
        next.fn()
        await settle()
      }
      elapsed = end
    },
  }
  return clock
}
