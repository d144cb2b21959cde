import { WxError } from '../../errors.js'

/** What the token endpoint gave. Times are this computer's clock, epoch milliseconds. */
export interface Tokens {
  access: string
  refresh?: string | undefined
  /** When to renew: 0.72 of the lifetime, as the server's own web page does it. */
  renewAtMs: number
}

/** Keeps tokens between two runs; a cache, so losing it costs a login. */
export interface TokenStore {
  load(): Promise<Tokens | undefined>
  save(tokens: Tokens | undefined): Promise<void>
  /** Keeps other commands from renewing the same tokens meanwhile. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

export function memoryTokens(): TokenStore {
  let kept: Tokens | undefined
  return {
    load: async () => kept,
    save: async (tokens) => {
      kept = tokens
    },
    exclusive: (work) => work(),
  }
}

/** Reads a token endpoint's answer; `server` is named in the error for one that is no such answer. */
export function parseTokens(body: unknown, nowMs: number, server: string): Tokens {
  const answer = (body ?? {}) as { [key: string]: unknown }
  const { access_token: access, refresh_token: refresh, expires_in: expiresIn } = answer
  if (typeof access !== 'string' || !isHeaderText(access)) {
    throw new WxError('NOT_WEBADMIN', `${server} answered the login without a token.`)
  }
  const seconds = Number(expiresIn)
  // Without a stated lifetime the default of WebAdmin counts, 300 s.
  const lifetimeMs = (Number.isFinite(seconds) && seconds > 0 ? seconds : 300) * 1000
  return {
    access,
    refresh: typeof refresh === 'string' && refresh !== '' ? refresh : undefined,
    renewAtMs: nowMs + lifetimeMs * 0.72,
  }
}

/** Tokens go into headers: what cannot stand there is refused here, not by the HTTP client. */
export function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}
