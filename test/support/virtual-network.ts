import { createServer, type IncomingMessage, request } from 'node:http'
import { Duplex } from 'node:stream'
import WebSocket from 'ws'
import { nodeFiles } from '../../src/system/files.js'
import type { FetchResponse, Files, Net, System, WebSocketLike } from '../../src/system.js'

export interface VirtualNetwork {
  net: Net
  files: Files
  fetch: System['fetch']
  webSocket: System['webSocket']
  /** Whether bytes or files are still on their way: virtual time waits for them. */
  isBusy(): boolean
  /** Every connection from now on is refused, as by a computer whose network is away. */
  isDown: boolean
  /** Bytes carried so far, both ways. */
  readonly bytes: number
  /** The connection that would carry this byte breaks there, or carries nothing from there on. */
  fault: { kind: 'cut' | 'stall'; at: number } | undefined
  /** As `fetch`, past every fault, and not counted. */
  soundFetch: System['fetch']
}

/** Turns of the event loop without a byte or a file before the network counts as at rest. */
const restTurns = 12

/**
 * HTTP and WebSocket inside this process: Node's own parsers on both sides, no socket and no timer
 * between them. With a fake clock a day of a real client and the real gateway takes seconds.
 */
export function virtualNetwork(): VirtualNetwork {
  let moved = 0
  let seen = 0
  let restedTurns = 0
  let openWork = 0
  let handler: ReturnType<typeof createServer> | undefined

  let bytes = 0
  const note = (): void => void moved++
  /** How much of a chunk comes through. */
  const carry = (size: number): { size: number; ends?: 'cut' | 'stall' } => {
    const { fault } = network
    const room = fault ? fault.at - bytes : Number.POSITIVE_INFINITY
    bytes += Math.min(size, room)
    if (!fault || size <= room) return { size }
    network.fault = undefined
    return { size: room, ends: fault.kind }
  }
  const connect = (): Duplex => {
    const [ours, theirs] = connection(note, carry)
    if (network.isDown || !handler) ours.destroy(coded('ECONNREFUSED'))
    else handler.emit('connection', theirs)
    return ours
  }
  const connectSoundly = (): Duplex => {
    const [ours, theirs] = connection(note, (size) => ({ size }))
    handler?.emit('connection', theirs)
    return ours
  }
  const counted = <T>(work: Promise<T>): Promise<T> => {
    openWork++
    return work.finally(() => {
      openWork--
      note()
    })
  }

  const network: VirtualNetwork = {
    isDown: false,
    fault: undefined,
    get bytes() {
      return bytes
    },
    isBusy() {
      if (openWork > 0 || moved !== seen) restedTurns = 0
      seen = moved
      return ++restedTurns <= restTurns
    },
    net: {
      async serve(_where: unknown, onRequest, onUpgrade) {
        const server = createServer(onRequest)
        if (onUpgrade) server.on('upgrade', onUpgrade)
        handler = server
        const close = async (): Promise<void> => server.closeAllConnections()
        return { port: 8099, server, close }
      },
    } as Partial<Net> as Net,
    files: countedFiles(counted),
    fetch: fetchOver(connect),
    soundFetch: fetchOver(connectSoundly),
    webSocket: (url, { headers = {}, protocols = [], signal } = {}) =>
      open(new WebSocket(url, protocols, { headers, createConnection: connect }), signal),
  }
  return network
}

function fetchOver(createConnection: () => Duplex): System['fetch'] {
  return (url, { method = 'GET', headers = {}, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const options = { method, headers: { ...headers, ...length }, createConnection }
      const sent = request(url, { ...options, ...(signal && { signal }) })
      sent.once('error', (error) => reject(signal?.aborted ? signal.reason : error))
      sent.once('response', (response) => resolve(answer(response)))
      sent.end(body)
    })
}

/** Both ends of a connection; destroying one breaks the other, as a reset does. */
function connection(
  note: () => void,
  carry: (size: number) => { size: number; ends?: 'cut' | 'stall' },
): [Duplex, Duplex] {
  let isStalled = false
  const waiting = new Map<Duplex, () => void>()
  const make = (): Duplex => {
    const end: Duplex = new Duplex({
      read() {
        waiting.get(end)?.()
        waiting.delete(end)
      },
    })
    // A broken connection is its user's business; unheard it would end the process.
    end.on('error', () => undefined)
    return end
  }
  const ends = [make(), make()] as const
  ends.forEach((end, i) => {
    const other = ends[1 - i] as Duplex
    end._write = (chunk: Buffer, _encoding, done) => {
      note()
      // What is sent into a stalled connection waits in a buffer of the system.
      if (isStalled) return done()
      const { size, ends } = carry(chunk.length)
      isStalled = ends === 'stall'
      const room = size === 0 || other.push(chunk.subarray(0, size))
      if (ends === 'cut') end.destroy(coded('ECONNRESET'))
      // A reader that is full takes the next piece when it has room again.
      else if (room || isStalled) done()
      else waiting.set(other, done)
    }
    end._final = (done) => {
      note()
      if (!other.readableEnded && !isStalled) other.push(null)
      done()
    }
    end._destroy = (error, done) => {
      note()
      setImmediate(() => other.destroy(other.readableEnded ? undefined : coded('ECONNRESET')))
      done(error)
    }
  })
  return [ends[0], ends[1]]
}

function coded(code: string): Error {
  return Object.assign(new Error(`failed with ${code}`), { code })
}

function answer(response: IncomingMessage): FetchResponse {
  const bytes = async (): Promise<Uint8Array> => Buffer.concat(await response.toArray())
  return {
    status: response.statusCode ?? 0,
    headers: response.headers as { [name: string]: string },
    body: response,
    bytes,
    text: async () => Buffer.from(await bytes()).toString('utf8'),
    discard: async () => void response.destroy(),
  }
}

async function open(socket: WebSocket, signal: AbortSignal | undefined): Promise<WebSocketLike> {
  const queue: string[] = []
  let failure: Error | undefined
  let wake = (): void => {}
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => {
      wake()
      resolve({ code, reason: String(reason) })
    }),
  )
  socket.on('error', (error) => {
    failure = error
    wake()
  })
  socket.on('message', (data) => {
    queue.push(String(data))
    wake()
  })
  const end = (): void => socket.terminate()
  signal?.addEventListener('abort', end, { once: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  async function* messages(): AsyncGenerator<string> {
    while (true) {
      while (queue.length > 0) yield queue.shift() as string
      if (failure) throw failure
      if (socket.readyState >= WebSocket.CLOSING) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const close = (code?: number, reason?: string): void => socket.close(code, reason)
  return { send: (data) => socket.send(data), close, messages: messages(), closed }
}

/** The real files; what is flushed need not outlive this test. */
function countedFiles(counted: <T>(work: Promise<T>) => Promise<T>): Files {
  const wrap = <T extends object>(target: T, flushes: boolean): T =>
    new Proxy(target, {
      get(_target, name) {
        const value = Reflect.get(target, name, target) as unknown
        if (typeof value !== 'function') return value
        if (flushes && (name === 'datasync' || name === 'sync')) return async () => undefined
        return (...args: unknown[]) => {
          const result: unknown = value.apply(target, args)
          return result instanceof Promise ? counted(result) : result
        }
      },
    })
  const files = wrap(nodeFiles, false)
  return new Proxy(files, {
    get: (target, name) =>
      name === 'open'
        ? async (...args: Parameters<Files['open']>) => wrap(await target.open(...args), true)
        : Reflect.get(target, name),
  })
}
