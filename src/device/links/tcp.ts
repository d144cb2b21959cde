import type { Socket } from 'node:net'
import { errnoOf, WxError } from '../../errors.js'
import type { System } from '../../system.js'
import type { OpenLinkOptions } from '../link.js'
import { parseAddress } from './open.js'

/** Longest wait for a TCP connection: a host on the same network answers within milliseconds, over a VPN in a second. */
const connectTimeoutMs = 10_000

/** Connects to the host of a port URL, with every failure as PORT_ABSENT. */
export async function connectTcp(
  url: string,
  { signal }: OpenLinkOptions,
  system: System,
): Promise<Socket> {
  const { host, port } = parseAddress(url)
  const deadline = AbortSignal.timeout(connectTimeoutMs)
  try {
    return await system.net.connect(
      host,
      port,
      signal ? AbortSignal.any([signal, deadline]) : deadline,
    )
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    const why = deadline.aborted ? 'no answer' : (errnoOf(cause) ?? 'refused')
    throw new WxError('PORT_ABSENT', `There is no board at ${url}: ${why}.`, {
      cause,
      hint: 'Check host and port, and that the program that serves the board runs.',
      details: { port: url },
    })
  }
}

export function portLost(url: string, cause?: unknown): WxError {
  const hint = lostHint(url)
  return new WxError('PORT_LOST', `The connection to the board on ${url} was lost.`, {
    cause,
    details: { port: url },
    ...(hint !== undefined && { hint }),
  })
}

/** What else than a cable may be the cause. */
function lostHint(url: string): string | undefined {
  // No cable leads to a WebREPL.
  if (url.startsWith('ws:')) return 'Look after its power and Wi-Fi, then run it again.'
  // A server that has one place for a client hangs up on the second.
  if (/^(rfc2217|socket):/.test(url))
    return 'Check the cable, and that no other program is connected; then run the same command again: it finishes the job.'
  return undefined
}

/** What a socket and a serial port have in common. */
interface Sink {
  write(bytes: Uint8Array, done: (error: Error | null | undefined) => void): unknown
}

/** Resolves when the operating system has taken the bytes. */
export function sendAll(
  socket: Sink,
  bytes: Uint8Array,
  url: string,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.write(bytes, (error) => {
      signal?.removeEventListener('abort', onAbort)
      if (error) reject(portLost(url, error))
      else resolve()
    })
  })
}
