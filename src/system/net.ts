import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type DetailedPeerCertificate, connect as secure } from 'node:tls'
import type { Net } from '../system.js'

const loopback = '127.0.0.1'

async function listening(server: Server, host: string | undefined, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host ?? loopback, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  return typeof address === 'object' && address ? address.port : port
}

function closing(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    for (const socket of sockets) socket.destroy()
  })
}

function remembered(server: Server): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

export const nodeNet: Net = {
  async listen({ host, port }, onConnection) {
    const server = createServer({ noDelay: true }, onConnection)
    const sockets = remembered(server)
    return {
      port: await listening(server, host, port),
      server,
      close: () => closing(server, sockets),
    }
  },
  connect(host, port, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const socket = connect({ host, port, noDelay: true })
      // The signal ends the attempt, never the connection: a deadline for connecting is over then.
      const onAbort = (): void => {
        socket.destroy()
        reject(signal?.reason)
      }
      const settle = (): void => signal?.removeEventListener('abort', onAbort)
      signal?.addEventListener('abort', onAbort, { once: true })
      socket.once('error', (error) => {
        settle()
        reject(error)
      })
      socket.once('connect', () => {
        settle()
        socket.removeAllListeners('error')
        resolve(socket)
      })
    })
  },
  async serve({ host, port }, onRequest, onUpgrade) {
    const server = createHttpServer({ noDelay: true }, onRequest)
    if (onUpgrade) server.on('upgrade', onUpgrade)
    const sockets = remembered(server)
    return {
      port: await listening(server, host, port),
      server,
      close: () => closing(server, sockets),
    }
  },
  async udp(onMessage) {
    const socket = createSocket('udp4')
    socket.on('message', (bytes, from) => onMessage(new Uint8Array(bytes), from))
    // An unreachable port comes back as an error that nobody on a datagram's side waits for.
    socket.on('error', () => {})
    await new Promise<void>((resolve) => socket.bind(0, resolve))
    return {
      send: (bytes, host, port) => socket.send(bytes, port, host),
      close: () => void socket.close(),
    }
  },
  async resolve(name) {
    try {
      return (await lookup(name, 4)).address
    } catch {
      return undefined
    }
  },
  secure(socket, serverName) {
    return new Promise((resolve, reject) => {
      const over = secure({
        socket,
        rejectUnauthorized: false,
        maxVersion: 'TLSv1.2',
        ...(serverName && { servername: serverName }),
      })
      over.once('error', reject)
      over.once('secureConnect', () => {
        over.off('error', reject)
        resolve({ socket: over, chain: chainOf(over.getPeerCertificate(true)) })
      })
    })
  },
}

/** A root names itself as its issuer: there the chain ends. */
function chainOf(first: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = []
  for (let one = first; one?.raw; one = one.issuerCertificate) {
    chain.push(new Uint8Array(one.raw))
    if (one.issuerCertificate === one) break
  }
  return chain
}
