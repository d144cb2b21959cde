import { describe, expect, it } from 'vitest'
import type { Event } from '../../../src/events.js'
import { Secret } from '../../../src/secret.js'
import { externalAuth } from '../../../src/timebase/auth/external.js'
import { discoverProvider, readAuthInfo } from '../../../src/timebase/auth/provider.js'
import type { TokenStore, Tokens } from '../../../src/timebase/auth/tokens.js'
import { type Answer, coded, recorded, type Sent, scripted } from '../../support/answers.js'
import { fakeClock } from '../../support/clock.js'

const server = 'http://server:8099'
const signable = (method: string, path: string) => ({
  method,
  url: new URL(path, server),
  body: '',
})

describe('an external provider', () => {
  const audience = 'api://timebase'
  const discover = async () => ({
    tokenUrl: 'https://id.example.org/token',
    deviceUrl: 'https://id.example.org/device',
  })
  const device: Answer = {
    body: JSON.stringify({
      device_code: 'dc',
      user_code: 'WDJB-MJHT',
      verification_uri: 'https://id.example.org/activate',
      interval: 5,
      expires_in: 900,
    }),
  }
  const error = (kind: string): Answer => ({ status: 400, body: JSON.stringify({ error: kind }) })
  const token: Answer = { body: '{"access_token":"at","refresh_token":"rt","expires_in":3600}' }

  /** Runs a device login against a script; time passes by itself. */
  async function byDevice(
    answers: Answer[],
  ): Promise<{ result: unknown; events: Event[]; waits: number[]; bodies: string[] }> {
    const script = scripted(answers)
    const events: Event[] = []
    const waits: number[] = []
    let elapsed = 0
    const clock = {
      ...fakeClock(),
      monotonic: () => elapsed,
      sleep: async (ms: number) => {
        waits.push(ms)
        elapsed += ms
      },
    }
    const auth = externalAuth(
      { discover, audience, clientId: 'wx', canAsk: true },
      { fetch: script.fetch, clock },
      (event) => events.push(event),
    )
    const result = await auth.headers(signable('GET', '/x')).catch((one: unknown) => one)
    return { result, events, waits, bodies: script.sent.map(({ body }) => String(body)) }
  }

  it('is asked by device code until the person has entered it', async () => {
    const { result, events, waits, bodies } = await byDevice([
      device,
      error('authorization_pending'),
      error('slow_down'),
      token,
    ])
    expect(result).toEqual({ authorization: 'Bearer at' })
    expect(waits).toEqual([5000, 5000, 10_000])
    expect(events).toContainEqual({
      type: 'notice',
      notice: 'device-code',
      values: { uri: 'https://id.example.org/activate', code: 'WDJB-MJHT' },
    })
    expect(bodies[0]).toContain('audience=api%3A%2F%2Ftimebase')
    expect(bodies[1]).toContain('grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code')
  })

  it.each([
    ['access_denied', 'The login was denied at https://id.example.org.'],
    ['expired_token', 'The code was not entered in time.'],
    ['invalid_client', 'https://id.example.org refused the login: invalid_client'],
  ])('%s ends it', async (kind, message) => {
    const { result } = await byDevice([device, error(kind)])
    expect(result).toMatchObject({ code: 'LOGIN_REFUSED', message, details: { kind } })
  })

  const lost: Answer = { fails: coded('ECONNRESET') }
  it.each([
    ['a network that is away', { fails: coded('ENOTFOUND') }, 1],
    ['a connection that broke', lost, 3],
    ['a proxy', { status: 502, body: '<html>' }, 3],
    ['too many requests', { status: 429 }, 1],
  ])('%s is waited out while the person types', async (_what, answer: Answer, attempts) => {
    const trouble = Array.from({ length: attempts }, () => answer)
    const { result, waits } = await byDevice([device, ...trouble, token])
    expect(result).toEqual({ authorization: 'Bearer at' })
    expect(waits.at(-1)).toBe(10_000)
  })

  it.each([
    ['a web page', { body: '<html>' }],
    ['half an answer', { body: '{"access_tok' }],
    ['nothing', { body: '' }],
    ['a redirect', { status: 302, body: '<html>' }],
  ])('%s in place of tokens is told of the provider, not of WebAdmin', async (_what, answer) => {
    const { result } = await byDevice([device, answer as Answer])
    expect(result).toMatchObject({
      // Nobody's refusal: a tail goes on when it is over.
      code: 'ANSWER_INVALID',
      message: 'https://id.example.org does not answer as an OpenID provider does.',
    })
    expect((result as { hint: string }).hint).not.toContain('WebAdmin')
  })

  it('asks a person once for a token that WebAdmin does not take', async () => {
    const script = scripted([device, { body: '{"access_token":"at"}' }])
    const events: Event[] = []
    const clock = { ...fakeClock(), sleep: async () => {} }
    const auth = externalAuth(
      { discover, clientId: 'wx', canAsk: true },
      { fetch: script.fetch, clock },
      (event) => events.push(event),
    )
    expect(await auth.refused(await auth.headers(signable('GET', '/x')))).toBe(false)
    expect(events).toHaveLength(1)
  })

  it('is not asked about in the middle of a command: nobody may be there', async () => {
    const { headers, auth, clock, script } = kept([error('invalid_grant')], far)
    const used = await headers()
    await clock.advance(60_000)
    await expect(auth.refused(used)).rejects.toMatchObject({
      message: 'The login at https://id.example.org is over.',
    })
    expect(script.sent).toHaveLength(1)
  })

  it('is asked about where a command begins with a login that is over', async () => {
    const { headers, auth, script } = kept([error('invalid_grant'), device, token], far)
    expect(await auth.refused(await headers())).toBe(true)
    expect(script.sent[1]?.url).toBe('https://id.example.org/device')
    expect(await headers()).toEqual({ authorization: 'Bearer at' })
  })

  const far = Number.POSITIVE_INFINITY
  /** A login that was kept; `renewAtMs` 0 is one that is due. */
  function kept(answers: Answer[] | ((sent: Sent) => Answer), renewAtMs: number) {
    const script = scripted(answers)
    const clock = fakeClock()
    let tokens: Tokens | undefined = { access: 'old', refresh: 'rt', renewAtMs }
    const store: TokenStore = {
      load: async () => tokens,
      save: async (next) => {
        tokens = next
      },
      exclusive: (work) => work(),
    }
    let discoveries = 0
    const auth = externalAuth(
      {
        clientId: 'wx',
        canAsk: true,
        store,
        discover: () => {
          discoveries++
          return discover()
        },
      },
      { fetch: script.fetch, clock: { ...clock, sleep: async () => {} } },
    )
    const headers = () => auth.headers(signable('GET', '/x'))
    return { headers, auth, clock, script, store, discoveries: () => discoveries }
  }

  it('is not asked for while a kept token is good', async () => {
    const { headers, discoveries } = kept([], far)
    expect(await headers()).toEqual({ authorization: 'Bearer old' })
    expect(discoveries()).toBe(0)
  })

  it('behind a proxy that fails does not end a login', async () => {
    const page: Answer = { status: 503, body: '<html>' }
    const { headers, store } = kept([page, page, page], 0)
    await expect(headers()).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' })
    expect(await store.load()).toMatchObject({ refresh: 'rt' })
  })

  it('that takes a refresh token once finds the one that another command got', async () => {
    let wanted: TokenStore | undefined
    const { headers, script, store } = kept((sent) => {
      const isOld = String(sent.body).includes('refresh_token=rt&')
      if (isOld) void wanted?.save({ access: 'theirs', refresh: 'newer', renewAtMs: 0 })
      return isOld ? error('invalid_grant') : token
    }, 0)
    wanted = store
    expect(await headers()).toEqual({ authorization: 'Bearer at' })
    expect(script.sent.map(({ body }) => String(body))).toEqual([
      'grant_type=refresh_token&refresh_token=rt&client_id=wx',
      'grant_type=refresh_token&refresh_token=newer&client_id=wx',
    ])
  })

  it('gives up when the code is over', async () => {
    const pending = Array.from({ length: 180 }, () => error('authorization_pending'))
    const { result, waits } = await byDevice([device, ...pending])
    expect(result).toMatchObject({ code: 'LOGIN_REFUSED' })
    expect(waits).toHaveLength(180)
  })

  it('signs a machine in by client credentials', async () => {
    const script = scripted([token])
    const auth = externalAuth(
      { discover, audience, clientId: 'wx', clientSecret: new Secret('s&t'), scope: 'tb.write' },
      { fetch: script.fetch, clock: fakeClock() },
    )
    expect(await auth.headers(signable('GET', '/x'))).toEqual({ authorization: 'Bearer at' })
    expect(Object.fromEntries(new URLSearchParams(String(script.sent[0]?.body)))).toEqual({
      grant_type: 'client_credentials',
      scope: 'tb.write',
      audience: 'api://timebase',
      client_id: 'wx',
      client_secret: 's&t',
    })
  })

  it('keeps a refresh token that the provider does not rotate', async () => {
    const script = scripted([
      token,
      { body: '{"access_token":"at2"}' },
      { body: '{"access_token":"at3"}' },
    ])
    const clock = fakeClock()
    const auth = externalAuth(
      { discover, clientId: 'wx', clientSecret: new Secret('s') },
      { fetch: script.fetch, clock },
    )
    const first = await auth.headers(signable('GET', '/x'))
    await clock.advance(60_000)
    await auth.refused(first)
    await auth.refused(await auth.headers(signable('GET', '/x')))
    expect(script.sent.slice(1).map(({ body }) => String(body))).toEqual([
      'grant_type=refresh_token&refresh_token=rt&client_id=wx&client_secret=s',
      'grant_type=refresh_token&refresh_token=rt&client_id=wx&client_secret=s',
    ])
  })

  it('is found by its discovery document', async () => {
    const document = {
      token_endpoint: 'https://id.example.org/token',
      device_authorization_endpoint: 'https://id.example.org/device',
    }
    const script = scripted([{ body: JSON.stringify(document) }])
    expect(await discoverProvider('https://id.example.org/realm', script)).toEqual({
      tokenUrl: document.token_endpoint,
      deviceUrl: document.device_authorization_endpoint,
    })
    expect(script.sent[0]?.url).toBe(
      'https://id.example.org/realm/.well-known/openid-configuration',
    )
  })

  it.each([
    ['a web page', { body: '<html>' }],
    ['nothing of that name', { status: 404 }],
  ])('%s in place of its document is told of the provider', async (_what, answer) => {
    const found = discoverProvider('https://id.example.org', scripted([answer]))
    await expect(found).rejects.toMatchObject({
      message: 'https://id.example.org does not answer as an OpenID provider does.',
      hint: expect.stringContaining('openid-configuration'),
    })
  })

  it('that cannot answer now is not taken for WebAdmin', async () => {
    const found = discoverProvider('https://id.example.org', scripted([{ status: 503 }]))
    await expect(found).rejects.toMatchObject({
      message: 'https://id.example.org answers with status 503.',
      hint: expect.stringContaining('The provider'),
    })
  })

  it('never sends secrets in the clear because a document says so', async () => {
    const script = scripted([{ body: '{"token_endpoint":"http://id.example.org/token"}' }])
    await expect(discoverProvider('https://id.example.org', script)).rejects.toMatchObject({
      code: 'LOGIN_REFUSED',
    })
  })

  it('is told from the built-in login', async () => {
    const none = { isExternal: false, configUrl: undefined, audience: undefined }
    const info = await readAuthInfo(server, scripted([recorded('auth', 'auth-info')]))
    expect(info).toEqual({ ...none, clientId: 'web' })
    // A version without this page.
    const older = await readAuthInfo(server, scripted([{ status: 404 }]))
    expect(older).toEqual({ ...none, clientId: undefined })
  })
})
