import { WxError } from '../../errors.js'
import type { Secret } from '../../secret.js'
import type { System } from '../../system.js'
import { serverUrl } from '../client.js'
import { type Refusal, refusalError } from '../errors.js'
import type { Authenticator } from './authenticator.js'
import { renewingTokens } from './renewing.js'
import { type Form, postForm } from './token-endpoint.js'
import { memoryTokens, parseTokens, type TokenStore, type Tokens } from './tokens.js'

/** WebAdmin's built-in OAuth2 client, `web:secret`: the same in every installation. */
const clientHeader = `Basic ${Buffer.from('web:secret').toString('base64')}`

export interface PasswordOptions {
  url: string
  user: string
  password: Secret
  ca?: string | undefined
  insecure?: boolean | undefined
  store?: TokenStore
}

/** Signs in with user and password at WebAdmin's own token endpoint. */
export function passwordAuth(
  options: PasswordOptions,
  system: Pick<System, 'fetch' | 'clock'>,
): Authenticator {
  const base = serverUrl(options.url)
  const server = base.href.replace(/\/$/, '')
  const tls = {
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.insecure && { insecure: true }),
  }
  const grant = async (form: Form, signal?: AbortSignal): Promise<Tokens | Refusal> => {
    const answer = await postForm(
      `${server}/oauth/token`,
      form,
      { authorization: clientHeader },
      system,
      { ...tls, ...(signal && { signal }) },
    )
    if ('refusal' in answer) return answer.refusal
    return parseTokens(answer.json, system.clock.now(), server)
  }
  return renewingTokens({
    kind: 'password',
    user: options.user,
    store: options.store ?? memoryTokens(),
    clock: system.clock,
    forgetsTokens: true,
    async refresh(refresh, signal) {
      const form = { grant_type: 'refresh_token', refresh_token: refresh }
      const answer = await grant(form, signal)
      return 'access' in answer ? answer : undefined
    },
    async signIn(signal) {
      const password = options.password.reveal()
      const form = { grant_type: 'password', username: options.user, password, scope: 'trust' }
      const answer = await grant(form, signal)
      if ('access' in answer) return answer
      throw loginError(answer, options.user, server)
    },
  })
}

function loginError(refusal: Refusal, user: string, server: string): WxError {
  if (refusal.kind === 'invalid_grant')
    return new WxError('LOGIN_REFUSED', `${server} does not take this password for "${user}".`, {
      details: { server, user },
    })
  // The word of the API, not of the token endpoint: it wants a login where one should be had.
  if (refusal.kind === 'unauthorized')
    return new WxError('NOT_WEBADMIN', `${server} is no address to sign in at.`, {
      details: { server, user },
      hint: 'Give the address without /api/v0, for example http://server:8099.',
    })
  if (refusal.kind === 'invalid_client' || refusal.status === 401)
    return new WxError('LOGIN_REFUSED', `${server} does not take logins by password.`, {
      details: { server, user },
      hint: 'It may use single sign-on: run `wxstation login --sso`, or use an API key.',
    })
  // Elsewhere 403 is about rights: here nobody has any yet.
  if (refusal.status === 403 && refusal.shape !== 'html')
    return new WxError('LOGIN_REFUSED', `${server} refused the login: status 403.`, {
      details: { server, user },
    })
  return refusalError(refusal, { server })
}
