import type { System } from '../system.js'

/** A beat and its way: after so long without one the server is asked whether it is there. */
const quietMs = 10_500
/** What it may take to answer; with the silence before it well within 15 s, as promised. */
const probeMs = 3000
/**
 * WebAdmin's broker beats on one grid of 10 s, and skips whom it wrote to within the last 10 s: up
 * to 20 s of silence are normal. A connection that says nothing for three beats is dead, whatever
 * the server answers elsewhere; that is Spring's own measure too.
 */
const silenceMs = 30_000

export interface Pulse {
  /** To be called at every sign of life of the connection. */
  heard(): void
  stop(): void
}

/** Watches a connection that should beat; `onSilence` is called once when it, or its server, is gone. */
export function watchPulse(
  clock: System['clock'],
  isThere: (signal: AbortSignal) => Promise<boolean>,
  onSilence: () => void,
): Pulse {
  let heardAt = clock.monotonic()
  let asking: AbortController | undefined
  let cancel = clock.timer(quietMs, ask)

  function ask(): void {
    if (clock.monotonic() - heardAt > silenceMs) {
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
    heard() {
      stop()
      heardAt = clock.monotonic()
      cancel = clock.timer(quietMs, ask)
    },
  }
}

/** Whether WebAdmin answers its public page in time. A proxy that says it does not is a no. */
export async function answersPing(
  server: string,
  tls: { ca?: string; insecure?: boolean },
  system: Pick<System, 'fetch' | 'clock'>,
  signal: AbortSignal,
): Promise<boolean> {
  const late = new AbortController()
  const giveUp = (): void => late.abort()
  const cancel = system.clock.timer(probeMs, giveUp)
  signal.addEventListener('abort', giveUp, { once: true })
  const gone = new Promise<false>((resolve) =>
    late.signal.addEventListener('abort', () => resolve(false), { once: true }),
  )
  const ask = async (): Promise<boolean> => {
    const response = await system.fetch(`${server}/ping`, { signal: late.signal, ...tls })
    await response.discard()
    return response.status < 500
  }
  try {
    // Once more at once: the server may just have closed the connection that was kept for this.
    return await Promise.race([gone, ask().catch(ask)])
  } catch {
    return false
  } finally {
    cancel()
    signal.removeEventListener('abort', giveUp)
  }
}
