import { describe, expect, it } from 'vitest'
import { profileTokens } from '../../../src/cli/profiles.js'
import { renewingTokens } from '../../../src/timebase/auth/renewing.js'
import { memoryTokens, type TokenStore, type Tokens } from '../../../src/timebase/auth/tokens.js'
import { fakeClock } from '../../support/clock.js'
import { testSystem } from '../../support/system.js'

const request = { method: 'GET', url: new URL('http://server:8099/x'), body: '' }
const far = Number.POSITIVE_INFINITY

/** Tokens whose login takes until it is let go. */
function bench(store: TokenStore = memoryTokens()) {
  const clock = fakeClock()
  const logins: AbortSignal[] = []
  let letGo = (_access: string): void => {}
  const auth = renewingTokens({
    kind: 'password',
    user: 'admin',
    store,
    clock,
    forgetsTokens: true,
    refresh: async () => undefined,
    signIn: (signal) =>
      new Promise<Tokens>((resolve, reject) => {
        logins.push(signal)
        signal.addEventListener('abort', () => reject(signal.reason))
        letGo = (access) => resolve({ access, renewAtMs: far })
      }),
  })
  return { auth, clock, logins, letGo: (access: string) => letGo(access) }
}

describe('one renewal for all requests', () => {
  it('goes on for the others when the one that began it gives up', async () => {
    const { auth, clock, logins, letGo } = bench()
    const first = new AbortController()
    const given = auth.headers(request, first.signal).catch((error: unknown) => error)
    const waiting = auth.headers(request)
    await clock.advance(0)
    first.abort(new Error('given up'))
    expect(await given).toMatchObject({ message: 'given up' })
    letGo('a')
    expect(await waiting).toEqual({ authorization: 'Bearer a' })
    expect(logins).toHaveLength(1)
  })

  it('ends when nobody waits for it, and begins anew for the next', async () => {
    const { auth, clock, logins, letGo } = bench()
    const only = new AbortController()
    const given = auth.headers(request, only.signal).catch(() => 'gone')
    await clock.advance(0)
    only.abort()
    expect(await given).toBe('gone')
    expect(logins[0]?.aborted).toBe(true)
    const next = auth.headers(request)
    await clock.advance(0)
    letGo('b')
    expect(await next).toEqual({ authorization: 'Bearer b' })
  })
})

describe('kept tokens', () => {
  it('that cannot be kept are good all the same', async () => {
    const full: TokenStore = {
      load: async () => undefined,
      save: async () => {
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      },
      exclusive: (work) => work(),
    }
    const { auth, clock, letGo } = bench(full)
    const headers = auth.headers(request)
    await clock.advance(0)
    letGo('a')
    expect(await headers).toEqual({ authorization: 'Bearer a' })
  })

  it('are renewed by one of two commands where a refresh token is taken once', async () => {
    const system = testSystem()
    const profile = { url: 'http://server:8099', kind: 'oauth' as const, user: 'wx' }
    const store = () => profileTokens(system, 'default', profile)
    await store().save({ access: 'a0', refresh: 'r0', renewAtMs: 0 })
    const taken: string[] = []
    const command = () =>
      renewingTokens({
        kind: 'oauth',
        user: undefined,
        store: store(),
        clock: fakeClock(),
        forgetsTokens: false,
        refresh: async (refresh) => {
          if (taken.includes(refresh)) return undefined
          taken.push(refresh)
          // As long as the other one needs to find the same refresh token.
          await new Promise((resolve) => setTimeout(resolve, 50))
          const renewAtMs = Number.MAX_SAFE_INTEGER
          return { access: `a${taken.length}`, refresh: `r${taken.length}`, renewAtMs }
        },
        signIn: () => Promise.reject(new Error('nobody is there')),
      }).headers(request)
    const both = await Promise.all([command(), command()])
    expect(both).toEqual([{ authorization: 'Bearer a1' }, { authorization: 'Bearer a1' }])
    expect(taken).toEqual(['r0'])
  })

  it('of another command are used where ours are due', async () => {
    const store = memoryTokens()
    await store.save({ access: 'ours', refresh: 'r', renewAtMs: Date.UTC(2026, 10, 23) + 1000 })
    const { auth, clock, logins } = bench(store)
    expect(await auth.headers(request)).toEqual({ authorization: 'Bearer ours' })
    await store.save({ access: 'theirs', refresh: 'r2', renewAtMs: far })
    await clock.advance(2000)
    expect(await auth.headers(request)).toEqual({ authorization: 'Bearer theirs' })
    expect(logins).toEqual([])
  })
})
