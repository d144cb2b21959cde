import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Signed } from '../api-keys.js'
import { type Authenticator, isUser } from '../authenticate.js'
import { faultsFor } from '../faults.js'
import { splitUrl } from '../gateway.js'
import { bootPage, type Reply } from '../reply.js'
import type { Shared } from '../request.js'
import type { Stream } from '../store/stream.js'
import { traits } from '../versions.js'
import { StompBroker } from './broker.js'
import { openMonitor, openSelect, plainQuery } from './plain.js'
import { openQuery } from './query.js'
import { StompSession } from './stomp.js'

/** Every WebSocket of the gateway: plain selects, monitors, queries and STOMP. */
export class LiveSockets {
  private readonly server = new WebSocketServer({
    noServer: true,
    // STOMP clients offer theirs; the plain endpoints know none.
    handleProtocols: (offered) => [...offered].find((one) => /^v1\d\.stomp$/.test(one)) ?? false,
  })
  private readonly broker: StompBroker
  /** What ends each open cursor when TimeBase goes away. */
  private readonly cursors = new Map<WebSocket, () => void>()

  constructor(
    private readonly shared: Shared,
    private readonly auth: Authenticator,
  ) {
    this.broker = new StompBroker(shared.system.clock)
  }

  /** Takes a handshake over, or gives the answer that refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): Reply | undefined {
    const { pathname, search } = splitUrl(request.url ?? '/')
    const { now } = { now: this.shared.system.clock.now() }
    const faults = faultsFor(this.shared.faults, `GET ${request.url}`)
    if (faults.status !== undefined) return { status: faults.status, headers: {} }
    if (faults.captivePortal) return { status: 200, headers: {}, body: '<html></html>' }
    const open = (use: (ws: WebSocket) => void): undefined => {
      this.server.handleUpgrade(request, socket, Buffer.from(head), (ws) => {
        // A broken connection is the client's business; unheard it would end the process.
        ws.on('error', () => ws.terminate())
        use(ws)
      })
    }
    if (pathname === '/stomp/v0') {
      return open((ws) => new StompSession(ws, this.shared, this.auth, this.broker))
    }
    const header = (name: string): string | undefined => {
      const value = request.headers[name]
      return Array.isArray(value) ? value[0] : value
    }
    const signed: Signed = { method: 'GET', path: pathname, query: search, body: '', header }
    if (!pathname.startsWith('/ws/v0/')) return bootPage(404, pathname, now)
    const { guardsSockets, hasQuerySocket } = traits[this.shared.version]
    const user = this.auth.check(signed)
    if (guardsSockets && !isUser(user)) return user
    const parts = pathname.slice('/ws/v0/'.length).split('/')
    const kind = parts.at(-1) ?? ''
    const isKnown =
      (parts.length === 1 && (kind === 'select' || (kind === 'query' && hasQuerySocket))) ||
      (parts.length === 2 && /^(select|monitor)$/.test(kind))
    if (!isKnown) return { status: 404, headers: { 'Content-Type': 'application/json' }, body: '' }
    return open((ws) => this.plain(ws, parts, kind, search))
  }

  private plain(ws: WebSocket, parts: string[], kind: string, search: string): void {
    if (this.shared.faults.timebaseDown) {
      ws.close(1011)
      return
    }
    if (kind === 'query') {
      openQuery(ws, this.shared, (end) => this.keep(ws, end))
      return
    }
    const query = plainQuery(search)
    if (!query) {
      ws.close(1011)
      return
    }
    const named = parts.length === 2 ? [decodeURIComponent(parts[0] ?? '')] : query.streams
    const streams: Stream[] = named.flatMap((key) => this.shared.store.get(key) ?? [])
    const [stream] = streams
    if (named.length === 0 || (parts.length === 2 && !stream)) {
      ws.send('Streams is not defined')
    } else if (kind === 'monitor' && stream) {
      this.keep(ws, openMonitor(ws, stream, query, this.shared))
    } else {
      const end = openSelect(ws, streams, query, this.shared)
      if (end) this.keep(ws, end)
    }
  }

  private keep(ws: WebSocket, end: () => void): void {
    this.cursors.set(ws, end)
    ws.on('close', () => this.cursors.delete(ws))
  }

  /** TimeBase restarted: cursors are gone; plain sockets are told so, STOMP sessions are not. */
  endCursors(): void {
    this.broker.deafen()
    for (const [ws, end] of this.cursors) {
      end()
      ws.send('Cursor is closed')
      ws.send('[')
      ws.close(1000)
    }
  }

  breakAll(): void {
    for (const ws of this.server.clients) ws.terminate()
  }
}
