import type { System } from '../system.js'

/** An answer from memory takes milliseconds; this leaves room for a way over the sea. */
const probeMs = 3000

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
