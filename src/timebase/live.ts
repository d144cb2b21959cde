import { WxError } from '../errors.js'
import type { System, WebSocketLike } from '../system.js'
import { abortable } from './abortable.js'
import { answersPing } from './ping.js'
import { watchPulse } from './pulse.js'
import type { Bell, Ring } from './source.js'
import { encodeFrame, type Frame, FrameReader } from './stomp.js'

export interface BellOptions {
  /** Address of WebAdmin, for example http://server:8099. */
  server: string
  stream: string
  /** Headers that authenticate the CONNECT frame. */
  login: Record<string, string>
  symbols?: string[]
  from?: string
  ca?: string
  insecure?: boolean
}

/** What both sides offer; WebAdmin answers with the same (timebase-webadmin 5.2). */
const heartbeatMs = 10_000
/** A handshake that takes longer than this is blocked by something that swallows it. */
const openMs = 10_000

/**
 * Hangs up a STOMP monitor of a stream. It costs the gateway nothing while nothing happens, and
 * it is conflated (the latest record a symbol every 500 ms): good as a bell, useless as data.
 * Throws LIVE_BLOCKED where the server or something before it does not let it through.
 */
export async function openStompBell(
  options: BellOptions,
  system: Pick<System, 'webSocket' | 'fetch' | 'clock'>,
  signal: AbortSignal,
): Promise<Bell> {
  const { clock } = system
  const ended = new AbortController()
  const stop = AbortSignal.any([signal, ended.signal])
  const server = options.server.replace(/\/$/, '')
  const url = new URL(`${server}/stomp/v0`)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'

  let silence: unknown
  let socket: WebSocketLike | undefined
  const giveUp = (error: WxError): void => {
    silence ??= error
    ended.abort(error)
    socket?.close()
  }
  const tls = {
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.insecure && { insecure: true }),
  }
  const isThere = (asked: AbortSignal): Promise<boolean> => answersPing(server, tls, system, asked)
  const cancelOpen = clock.timer(openMs, () => giveUp(blocked('it does not answer')))
  let frames: AsyncGenerator<Frame>
  try {
    socket = await abortable(
      system.webSocket(url.href, {
        protocols: ['v12.stomp', 'v11.stomp'],
        signal: stop,
        ...tls,
      }),
      stop,
    )
    frames = watched(socket, clock, isThere, giveUp, stop)
    socket.send(
      encodeFrame({
        command: 'CONNECT',
        headers: {
          'accept-version': '1.1,1.2',
          'heart-beat': `${heartbeatMs},${heartbeatMs}`,
          ...options.login,
        },
        body: '',
      }),
    )
    const first = await abortable(frames.next(), stop)
    if (first.done || first.value.command !== 'CONNECTED') {
      const reason = first.done ? 'the connection ended' : first.value.headers.message
      throw blocked(reason ?? 'refused', undefined, { isRefused: !first.done })
    }
    socket.send(
      encodeFrame({
        command: 'SUBSCRIBE',
        headers: {
          id: 'tail',
          destination: `/user/topic/monitor/${encodeURIComponent(options.stream)}`,
          ack: 'auto',
          ...(options.from && { fromTimestamp: options.from }),
          ...(options.symbols && { symbols: JSON.stringify(options.symbols) }),
        },
        body: '',
      }),
    )
  } catch (error) {
    socket?.close()
    ended.abort()
    if (signal.aborted) throw signal.reason
    if (silence) throw silence
    throw error instanceof WxError ? error : blocked((error as Error).message, error)
  } finally {
    cancelOpen()
  }
  const open = socket
  const close = (): void => {
    ended.abort()
    open.close()
  }
  signal.addEventListener('abort', close, { once: true })
  return { rings: rings(frames, stop), close }
}

/** Frames of a socket, with heartbeats both ways; `onSilence` when the server is gone. */
async function* watched(
  socket: WebSocketLike,
  clock: System['clock'],
  isThere: (signal: AbortSignal) => Promise<boolean>,
  onSilence: (error: WxError) => void,
  stop: AbortSignal,
): AsyncGenerator<Frame> {
  const reader = new FrameReader()
  const decoder = new TextDecoder()
  const pulse = watchPulse(clock, isThere, () =>
    onSilence(new WxError('NETWORK_UNREACHABLE', 'The server fell silent.')),
  )
  const beat = (): void => {
    socket.send('\n')
    cancelBeat = clock.timer(heartbeatMs - 1000, beat)
  }
  let cancelBeat = clock.timer(heartbeatMs - 1000, beat)
  const fallSilent = (): void => {
    pulse.stop()
    cancelBeat()
  }
  // The messages of a dead peer never end: the beats to it must.
  stop.addEventListener('abort', fallSilent, { once: true })
  try {
    for await (const message of socket.messages) {
      pulse.heard()
      const text = typeof message === 'string' ? message : decoder.decode(message, { stream: true })
      const frames = reader.take(text)
      // A broker without a clock of its own answers 0, or says nothing of beats.
      const hello = frames.find(({ command }) => command === 'CONNECTED')
      if (hello && !(Number.parseInt(hello.headers['heart-beat'] ?? '0', 10) > 0)) pulse.noBeats()
      yield* frames
    }
  } finally {
    fallSilent()
  }
}

async function* rings(frames: AsyncGenerator<Frame>, stop: AbortSignal): AsyncGenerator<Ring[]> {
  try {
    while (true) {
      // A dead peer never answers the closing handshake: the signal ends the wait for it.
      const { done, value: frame } = await abortable(frames.next(), stop)
      if (done) return
      if (frame.command === 'ERROR') {
        throw new WxError('NETWORK_UNREACHABLE', 'The server ended the live connection.', {
          details: { message: frame.headers.message },
        })
      }
      if (frame.command !== 'MESSAGE') continue
      const found = ringsOf(frame.body)
      if (found.length > 0) yield found
    }
  } catch (error) {
    if (error instanceof WxError) throw error
    throw new WxError('NETWORK_UNREACHABLE', 'The live connection broke.', { cause: error })
  }
}

/** Which symbols a message of the monitor names. What is no list of records rings for nobody. */
export function ringsOf(body: string): Ring[] {
  let values: unknown
  try {
    values = JSON.parse(body)
  } catch {
    return []
  }
  if (!Array.isArray(values)) return []
  return values.flatMap((value: { symbol?: unknown; timestamp?: unknown } | null) =>
    typeof value?.symbol === 'string' && typeof value.timestamp === 'string'
      ? [{ symbol: value.symbol, timestamp: value.timestamp }]
      : [],
  )
}

function blocked(reason: string, cause?: unknown, details: { isRefused?: boolean } = {}): WxError {
  return new WxError('LIVE_BLOCKED', `The live connection is not let through: ${reason}.`, {
    cause,
    details,
  })
}
