import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { WxError } from '../../errors.js'
import type { Secret } from '../../secret.js'
import type { FetchOptions, System } from '../../system.js'
import { bodyText, parseJson, refusalOf, serverUrl } from '../client.js'
import { refusalError } from '../errors.js'
import { SharedWork } from '../shared-work.js'
import { transportError } from '../transport.js'
import type { Authenticator } from './authenticator.js'
import { signature, signedText } from './signature.js'
import { isHeaderText } from './tokens.js'

export interface SessionOptions {
  url: string
  /** Name of the key at the server, which holds its public half. */
  name: string
  /** RSA private key, PEM. */
  privateKey: Secret
  ca?: string | undefined
  insecure?: boolean | undefined
}

interface Session {
  id: string
  secret: Uint8Array
  /** Every request needs a higher one than all before. */
  nonce: number
}

/** 512 bits of exponent: twice the strength of the 2048-bit group, and quick. */
const exponentBytes = 64
/** The server's modulus has 2048 bits; far longer ones would only burn time. */
const maxModulusBytes = 1024

/**
 * API keys in session mode: a challenge signed by RSA, a Diffie-Hellman secret, and a counter in
 * every signed request. A session that the server forgot is replaced by a new one.
 */
export function sessionAuth(
  options: SessionOptions,
  system: Pick<System, 'fetch' | 'clock' | 'randomBytes'>,
): Authenticator {
  const server = serverUrl(options.url).href.replace(/\/$/, '')
  let session: Session | undefined
  const opening = new SharedWork<Session>()

  async function exchange(step: string, body: object, signal: AbortSignal): Promise<Fields> {
    const request: FetchOptions = {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
      signal,
      ...(options.ca !== undefined && { ca: options.ca }),
      ...(options.insecure && { insecure: true }),
    }
    try {
      const response = await system.fetch(`${server}/session/login/${step}`, request)
      if (response.status !== 200) {
        const refusal = await refusalOf(response)
        if (
          refusal.status >= 500 ||
          refusal.status === 404 ||
          refusal.location ||
          refusal.shape === 'html'
        )
          throw refusalError(refusal, { server })
        throw refusedKey(server, options.name, refusal.text, step)
      }
      return (parseJson(await bodyText(response, 100_000, server), server) ?? {}) as Fields
    } catch (error) {
      signal.throwIfAborted()
      throw transportError(error, server)
    }
  }

  /** Once more where the server restarted between question and answer, or forgot the challenge. */
  async function open(signal: AbortSignal): Promise<Session> {
    try {
      return await agree(signal)
    } catch (error) {
      if (error instanceof WxError && error.details.step === 'confirm') return agree(signal)
      throw error
    }
  }

  async function agree(signal: AbortSignal): Promise<Session> {
    const key = readKey(options.privateKey)
    const attempt = await exchange('attempt', { api_key_id: options.name }, signal)
    const id = attempt.session_id
    const [modulus, base] = [bytesOf(attempt.dh_modulus), bytesOf(attempt.dh_base)]
    const challenge = bytesOf(attempt.challenge)
    if (
      typeof id !== 'string' ||
      !isHeaderText(id) ||
      !modulus ||
      !base ||
      !challenge ||
      !isModulus(modulus)
    )
      throw new WxError('NOT_WEBADMIN', `${server} opened the session without a challenge.`)
    const p = numberOf(modulus)
    const exponent = numberOf(system.randomBytes(exponentBytes)) | 1n
    const confirm = {
      session_id: id,
      signature: sign('sha256', challenge, key).toString('base64'),
      dh_key: Buffer.from(twosComplement(power(numberOf(base), exponent, p))).toString('base64'),
    }
    const theirs = bytesOf((await exchange('confirm', confirm, signal)).dh_key)
    if (!theirs) throw new WxError('NOT_WEBADMIN', `${server} confirmed the session without a key.`)
    const secret = twosComplement(power(numberOf(theirs), exponent, p))
    session = { id, secret, nonce: system.clock.now() }
    return session
  }

  const renew = (signal?: AbortSignal): Promise<Session> => opening.join(open, signal)

  return {
    kind: 'session',
    user: options.name,
    async headers(request, signal) {
      const current = session ?? (await renew(signal))
      current.nonce++
      const part = `X-Deltix-Nonce=${current.nonce}&X-Deltix-Session-Id=${current.id}`
      return {
        'X-Deltix-Session-Id': current.id,
        'X-Deltix-Nonce': String(current.nonce),
        'X-Deltix-Signature': signature(current.secret, signedText(request, part)),
      }
    },
    async stompHeaders() {
      throw new WxError('LOGIN_REFUSED', 'WebAdmin has no live feed for session keys.', {
        hint: 'Sign in by password, or go on without: new records are asked for instead.',
      })
    },
    async refused(used, signal) {
      // Another request may have opened a new session meanwhile.
      if (used['X-Deltix-Session-Id'] === session?.id) await renew(signal)
      return true
    },
  }
}

type Fields = { [name: string]: unknown }

function refusedKey(server: string, name: string, text: string, step: string): WxError {
  const said = text ? `: ${text}` : '.'
  return new WxError('LOGIN_REFUSED', `${server} refused the API key "${name}"${said}`, {
    hint: 'Check the name of the key, and that its public half is configured at the server.',
    details: { server, key: name, step },
  })
}

function readKey(secret: Secret): KeyObject {
  let key: KeyObject | undefined
  try {
    key = createPrivateKey(secret.reveal())
  } catch {
    // The cause would quote the key: it stays out.
  }
  if (key?.asymmetricKeyType === 'rsa') return key
  const what = key ? 'is no RSA key' : 'cannot be read'
  throw new WxError('LOGIN_REFUSED', `The private key of the API key ${what}.`, {
    hint: 'Give an RSA key in PEM form without a password, as `openssl genrsa 2048` makes it.',
  })
}

function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  const bytes = Buffer.from(value, 'base64')
  return bytes.length === 0 ? undefined : bytes
}

/** An odd number of a size worth calculating with. */
function isModulus(bytes: Uint8Array): boolean {
  return bytes.length >= 128 && bytes.length <= maxModulusBytes && ((bytes.at(-1) ?? 0) & 1) === 1
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** Big-endian bytes as Java's BigInteger writes them: a leading 0 where the top bit is set. */
function twosComplement(value: bigint): Uint8Array {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')
  return (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base % modulus
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}
