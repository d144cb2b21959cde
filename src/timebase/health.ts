import { isAbort, WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'

export type Health = 'no-answer' | 'starting' | 'timebase-down' | 'ready'

/** Asks WebAdmin how it is: its version page answers without a login, connected or not. */
export async function probeHealth(
  url: string,
  system: System,
  signal?: AbortSignal,
): Promise<Health> {
  try {
    const response = await system.fetch(`${url}/api/v0/v`, {
      headersTimeoutMs: 5000,
      bodyTimeoutMs: 5000,
      ...(signal && { signal }),
    })
    const text = await response.text()
    if (response.status !== 200) return 'starting'
    const { timebase } = JSON.parse(text) as {
      timebase?: { connected?: boolean; serverVersion?: string | null }
    }
    // Before 1.0 there is no `connected`: a server version tells the same.
    return (timebase?.connected ?? Boolean(timebase?.serverVersion)) ? 'ready' : 'timebase-down'
  } catch (error) {
    if (signal?.aborted && isAbort(error)) throw error
    return error instanceof SyntaxError ? 'starting' : 'no-answer'
  }
}

/** A first start pulls nothing any more but unpacks and indexes: minutes on a small machine. */
const patienceMs = 5 * 60_000
/** Often enough to feel immediate, seldom enough to cost nothing. */
const pauseMs = 1500

/** Waits until WebAdmin and the TimeBase behind it answer; says what it waits for. */
export async function waitForHealth(
  url: string,
  system: System,
  report: Report,
  signal: AbortSignal,
  ceilingMs = patienceMs,
): Promise<number> {
  const startMs = system.clock.monotonic()
  while (true) {
    const health = await probeHealth(url, system, signal)
    const elapsedMs = system.clock.monotonic() - startMs
    if (health === 'ready') return elapsedMs
    if (elapsedMs > ceilingMs) {
      throw new WxError(
        'TIMEBASE_DOWN',
        `TimeBase was started but did not become ready in ${Math.round(ceilingMs / 60_000)} minutes.`,
        {
          hint: 'Run `wxstation timebase logs` to see why; it may need more memory or a slower start.',
          details: { url, health },
        },
      )
    }
    report({ type: 'waiting', stage: 'timebase', reason: health, elapsedMs })
    await system.clock.sleep(pauseMs, signal)
  }
}
