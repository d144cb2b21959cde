import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { type Certificate, makeCertificate } from '../../support/certificates.js'

/** The servers the chip was recorded against, on ports of this computer's choice. */
export interface RecordedServers {
  /** The recording's port to the one here; nobody listens at 6190 and 6199. */
  readonly ports: ReadonlyMap<number, number>
  readonly certificates: { ca1: Certificate; ca2: Certificate; own: Certificate }
  stop(): Promise<void>
}

/** The clock of the recording's NTP server: 2026-09-21. */
export const recordedNow = 1_790_000_000_000

const year = 365 * 86_400_000
const valid = { from: new Date(recordedNow - year), to: new Date(recordedNow + 10 * year) }
const over = { from: new Date(recordedNow - 2 * year), to: new Date(recordedNow - year) }

/** Starts all of them on loopback. */
export async function startRecordedServers(): Promise<RecordedServers> {
  const ca1 = makeCertificate({ name: 'wx test CA', ...valid, isAuthority: true })
  const ca2 = makeCertificate({ name: 'other CA', ...valid, isAuthority: true })
  const own = makeCertificate({ name: 'wx.local', ...valid, isAuthority: true })
  const leaf = { name: 'wx.local', issuer: ca1 }
  const secure = (one: Certificate, options: TlsOptions = {}): Server =>
    createTlsServer({ cert: one.pem, key: one.keyPem, ...options }, answerHttp)
  const servers = new Map<number, Server>([
    [6120, createServer()],
    [6121, createServer((socket) => socket.end())],
    [6122, createServer((socket) => socket.pipe(socket))],
    [6123, createServer(answerHttp)],
    [6124, createServer((socket) => socket.end('hello'))],
    [6125, createServer((socket) => setTimeout(() => socket.resetAndDestroy(), 300))],
    [6130, secure(makeCertificate({ ...leaf, ...valid }))],
    [6131, secure(makeCertificate({ ...leaf, ...valid, kind: 'rsa' }))],
    [6132, secure(makeCertificate({ ...leaf, ...over }))],
    [6133, secure(own)],
    [6134, secure(makeCertificate({ ...leaf, ...valid }), { minVersion: 'TLSv1.3' })],
  ])
  const ports = new Map<number, number>()
  const open = new Set<Socket>()
  for (const [recorded, server] of servers) {
    server.on('connection', (socket: Socket) => {
      open.add(socket)
      socket.on('error', () => {})
    })
    server.on('tlsClientError', () => {})
    ports.set(recorded, await listening(server))
  }
  for (const closed of [6190, 6199]) {
    const server = createServer()
    ports.set(closed, await listening(server))
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    ports,
    certificates: { ca1, ca2, own },
    async stop() {
      for (const socket of open) socket.destroy()
      await Promise.all(
        [...servers.values()].map((one) => new Promise((resolve) => one.close(resolve))),
      )
    },
  }
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}

const odd: Record<string, string> = {
  '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  '/redirect': 'HTTP/1.1 302 Found\r\nLocation: /get\r\nContent-Length: 0\r\n\r\n',
  '/500': 'HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nbad',
  '/short': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly',
  '/junk': 'nonsense\r\n\r\n',
}

/** One request a connection, echoed as JSON. */
function answerHttp(socket: Socket): void {
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end < 0) return
    const size = Number(/Content-Length: (\d+)/i.exec(text)?.[1] ?? 0)
    if (text.length < end + 4 + size) return
    const lines = text.slice(0, end).split('\r\n')
    const path = lines[0]?.split(' ')[1] ?? ''
    if (path === '/slow') return
    const headers = lines.map((line) => JSON.stringify(line)).join(', ')
    const body = `{"path":"${path}","headers":[${headers}],"body":${size}}`
    const type = 'Content-Type: application/json'
    socket.end(
      odd[path] ?? `HTTP/1.1 200 OK\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
  })
}
