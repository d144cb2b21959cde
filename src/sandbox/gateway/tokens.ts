import { createHmac, createSign, createVerify, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { System } from '../../system.js'
import type { User } from './users.js'

// The server's own defaults, security.oauth2.…TokenValiditySeconds.
const accessSeconds = 300
const refreshSeconds = 86_400

interface Claims {
  exp: number
  user_name: string
  authorities: string[]
  jti: string
  client_id: string
  scope: string[]
  ati?: string
}

export type TokenFault = 'garbage' | 'expired' | 'refresh' | 'access'

const base64url = (value: string | Uint8Array): string => Buffer.from(value).toString('base64url')

interface KeyPair {
  privateKey: KeyObject
  publicKey: KeyObject
}

// Making a key takes longer than starting everything else, so one process makes one. What ties a
// token to one start of one gateway is the mark in its jti.
let keyPair: Promise<KeyPair> | undefined

/** Issues and checks the RS256 tokens of one start of the gateway. */
export class Tokens {
  private readonly checked = new Map<string, Claims>()
  private readonly start: Uint8Array

  private constructor(
    private readonly system: System,
    private readonly keys: KeyPair,
  ) {
    this.start = system.randomBytes(32)
  }

  static async create(system: System): Promise<Tokens> {
    keyPair ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
    return new Tokens(system, await keyPair)
  }

  private seconds(): number {
    return Math.floor(this.system.clock.now() / 1000)
  }

  /** 20 bytes, as the server's: ten random ones and their mark under this start's secret. */
  private id(random = this.system.randomBytes(10)): string {
    const mark = createHmac('sha256', this.start).update(random).digest().subarray(0, 10)
    return base64url(Buffer.concat([random, mark]))
  }

  private isOwn({ jti }: Claims): boolean {
    return this.id(Buffer.from(jti, 'base64url').subarray(0, 10)) === jti
  }

  private sign(claims: Claims): string {
    const head = base64url(JSON.stringify({ alg: 'RS256', typ: 'JWT' }))
    const body = `${head}.${base64url(JSON.stringify(claims))}`
    return `${body}.${createSign('RSA-SHA256').update(body).sign(this.keys.privateKey).toString('base64url')}`
  }

  /** The answer of the token endpoint; `before` are the claims of the refresh token that was shown. */
  grant(user: User, before?: Claims): string {
    const jti = this.id()
    const claims: Claims = {
      exp: this.seconds() + accessSeconds,
      user_name: user.username,
      authorities: user.authorities,
      jti,
      client_id: 'web',
      scope: ['trust'],
    }
    const refresh: Claims = {
      ...claims,
      ati: jti,
      jti: before?.jti ?? this.id(),
      exp: before?.exp ?? this.seconds() + refreshSeconds,
    }
    return JSON.stringify({
      access_token: this.sign(claims),
      token_type: 'bearer',
      refresh_token: this.sign(refresh),
      expires_in: accessSeconds - 1,
      scope: 'trust',
      jti,
    })
  }

  private read(token: string): Claims | undefined {
    const known = this.checked.get(token)
    if (known) return known
    const [head = '', body = '', signature = '', rest] = token.split('.')
    if (rest !== undefined || signature === '') return undefined
    const isSigned = createVerify('RSA-SHA256')
      .update(`${head}.${body}`)
      .verify(this.keys.publicKey, Buffer.from(signature, 'base64url'))
    if (!isSigned) return undefined
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Claims
    if (!this.isOwn(claims)) return undefined
    // Stations show the same token for minutes; a thousand of them are remembered.
    if (this.checked.size > 1000) this.checked.clear()
    this.checked.set(token, claims)
    return claims
  }

  access(token: string): Claims | TokenFault {
    const claims = this.read(token)
    if (!claims) return 'garbage'
    if (claims.ati !== undefined) return 'refresh'
    return claims.exp <= this.system.clock.now() / 1000 ? 'expired' : claims
  }

  refresh(token: string): Claims | TokenFault {
    const claims = this.read(token)
    if (!claims) return 'garbage'
    if (claims.ati === undefined) return 'access'
    return claims.exp <= this.system.clock.now() / 1000 ? 'expired' : claims
  }
}
