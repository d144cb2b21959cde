import type { Clock } from '../../system.js'
import type { Authenticator } from './authenticator.js'
import type { TokenStore, Tokens } from './tokens.js'

export interface RenewingOptions {
  kind: Authenticator['kind']
  user: string | undefined
  store: TokenStore
  clock: Clock
  /** New tokens by the refresh token, or undefined where the server no longer takes it. */
  refresh(refresh: string, signal?: AbortSignal): Promise<Tokens | undefined>
  /** New tokens from the beginning; throws where that is not possible. */
  signIn(signal?: AbortSignal): Promise<Tokens>
}

/**
 * Bearer tokens that renew themselves: in time by the refresh token, from the beginning when that
 * is over (24 h) or when the server forgot all tokens in a restart. Requests share one renewal.
 */
export function renewingTokens(options: RenewingOptions): Authenticator {
  const { store, clock, kind, user } = options
  let tokens: Tokens | undefined
  let loaded = false
  let renewal: Promise<Tokens> | undefined

  async function renew(signal?: AbortSignal): Promise<Tokens> {
    const refresh = tokens?.refresh
    const next =
      (refresh ? await options.refresh(refresh, signal) : undefined) ??
      (await options.signIn(signal))
    tokens = next
    await store.save(next)
    return next
  }

  function share(signal?: AbortSignal): Promise<Tokens> {
    renewal ??= renew(signal).finally(() => {
      renewal = undefined
    })
    return renewal
  }

  async function current(signal?: AbortSignal): Promise<Tokens> {
    if (!loaded) {
      tokens = await store.load()
      loaded = true
    }
    if (tokens && clock.now() < tokens.renewAtMs) return tokens
    return share(signal)
  }

  return {
    kind,
    user,
    async headers(_request, signal) {
      return { authorization: `Bearer ${(await current(signal)).access}` }
    },
    async stompHeaders(signal) {
      // The raw token: WebAdmin refuses the word Bearer here.
      return { authorization: (await current(signal)).access }
    },
    async refused(used, signal) {
      const token = used.authorization?.replace(/^Bearer /, '')
      // Another request may have renewed the tokens while this one was under way.
      if (tokens && token !== tokens.access) return true
      await share(signal)
      return true
    },
  }
}
