import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { System } from '../../system.js'
import { ApiKeys, type Signed } from './api-keys.js'
import { Authenticator, isUser, notAcceptable } from './authenticate.js'
import { faultsFor, type GatewayFaults, noGatewayFaults } from './faults.js'
import { parseBody } from './jackson.js'
import { LiveSockets } from './live/sockets.js'
import { login } from './login.js'
import { apiError, bootPage, json, oauthError, type Reply } from './reply.js'
import { Request, type Shared } from './request.js'
import { type Found, findRoute } from './routes.js'
import { refuseUpgrade, send, wireBytes } from './send.js'
import { Store } from './store/store.js'
import { Tokens } from './tokens.js'
import { type ApiKey, defaultUsers, type User } from './users.js'
import { type GatewayVersion, refusal, traits, versionPage } from './versions.js'

export interface GatewayOptions {
  /** Where streams are kept. */
  folder: string
  /** 0 or undefined = any free port. */
  port?: number
  /** Password of `admin`; generated where it and `users` are absent. */
  password?: string
  users?: User[]
  apiKeys?: ApiKey[]
  faults?: Partial<GatewayFaults>
  /** As timebase.readonly=true. */
  readOnly?: boolean
  /** Answers as this line of WebAdmin does; 1.1 where absent. */
  version?: GatewayVersion
}

export interface Gateway {
  url: string
  port: number
  /** The user who may write. */
  user: string
  password: string
  users: User[]
  /** Live: what is set here happens to the next request. */
  faults: GatewayFaults
  /** As a restart of WebAdmin: every connection breaks, every token is void. */
  restart(): Promise<void>
  /** As a restart of TimeBase: open cursors end, connections stay, STOMP monitors fall silent. */
  restartTimebase(): void
  stop(): Promise<void>
}

// A body of 30 MB is known to be accepted; this only keeps a runaway client from eating all memory.
const maxBody = 256 * 1024 * 1024

/** A local TimeBase WebAdmin on 127.0.0.1, of version 1.1.4 unless asked otherwise. */
export async function startGateway(options: GatewayOptions, system: System): Promise<Gateway> {
  const store = await Store.open(system, options.folder)
  const users = options.users ?? defaultUsers(system, options.password)
  const faults = { ...noGatewayFaults(), ...options.faults }
  const version = options.version ?? '1.1'
  const { hasApiKeys, keepsTokens } = traits[version]
  const keys = new ApiKeys(system, (hasApiKeys && options.apiKeys) || [])
  const auth = new Authenticator(users, await Tokens.create(system), keys)
  const shared: Shared = {
    system,
    store,
    faults,
    isReadOnly: options.readOnly ?? false,
    version,
    exports: new Map(),
  }
  const server = new Server(shared, auth)
  const live = new LiveSockets(shared, auth)
  const bound = await system.net.serve(
    { host: '127.0.0.1', port: options.port ?? 0 },
    (request, response) => void server.handle(request, response),
    (request, socket, head) => {
      const refusal = live.upgrade(request, socket, head)
      if (refusal) refuseUpgrade(request, socket, refusal)
    },
  )
  // Tomcat keeps an idle connection for a minute.
  bound.server.keepAliveTimeout = 60_000
  const admin = users.find(({ authorities }) => authorities.includes('TB_ALLOW_WRITE')) ?? users[0]
  return {
    url: `http://127.0.0.1:${bound.port}`,
    port: bound.port,
    user: admin?.username ?? '',
    password: admin?.password ?? '',
    users,
    faults,
    async restart() {
      if (!keepsTokens) auth.tokens = await Tokens.create(system)
      keys.forgetSessions()
      live.breakAll()
      bound.server.closeAllConnections()
    },
    restartTimebase: () => live.endCursors(),
    async stop() {
      live.breakAll()
      await bound.close()
      await store.close()
    },
  }
}

