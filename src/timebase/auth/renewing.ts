import type { Clock } from '../../system.js'
import { SharedWork } from '../shared-work.js'
import type { Authenticator } from './authenticator.js'
import type { TokenStore, Tokens } from './tokens.js'

export interface RenewingOptions {
  kind: Authenticator['kind']
  user: string | undefined
  store: TokenStore
  clock: Clock
  /** New tokens by the refresh token, or undefined where the server no longer takes it. */
  refresh(refresh: string, signal: AbortSignal): Promise<Tokens | undefined>
  /**
   * New tokens from the beginning; throws where that is not possible. `isUnderWay`: the command has
   * been at work for a while, and nobody may be there any more.
   */
  signIn(signal: AbortSignal, isUnderWay: boolean): Promise<Tokens>
  /** The server makes its tokens itself, and forgets all of them when it starts. */
  forgetsTokens: boolean
}

/** What is refused so soon after a login is not refused for its age; a command so old is under way. */
const justNowMs = 60_000

/**
 * Bearer tokens that renew themselves: in time by the refresh token, from the beginning when that
 * is over (24 h) or when the server forgot all tokens in a restart. Requests share one renewal.
 */
export function renewingTokens(options: RenewingOptions): Authenticator {
  const { store, clock, kind, user } = options
  const renewal = new SharedWork<Tokens>()
  let tokens: Tokens | undefined
  let loaded = false
  let signedIn = { access: '', atMs: 0 }
  let begunMs: number | undefined

  const isFresh = (one: Tokens): boolean => clock.now() < one.renewAtMs

  // A cache: a full disk does not fail what the server has granted.
  const keep = (next: Tokens): Promise<void> => store.save(next).catch(() => undefined)

  /**
   * By the newest refresh token there is: a provider may take each of them only once. Commands of
   * one login therefore do this one after the other.
   */
  async function refreshed(mayTakeKept: boolean, signal: AbortSignal): Promise<Tokens | undefined> {
    const tried = new Set<string>()
    while (true) {
      // Another command with the same login may have renewed them meanwhile.
      const kept = (await store.load()) ?? tokens
      if (mayTakeKept && kept && kept.access !== tokens?.access && isFresh(kept)) return kept
      const refresh = kept?.refresh
      if (refresh === undefined || tried.has(refresh)) return undefined
      tried.add(refresh)
      const next = await options.refresh(refresh, signal)
      if (next) await keep(next)
      if (next) return next
    }
  }

  async function renew(mayTakeKept: boolean, signal: AbortSignal): Promise<Tokens> {
    let next = await store.exclusive(() => refreshed(mayTakeKept, signal))
    if (!next) {
      next = await options.signIn(signal, clock.monotonic() - (begunMs ?? 0) >= justNowMs)
      signedIn = { access: next.access, atMs: clock.monotonic() }
      await keep(next)
    }
    tokens = next
    return next
  }

  async function current(signal?: AbortSignal): Promise<Tokens> {
    begunMs ??= clock.monotonic()
    if (!loaded) {
      tokens = await store.load()
      loaded = true
    }
    if (tokens && isFresh(tokens)) return tokens
    return renewal.join((stop) => renew(true, stop), signal)
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
      // The next login would fare no better, and a person would be asked twice.
      const isNew = token === signedIn.access && clock.monotonic() - signedIn.atMs < justNowMs
      if (isNew && !options.forgetsTokens) return false
      // What another command keeps may be as void as this: a restart forgets all of them.
      await renewal.join((stop) => renew(false, stop), signal)
      return true
    },
  }
}
