import type { Duplex } from 'node:stream'
import { errno } from './errno.js'
import type { Listener } from './listener.js'

/** mbedtls' number and name, or what is wrong with a certificate. */
export type TlsFailure = [number, string] | string

export interface Socket {
  kind: 'tcp' | 'udp'
  state: 'new' | 'connecting' | 'connected' | 'listening' | 'closed'
  error: number
  stream: Duplex | undefined
  received: Uint8Array[]
  receivedSize: number
  isEnded: boolean
  /** A reader found nothing and waits. */
  isWaiting: boolean
  /** DER, once a handshake is done. */
  certificate: Uint8Array | undefined
  /** Once TLS is asked for: whether the handshake goes on, and how it failed. */
  tls: { isBusy: boolean; error?: TlsFailure | undefined } | undefined
  port: number
  peer: { address: string; port: number } | undefined
  waiting: Socket[]
  datagrams: { bytes: Uint8Array; address: string; port: number }[]
  udp: { send(bytes: Uint8Array, host: string, port: number): void; close(): void } | undefined
  listener: Listener | undefined
}

export function blank(kind: 'tcp' | 'udp'): Socket {
  return {
    kind,
    state: 'new',
    error: 0,
    stream: undefined,
    received: [],
    receivedSize: 0,
    isEnded: false,
    isWaiting: false,
    certificate: undefined,
    tls: undefined,
    port: 0,
    peer: undefined,
    waiting: [],
    datagrams: [],
    udp: undefined,
    listener: undefined,
  }
}

/** A TCP send buffer of four segments (CONFIG_LWIP_TCP_SND_BUF_DEFAULT). */
const sendBuffer = 5760

/** Bytes that a connection takes now. */
export function roomIn(one: Socket): number {
  return Math.max(0, sendBuffer - (one.stream?.writableLength ?? 0))
}

/** What poll() and connect() ask. */
export function stateOf(one: Socket | undefined): unknown {
  if (!one) return { error: errno.EBADF, state: 'closed', readable: false, writable: false }
  const { error, state, isEnded, tls } = one
  const readable =
    one.receivedSize > 0 || isEnded || one.waiting.length > 0 || one.datagrams.length > 0
  const writable = one.kind === 'udp' || (state === 'connected' && roomIn(one) > 0)
  return { error, state, readable, writable, ended: isEnded, tls: tls ?? null }
}

/** Takes the next `size` bytes of what has come. */
export function taken(one: Socket, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; ) {
    const first = one.received[0]
    if (!first) break
    const part = first.subarray(0, size - at)
    bytes.set(part, at)
    at += part.length
    if (part.length === first.length) one.received.shift()
    else one.received[0] = first.subarray(part.length)
  }
  one.receivedSize -= size
  return bytes
}