class Server {
  constructor(
    private readonly shared: Shared,
    private readonly auth: Authenticator,
  ) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Kept: a request that is left half read lets go of its socket.
    const { socket } = request
    const faults = faultsFor(this.shared.faults, `${request.method} ${request.url}`)
    try {
      const body = await readBody(request, faults.cutRequestAfter)
      if (body === undefined) {
        socket.destroy()
        return
      }
      const reply = broken(faults) ?? (await this.answer(request, body))
      if (faults.stallMs > 0) await this.stall(faults.stallMs, socket)
      if (faults.answerLost) socket.destroy()
      else if (faults.cutAnswerAfter !== undefined) {
        const bytes = await wireBytes(request, reply, faults.cutAnswerAfter)
        socket.write(bytes.subarray(0, faults.cutAnswerAfter), () => socket.destroy())
      } else await send(request, response, reply)
    } catch (error) {
      if (response.headersSent || socket.destroyed) socket.destroy()
      else await send(request, response, apiError(error, this.shared.system.clock.now()))
    }
  }

  private async stall(ms: number, socket: Socket): Promise<void> {
    let onClose = (): void => {}
    const gone = new Promise<void>((resolve) => {
      onClose = resolve
    })
    socket.once('close', onClose)
    if (Number.isFinite(ms)) await Promise.race([gone, this.shared.system.clock.sleep(ms)])
    else await gone
    // A connection that is kept meets many of these.
    socket.off('close', onClose)
  }

  private async answer(request: IncomingMessage, body: string): Promise<Reply> {
    const { now } = { now: this.shared.system.clock.now() }
    const { pathname, search } = splitUrl(request.url ?? '/')
    const method = request.method ?? 'GET'
    const header = (name: string): string | undefined => {
      const value = request.headers[name]
      return Array.isArray(value) ? value[0] : value
    }
    const signed: Signed = { method, path: pathname, query: search, body, header }
    if (pathname === '/oauth/token') return this.token(signed, now)
    const open = this.publicPage(pathname, search)
    if (open) return open
    if (pathname.startsWith('/session/login/')) return this.session(pathname, signed)
    if (!/^\/(api|ws)\/v0(\/|$)/.test(pathname)) return bootPage(404, pathname, now)
    if (pathname.startsWith('/api/v0/download')) {
      return this.run(findRoute(method, pathname, this.shared.version), signed, undefined)
    }
    const user = this.auth.check(signed)
    if (!isUser(user)) return header('accept') === 'text/html' ? notAcceptable(now) : user
    if (pathname.startsWith('/ws/')) {
      return {
        status: 400,
        headers: {},
        body: 'Can "Upgrade" only to "WebSocket".',
        withLength: true,
      }
    }
    return this.run(findRoute(method, pathname, this.shared.version), signed, user)
  }

  private async run(found: Found, signed: Signed, user: User | undefined): Promise<Reply> {
    const { now } = { now: this.shared.system.clock.now() }
    const { version } = this.shared
    if (!found) return bootPage(404, signed.path, now)
    try {
      if ('error' in found) throw found.error
      const request = new Request(
        this.shared,
        signed.method,
        found.path,
        new URLSearchParams(signed.query),
        signed.body,
        signed.header('content-type') ?? '',
        user,
      )
      return await found.route.handle(request)
    } catch (error) {
      return refusal(error, version, signed.path, now)
    }
  }

  private token(signed: Signed, now: number): Reply {
    if (signed.method === 'OPTIONS') {
      return { status: 403, headers: {}, body: 'Invalid CORS request', withLength: true }
    }
    const fields = new URLSearchParams(signed.query)
    if (/^application\/x-www-form-urlencoded/i.test(signed.header('content-type') ?? '')) {
      for (const [name, value] of new URLSearchParams(signed.body)) fields.append(name, value)
    }
    const { method } = signed
    const authorization = signed.header('authorization')
    return login({ method, authorization, fields }, this.auth.users, this.auth.tokens, now)
  }

  private publicPage(path: string, _search: string): Reply | undefined {
    const { now } = { now: this.shared.system.clock.now() }
    if (path === '/ping') return json(String(now))
    if (path === '/api/v0/v')
      return versionPage(this.shared.version, !this.shared.faults.timebaseDown, now)
    return path === '/api/v0/authInfo' ? json(authInfo) : undefined
  }

  private session(path: string, signed: Signed): Reply {
    const { apiKeys } = this.auth
    try {
      const parse = (): Record<string, unknown> => parseBody(signed.body, 'java.util.LinkedHashMap')
      if (path.endsWith('/attempt')) return apiKeys.attempt(parse())
      if (path.endsWith('/confirm')) return apiKeys.confirm(parse())
    } catch (error) {
      return apiError(error, this.shared.system.clock.now())
    }
    const user = apiKeys.check(signed)
    if (user === undefined) {
      return oauthError(
        401,
        'unauthorized',
        'Full authentication is required to access this resource',
      )
    }
    if (typeof user !== 'string') return user
    if (path.endsWith('/keepalive')) return { status: 200, headers: {} }
    return apiKeys.logout(signed.header('x-deltix-session-id') ?? '')
  }
}

const authInfo = JSON.stringify({
  name: null,
  audience: null,
  provider_type: 'BUILT_IN_OAUTH',
  jwks_uri: null,
  config_url: null,
  client_id: 'web',
  logout_url: null,
  oauth_server: 'http://localhost:8099',
  token_endpoint: '/oauth/token',
})

/** The whole body as text; undefined where a fault cuts it off. */
async function readBody(
  request: IncomingMessage,
  cutAfter: number | undefined,
): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  if (cutAfter === 0) return undefined
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (cutAfter !== undefined && size >= cutAfter) return undefined
    if (size > maxBody) return undefined
  }
  return Buffer.concat(chunks).toString('utf8')
}

function broken({ status, captivePortal }: GatewayFaults): Reply | undefined {
  const headers = { 'Content-Type': 'text/html' }
  if (captivePortal) {
    const body =
      '<!DOCTYPE html><html><head><title>Welcome</title></head><body><form action="/login"><h1>Please sign in to use this network</h1></form></body></html>'
    return { status: 200, headers, body, withLength: true }
  }
  if (status === undefined) return undefined
  const body = `<html><head><title>${status}</title></head><body><center><h1>${status}</h1></center></body></html>`
  return { status, headers, body, withLength: true }
}

export function splitUrl(url: string): { pathname: string; search: string } {
  const at = url.indexOf('?')
  return at < 0
    ? { pathname: url, search: '' }
    : { pathname: url.slice(0, at), search: url.slice(at + 1) }
}
