import type { ApiKeys, Signed } from './api-keys.js'
import { oauthError, type Reply } from './reply.js'
import type { TokenFault, Tokens } from './tokens.js'
import type { User } from './users.js'

const descriptions: Record<TokenFault, string> = {
  expired: 'Access token expired',
  garbage: 'Cannot convert access token to JSON',
  access: 'Cannot convert access token to JSON',
  refresh: 'Encoded token is a refresh token',
}

/** Who is allowed in, and what the others are told. */
export class Authenticator {
  constructor(
    readonly users: User[],
    public tokens: Tokens,
    readonly apiKeys: ApiKeys,
  ) {}

  user(name: string): User | undefined {
    return this.users.find(({ username }) => username === name)
  }

  /** The user of a request, by API key, bearer token or token parameter; else the refusal. */
  check(request: Signed): User | Reply {
    const byKey = this.apiKeys.check(request)
    if (typeof byKey === 'string') return this.user(byKey) ?? unauthorized()
    if (byKey) return byKey
    const header = request.header('authorization') ?? ''
    const token =
      /^bearer\s+(.+)$/i.exec(header)?.[1] ??
      new URLSearchParams(request.query).get('access_token') ??
      undefined
    if (token === undefined) return unauthorized()
    const claims = this.tokens.access(token)
    if (typeof claims === 'string') return refused('invalid_token', descriptions[claims])
    return this.user(claims.user_name) ?? unauthorized()
  }

  /** For STOMP: the user of a raw token, or what is wrong with it. */
  byToken(token: string): User | TokenFault {
    const claims = this.tokens.access(token)
    return typeof claims === 'string' ? claims : (this.user(claims.user_name) ?? 'garbage')
  }
}

export const isUser = (one: User | Reply): one is User => 'username' in one

const unauthorized = (): Reply =>
  refused('unauthorized', 'Full authentication is required to access this resource')

function refused(error: string, description: string): Reply {
  const challenge = `Bearer realm="oauth2-resource", error="${error}", error_description="${description}"`
  return oauthError(401, error, description, challenge)
}

/** A browser-like Accept header gets Spring's HTML page instead. */
export function notAcceptable(now: number): Reply {
  const [week = '', day = '', month = '', year = '', clock = ''] = new Date(now)
    .toUTCString()
    .replace(',', '')
    .split(' ')
  const created = `${week} ${month} ${day} ${clock} UTC ${year}`
  return {
    status: 406,
    headers: { 'Content-Type': 'text/html;charset=UTF-8' },
    body: `<html><body><h1>Whitelabel Error Page</h1><p>This application has no explicit mapping for /error, so you are seeing this as a fallback.</p><div id='created'>${created}</div><div>There was an unexpected error (type=Not Acceptable, status=406).</div></body></html>`,
    withLength: true,
  }
}
