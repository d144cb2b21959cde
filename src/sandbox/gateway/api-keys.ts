import {
  createHmac,
  createPublicKey,
  createVerify,
  type DiffieHellmanGroup,
  getDiffieHellman,
  timingSafeEqual,
} from 'node:crypto'
import type { System } from '../../system.js'
import { illegalArgument } from './java-error.js'
import { apiError, empty, json, type Reply } from './reply.js'
import type { ApiKey } from './users.js'

/** What of a request is signed, besides the key's own headers. */
export interface Signed {
  method: string
  /** As sent, percent-encoded. */
  path: string
  query: string
  body: string
  header(name: string): string | undefined
}

interface Session {
  key: ApiKey
  secret?: Buffer
  challenge: Buffer
  exchange: DiffieHellmanGroup
  deadline: number
  nonce: bigint
}

// A challenge is good for 10 s; a session lives 100 s without a word (timebase-webadmin, 1.6).
const challengeMs = 10_000
const keepaliveMs = 100_000

const base64 = /^[A-Za-z0-9+/]*={0,2}$/

export class ApiKeys {
  private readonly sessions = new Map<string, Session>()

  constructor(
    private readonly system: System,
    private readonly keys: ApiKey[],
  ) {}

  /** The user a signed request speaks for, an error answer, or undefined: not signed at all. */
  check(request: Signed): string | Reply | undefined {
    const session = request.header('x-deltix-session-id')
    const name = request.header('x-deltix-apikey')
    const signature = request.header('x-deltix-signature')
    if (signature === undefined) return undefined
    if (session !== undefined) return this.checkSession(request, session, signature)
    if (name === undefined) return undefined
    const key = this.keys.find((one) => one.name === name)
    if (!key) return refused(401, 'Unknown API Key')
    return checkSignature(signature, signedText(request), key.key) ?? key.user
  }

  private checkSession(request: Signed, id: string, signature: string): string | Reply {
    const session = this.sessions.get(id)
    const now = this.system.clock.now()
    if (!session?.secret || session.deadline < now) return refused(400, `Unknown session: ${id}`)
    const nonce = request.header('x-deltix-nonce') ?? ''
    if (!/^\d{1,18}$/.test(nonce) || BigInt(nonce) <= session.nonce) {
      return refused(400, `Invalid nonce: ${nonce}`)
    }
    const extra = `X-Deltix-Nonce=${nonce}&X-Deltix-Session-Id=${id}`
    const bad = checkSignature(signature, signedText(request, extra), session.secret)
    if (bad) return bad
    session.nonce = BigInt(nonce)
    session.deadline = now + keepaliveMs
    return session.key.user
  }

  /** A STOMP CONNECT signed with an API key. */
  checkStomp(name: string, payload: string, signature: string): string | undefined {
    const key = this.keys.find((one) => one.name === name)
    if (!key) return undefined
    const text = `CONNECTX-Deltix-Payload=${payload}&X-Deltix-ApiKey=${name}`
    return checkSignature(signature, text, key.key) ? undefined : key.user
  }

  attempt(body: Record<string, unknown>): Reply {
    const name = String(body.api_key_id)
    // An unknown name gets a challenge as well, which nobody can sign.
    const key = this.keys.find((one) => one.name === name) ?? { name, key: '', user: '' }
    const exchange = getDiffieHellman('modp14')
    exchange.generateKeys()
    const id = Buffer.from(this.system.randomBytes(16)).toString('hex')
    const challenge = Buffer.from(this.system.randomBytes(2048))
    const deadline = this.system.clock.now() + challengeMs
    this.forgetDead()
    this.sessions.set(id, {
      key,
      challenge,
      exchange,
      deadline,
      nonce: -1n,
    })
    return json(
      JSON.stringify({
        session_id: id,
        dh_base: twosComplement(exchange.getGenerator()).toString('base64'),
        dh_modulus: twosComplement(exchange.getPrime()).toString('base64'),
        challenge: challenge.toString('base64'),
        ttl: deadline,
      }),
    )
  }

  confirm(body: Record<string, unknown>): Reply {
    const now = this.system.clock.now()
    const id = String(body.session_id)
    const session = this.sessions.get(id)
    const frame =
      'com.epam.deltix.tbwg.webapp.controllers.SessionController.confirm(SessionController.java:71)'
    if (!session || session.secret || session.deadline < now) {
      return apiError(illegalArgument(`Unknown session: ${id}`, frame), now)
    }
    if (!this.isSigned(session, String(body.signature))) {
      return apiError(illegalArgument('Invalid signature (failed verification)', frame), now)
    }
    const other = Buffer.from(String(body.dh_key), 'base64')
    session.secret = twosComplement(session.exchange.computeSecret(other))
    session.deadline = now + keepaliveMs
    return json(
      JSON.stringify({
        dh_key: twosComplement(session.exchange.getPublicKey()).toString('base64'),
        keepalive_timeout: keepaliveMs,
      }),
    )
  }

  private isSigned({ key, challenge }: Session, signature: string): boolean {
    try {
      const publicKey = createPublicKey({
        key: Buffer.from(key.key, 'base64'),
        format: 'der',
        type: 'spki',
      })
      return createVerify('RSA-SHA256').update(challenge).verify(publicKey, signature, 'base64')
    } catch {
      // An unknown name has no key that could be read.
      return false
    }
  }

  logout(id: string): Reply {
    this.sessions.delete(id)
    return empty()
  }

  /** A restart of the server knows no session. */
  forgetSessions(): void {
    this.sessions.clear()
  }

  private forgetDead(): void {
    const now = this.system.clock.now()
    for (const [id, { deadline }] of this.sessions) if (deadline < now) this.sessions.delete(id)
  }
}

const reasons: Record<number, string> = { 400: 'Bad Request', 401: 'Unauthorized' }

function refused(status: number, description: string): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json;charset=ISO-8859-1' },
    body: JSON.stringify({ error: reasons[status], error_description: description }),
    withLength: true,
  }
}

function checkSignature(given: string, text: string, secret: string | Buffer): Reply | undefined {
  const odd = [...given].find((one) => !/[A-Za-z0-9+/=]/.test(one))
  if (odd !== undefined) {
    return refused(400, `Illegal base64 character ${odd.charCodeAt(0).toString(16)}`)
  }
  const wanted = createHmac('sha384', secret).update(text).digest()
  const found = base64.test(given) ? Buffer.from(given, 'base64') : Buffer.alloc(0)
  const isRight = found.length === wanted.length && timingSafeEqual(found, wanted)
  return isRight ? undefined : refused(400, 'Invalid signature (failed verification)')
}

/** Method, path and sorted parameters, then `extra` and the body (timebase-webadmin, 1.6). */
export function signedText({ method, path, query, body }: Signed, extra = ''): string {
  const first = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!first.has(name)) first.set(name, value)
  }
  const parameters = [...first]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name.toLowerCase()}=${value}`)
    .join('&')
  const signsBody = /^(POST|PUT|DELETE)$/.test(method)
  return `${method}${decodeURIComponent(path).toLowerCase()}${parameters}${extra}${signsBody ? body : ''}`
}

/** A non-negative number as Java's BigInteger.toByteArray gives it. */
function twosComplement(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return (trimmed[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed
}
