import type { System } from '../system.js'

/** A beat and its way. The question that follows takes 3 s at most: within 15 s, as promised. */
const quietMs = 10_500
/**
 * WebAdmin's broker beats on one grid of 10 s, and skips whom it wrote to within the last 10 s: up
 * to 20 s of silence are normal. A connection that says nothing for three beats is dead, whatever
 * the server answers elsewhere; that is Spring's own measure too.
 */
const silenceMs = 30_000

export interface Pulse {
  /** To be called at every sign of life of the connection. */
  heard(): void
  /** It will not beat: then only what the server answers elsewhere tells. */
  noBeats(): void
  stop(): void
}

/** Watches a connection that should beat; `onSilence` is called once when it, or its server, is gone. */
export function watchPulse(
  clock: System['clock'],
  isThere: (signal: AbortSignal) => Promise<boolean>,
  onSilence: () => void,
): Pulse {
  let heardAt = clock.monotonic()
  let patienceMs = silenceMs
  let asking: AbortController | undefined
  let cancel = clock.timer(quietMs, ask)

  function ask(): void {
    if (clock.monotonic() - heardAt > patienceMs) {
      onSilence()
      return
    }
    const question = new AbortController()
    asking = question
    void isThere(question.signal).then((answered) => {
      if (question.signal.aborted) return
      if (answered) cancel = clock.timer(quietMs, ask)
      else onSilence()
    })
  }
  const stop = (): void => {
    cancel()
    asking?.abort()
  }
  return {
    stop,
    noBeats() {
      patienceMs = Number.POSITIVE_INFINITY
    },
    heard() {
      stop()
      heardAt = clock.monotonic()
      cancel = clock.timer(quietMs, ask)
    },
  }
}
