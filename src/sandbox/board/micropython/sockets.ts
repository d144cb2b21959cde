import type { Duplex } from 'node:stream'
import type { BoardFaults } from '../../faults.js'
import type { Air } from '../air.js'
import type { AccessPoint } from './access-point.js'
import { readCertificate, type Trust } from './certificates.js'
import { errno } from './errno.js'
import { Listener } from './listener.js'
import type { Answer } from './messages.js'
import { blank, roomIn, type Socket, stateOf, taken } from './socket.js'
import { connectionEnded, shakeHands } from './tls.js'
import { sendDatagram } from './udp.js'
import type { Wifi } from './wifi.js'

/** CONFIG_LWIP_MAX_SOCKETS of the image. */
const socketLimit = 10
/** TLS sockets the heap has room for. */
const tlsLimit = 2
/** lwIP hands out what one segment held. */
const segmentSize = 1440
/** What the chip takes before its window is full (CONFIG_LWIP_TCP_WND_DEFAULT). */
const receiveWindow = 5760
/** A round trip over Wi-Fi: a connection is never there at once (recorded: EINPROGRESS, EAGAIN). */
const roundTripMs = 5
/** lwIP gives a silent host up by itself after this long (recorded: 57.8 s). */
const connectMs = 57_800

export interface SocketsOptions {
  air: Air
  wifi: Wifi
  accessPoint: AccessPoint
  faults: BoardFaults
  /** Which port of this computer a port of the board is at; 0: any. */
  hostPort(port: number): number
  wake(): void
}

/** The board's TCP and UDP over the sockets of this computer. Nothing here waits: Python does. */
export class Sockets {
  readonly #sockets = new Map<number, Socket>()
  #next = 54
  #nextPort = 49_153

  constructor(private readonly options: SocketsOptions) {
    const { wifi, accessPoint } = options
    wifi.onLost = () => {
      this.#breakAll()
      void this.#openAll()
    }
    wifi.onJoined = () => void this.#openAll()
    accessPoint.onChange = () => void this.#openAll()
  }

  readonly operations = {
    socket: ([kind]: ['tcp' | 'udp']): Answer => this.#open(kind),
    socket_connect: ([id, address, port]: [number, string, number]) =>
      this.#connect(id, address, port),
    socket_bind: ([id, port]: [number, number]) => this.#bind(id, port),
    socket_listen: ([id]: [number]) => this.#listen(id),
    socket_accept: ([id]: [number]) => this.#accept(id),
    socket_send: ([id]: [number], bytes: Uint8Array = new Uint8Array(0)) => this.#send(id, bytes),
    socket_receive: ([id, size, isPeek]: [number, number, boolean?]) =>
      this.#receive(id, size, isPeek ?? false),
    socket_send_to: ([id, address, port]: [number, string, number], bytes?: Uint8Array) =>
      this.#sendTo(id, address, port, bytes ?? new Uint8Array(0)),
    socket_state: ([id]: [number]): Answer => ({
      value: stateOf(this.#sockets.get(id)),
    }),
    socket_close: ([id]: [number]): Answer => this.#close(id),
    socket_secure: ([id, name, trust]: [number, string | null, Trust | null]): Answer =>
      this.#secure(id, name, trust),
    socket_certificate: ([id]: [number]): Answer => ({
      bytes: this.#sockets.get(id)?.certificate ?? new Uint8Array(0),
    }),
    certificate: (_: [], bytes: Uint8Array = new Uint8Array(0)): Answer => ({
      value: readCertificate(bytes) !== undefined,
    }),
    resolve: async ([name]: [string]): Promise<Answer> => {
      if (!this.options.wifi.address) return { error: -202 }
      const address = await this.options.air.resolve(name)
      return address === undefined ? { error: -202 } : { value: address }
    },
  }

  closeAll(): void {
    for (const id of [...this.#sockets.keys()]) this.#close(id)
  }

  #open(kind: 'tcp' | 'udp'): Answer {
    if (this.#sockets.size >= socketLimit) return { error: errno.ENFILE }
    return { value: this.#add(blank(kind)) }
  }

  #add(socket: Socket): number {
    const id = this.#next++
    this.#sockets.set(id, socket)
    return id
  }

  async #connect(id: number, address: string, port: number): Promise<Answer> {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    if (one.kind === 'udp') {
      one.peer = { address, port }
      return {}
    }
    if (one.state === 'connected') return { error: errno.EISCONN }
    if (one.state !== 'new') return { error: errno.EINVAL }
    if (!this.options.wifi.address) return { error: errno.EHOSTUNREACH }
    one.state = 'connecting'
    one.peer = { address, port }
    void this.#dial(one, address, port)
    return {}
  }

  async #dial(one: Socket, address: string, port: number): Promise<void> {
    const { air, wake } = this.options
    const board = air.forward(address, port)
    const host = board === undefined ? air.route(address) : '127.0.0.1'
    const giveUp = new AbortController()
    const cancel = air.system.clock.timer(connectMs, () => {
      giveUp.abort()
      if (one.state === 'connecting') this.#fail(one, errno.ECONNABORTED)
    })
    // Nobody there: the packets are lost, only time tells.
    if (host === undefined) return
    try {
      const stream = await air.system.net.connect(host, board ?? port, giveUp.signal)
      if (one.state !== 'connecting') return void stream.destroy()
      this.#attach(one, stream)
      one.state = 'connecting'
      await air.system.clock.sleep(roundTripMs)
      if (isConnecting(one)) one.state = 'connected'
    } catch {
      if (!giveUp.signal.aborted) this.#fail(one, errno.ECONNRESET)
    } finally {
      cancel()
      wake()
    }
  }

