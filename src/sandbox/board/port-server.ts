import type { Socket } from 'node:net'
import type { System } from '../../system.js'
import type { AutoReset } from './auto-reset.js'
import { Rfc2217 } from './rfc2217.js'
import { SerialLine } from './serial-line.js'
import type { Uart } from './uart.js'

export type PortKind = 'rfc2217' | 'socket'

/** A client that comes while another one is leaving waits this long for it. */
const waitForLeavingMs = 1000
/** Above this much that has not gone over the wire, a client has to wait: a bridge's buffer. */
const bridgeBuffer = 16_384
/** A client that does not read must not fill the memory: like a serial port, the rest is lost. */
const longestUnread = 4 * 1024 * 1024

export interface PortServer {
  readonly rfc2217Port: number
  readonly socketPort: number
  /** Breaks the connection there is. */
  disconnect(): void
  close(): Promise<void>
}

/** Serves one board's serial port twice, by RFC 2217 and as plain bytes; one client at a time. */
export async function servePort(
  options: {
    uart: Uart
    reset: AutoReset
    rfc2217Port: number
    socketPort: number
    isUnplugged: () => boolean
  },
  system: System,
): Promise<PortServer> {
  const { uart, reset, isUnplugged } = options
  let client: Socket | undefined
  let waiting: { socket: Socket; kind: PortKind; cancel: () => void } | undefined

  const take = (socket: Socket, kind: PortKind): void => {
    client = socket
    attach(socket, kind, new SerialLine(uart, reset), uart)
    socket.once('close', () => {
      client = undefined
      const next = waiting
      waiting = undefined
      next?.cancel()
      if (next && !next.socket.destroyed) take(next.socket, next.kind)
    })
  }
  const connect = (socket: Socket, kind: PortKind): void => {
    // A peer that vanishes is no news: 'close' follows.
    socket.on('error', () => {})
    if (isUnplugged() || waiting) socket.resetAndDestroy()
    else if (client) {
      const cancel = system.clock.timer(waitForLeavingMs, () => {
        waiting = undefined
        socket.resetAndDestroy()
      })
      waiting = { socket, kind, cancel }
    } else take(socket, kind)
  }

  const telnet = await system.net.listen({ port: options.rfc2217Port }, (socket) =>
    connect(socket, 'rfc2217'),
  )
  const raw = await system.net
    .listen({ port: options.socketPort }, (socket) => connect(socket, 'socket'))
    .catch(async (error: unknown) => {
      await telnet.close()
      throw error
    })
  const disconnect = (): void => {
    waiting?.cancel()
    waiting?.socket.destroy()
    waiting = undefined
    client?.resetAndDestroy()
  }
  return {
    rfc2217Port: telnet.port,
    socketPort: raw.port,
    disconnect,
    async close() {
      disconnect()
      await Promise.all([telnet.close(), raw.close()])
    },
  }
}

function attach(socket: Socket, kind: PortKind, line: SerialLine, uart: Uart): void {
  const send = (bytes: Uint8Array): void => {
    if (!socket.destroyed && socket.writableLength < longestUnread) socket.write(bytes)
  }
  const telnet = kind === 'rfc2217' ? new Rfc2217(line, send) : undefined
  uart.onHostReceive = telnet ? (bytes) => telnet.deliver(bytes) : send
  uart.onHostDrain = () => {
    if (socket.isPaused()) socket.resume()
  }
  socket.on('data', (bytes: Uint8Array) => {
    if (telnet) telnet.receive(bytes)
    else line.write(bytes)
    if (line.backlog > bridgeBuffer) socket.pause()
  })
  socket.on('end', () => socket.end())
  socket.once('close', () => line.close())
  telnet?.greet()
}