  #attach(one: Socket, stream: Duplex): void {
    const { wake } = this.options
    one.stream = stream
    one.state = 'connected'
    stream.on('data', (bytes: Buffer) => {
      if (one.stream !== stream) return
      one.received.push(new Uint8Array(bytes))
      one.receivedSize += bytes.length
      if (one.receivedSize >= receiveWindow) stream.pause()
      wake()
    })
    stream.on('end', () => {
      one.isEnded = true
      wake()
    })
    stream.on('error', () => {
      if (one.stream !== stream) return
      this.#fail(one, errno.ECONNRESET)
    })
    stream.on('drain', wake)
    wake()
  }

  #fail(one: Socket, error: number): void {
    one.error = error
    one.state = 'closed'
    one.received = []
    one.receivedSize = 0
    one.stream?.destroy()
    this.options.wake()
  }

  #bind(id: number, port: number): Answer {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    for (const other of this.#sockets.values()) {
      if (
        other !== one &&
        port !== 0 &&
        other.kind === one.kind &&
        other.port === port &&
        other.state !== 'connected'
      ) {
        return { error: errno.EADDRINUSE }
      }
    }
    one.port = port || this.#nextPort++
    return {}
  }

  async #listen(id: number): Promise<Answer> {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    if (one.state === 'listening') return {}
    one.state = 'listening'
    const { air, wifi, accessPoint, hostPort, wake } = this.options
    const { port } = one
    const board = { addresses: () => this.#addresses(), port, hostPort: hostPort(port) }
    one.listener = new Listener(() =>
      air.listen(board, (stream) => {
        const network = wifi.address ? '192.168.77' : '192.168.4'
        if (!wifi.address) stream.once('close', accessPoint.welcome())
        const peer = { address: `${network}.2`, port: this.#nextPort++ }
        const accepted = { ...blank('tcp'), port, peer }
        this.#attach(accepted, stream)
        one.waiting.push(accepted)
        wake()
      }),
    )
    await one.listener.open(this.#addresses().length > 0)
    return {}
  }

  /** A socket listens on every interface that is up. */
  #addresses(): string[] {
    const { wifi, accessPoint } = this.options
    return [wifi.address, accessPoint.address].filter((one) => one !== undefined)
  }

  async #openAll(): Promise<void> {
    const isUp = this.#addresses().length > 0
    for (const { listener } of this.#sockets.values()) await listener?.open(isUp)
  }

  #accept(id: number): Answer {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    if (one.state !== 'listening') return { error: errno.EINVAL }
    const accepted = one.waiting.shift()
    if (!accepted) return { error: errno.EAGAIN }
    if (this.#sockets.size >= socketLimit) return { error: errno.ENFILE }
    return { value: [this.#add(accepted), accepted.peer?.address, accepted.peer?.port] }
  }

  #send(id: number, bytes: Uint8Array): Answer {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    if (one.kind === 'udp') {
      if (!one.peer) return { error: errno.ENOTCONN }
      return this.#sendTo(id, one.peer.address, one.peer.port, bytes) as Answer
    }
    if (one.error) return { error: one.error }
    if (one.state === 'connecting') return { error: errno.EAGAIN }
    if (one.state !== 'connected' || !one.stream) return { error: errno.ENOTCONN }
    const size = Math.min(bytes.length, roomIn(one))
    if (size === 0 && bytes.length > 0) return { error: errno.EAGAIN }
    // What the other side no longer takes is lost without a word, as TCP does it.
    if (one.stream.writable) one.stream.write(bytes.subarray(0, size))
    return { value: size }
  }

  #receive(id: number, size: number, isPeek: boolean): Answer {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    if (one.kind === 'udp') {
      const datagram = one.datagrams[0]
      if (!datagram) return { error: errno.EAGAIN }
      if (!isPeek) one.datagrams.shift()
      return { value: [datagram.address, datagram.port], bytes: datagram.bytes.subarray(0, size) }
    }
    if (one.error && one.receivedSize === 0) return { error: one.error }
    const first = one.received[0]
    const from = [one.peer?.address ?? '0.0.0.0', one.peer?.port ?? 0]
    if (!first) {
      if (one.isEnded) return { value: from, bytes: new Uint8Array(0) }
      one.isWaiting = true
      return { error: errno.EAGAIN }
    }
    if (isPeek) return { value: from, bytes: first.slice(0, Math.min(size, segmentSize)) }
    // Who waited is woken by the first segment; who comes later finds all that has come.
    const most = one.isWaiting ? Math.min(first.length, segmentSize) : one.receivedSize
    one.isWaiting = false
    const bytes = taken(one, Math.min(size, most))
    if (one.receivedSize < receiveWindow) one.stream?.resume()
    return { value: from, bytes }
  }

  async #sendTo(id: number, address: string, port: number, bytes: Uint8Array): Promise<Answer> {
    const one = this.#sockets.get(id)
    if (!one) return { error: errno.EBADF }
    const { air, wifi, faults, wake } = this.options
    if (!wifi.address) return { error: errno.EHOSTUNREACH }
    await sendDatagram(one, { address, port, bytes }, { air, faults, wake })
    return { value: bytes.length }
  }

  /** Starts a handshake; how it ends shows in the socket's state. */
  #secure(id: number, name: string | null, trust: Trust | null): Answer {
    const one = this.#sockets.get(id)
    if (!one?.stream) return { error: errno.ENOTCONN }
    const secured = [...this.#sockets.values()].filter(({ tls }) => tls !== undefined)
    if (secured.length >= tlsLimit) return { error: errno.ENOMEM }
    if (one.isEnded && one.receivedSize === 0) {
      one.tls = { isBusy: false, error: connectionEnded }
      return {}
    }
    const plain = one.stream
    for (const event of ['data', 'end', 'error', 'drain']) plain.removeAllListeners(event)
    plain.pause()
    // Bytes read ahead belong to the handshake.
    for (const bytes of one.received.reverse()) plain.unshift(bytes)
    one.received = []
    one.receivedSize = 0
    one.stream = undefined
    one.tls = { isBusy: true, error: undefined }
    const { air, wake } = this.options
    void shakeHands(air.system.net, plain, name ?? undefined, trust ?? undefined).then((end) => {
      if (end.socket) this.#attach(one, end.socket)
      one.certificate = end.certificate
      one.tls = { isBusy: false, error: end.error }
      wake()
    })
    return {}
  }

  #close(id: number): Answer {
    const one = this.#sockets.get(id)
    if (!one) return {}
    this.#sockets.delete(id)
    one.state = 'closed'
    one.stream?.end()
    one.stream?.resume()
    one.udp?.close()
    void one.listener?.open(false)
    for (const accepted of one.waiting) accepted.stream?.destroy()
    return {}
  }

  /** The network is gone: connections end with it. */
  #breakAll(): void {
    for (const one of this.#sockets.values()) {
      if (one.kind === 'tcp' && one.state === 'connected') this.#fail(one, errno.ECONNABORTED)
    }
  }
}

/** Read anew: while one waits, a socket may be closed or fail. */
function isConnecting({ state }: Socket): boolean {
  return state === 'connecting'
}
