import { describe, expect, it } from 'vitest'
import type { WxError } from '../../../src/errors.js'
import { Secret } from '../../../src/secret.js'
import { tokenAuth } from '../../../src/timebase/auth/token.js'
import { makeClient } from '../../../src/timebase/client.js'
import { transportError } from '../../../src/timebase/transport.js'
import { type Answer, coded, scripted } from '../../support/answers.js'
import { fakeClock } from '../../support/clock.js'

const server = 'http://server:8099'

/** What a request that meets this answer ends in. */
async function refusal(answer: Answer, token = 'opaque-token-1'): Promise<unknown> {
  const system = { ...scripted(() => answer), clock: { ...fakeClock(), sleep: async () => {} } }
  const client = makeClient({ url: server, auth: tokenAuth(new Secret(token)) }, system)
  return client.get(['streams']).catch((error: unknown) => error)
}

describe('a redirect', () => {
  it.each([
    [
      'https://server/api/v0/streams?x=1',
      'https://server/api/v0/streams',
      'Give https://server as',
    ],
    ['https://w.example.org/tb/api/v0/streams', undefined, 'Give https://w.example.org/tb as'],
    ['https://sso.example.org/auth?ticket=t1', 'https://sso.example.org/auth', 'signs people in'],
    ['/login', `${server}/login`, 'signs people in'],
    [`${server}/api/v0/streams/`, undefined, 'signs people in'],
  ])('to %s says where to, without its ticket, and what to do', async (location, shown, hint) => {
    for (const status of [301, 302, 308]) {
      const error = await refusal({ status, headers: { location }, body: '<html>moved</html>' })
      expect(error).toMatchObject({
        code: 'NOT_WEBADMIN',
        message: `${server} redirects to ${shown ?? location}.`,
        hint: expect.stringContaining(hint),
      })
      expect(JSON.stringify(error)).not.toContain('t1')
    }
  })
})

it('a page of a proxy that forbids is not told of the rights of this user', async () => {
  const error = await refusal({ status: 403, body: '<html>Forbidden</html>' })
  expect(error).toMatchObject({ code: 'NETWORK_UNREACHABLE' })
})

it('says what a server answers in plain words', async () => {
  const body = 'This combination of host and port requires TLS.\n'
  const error = (await refusal({ status: 400, body })) as Error
  expect(error.message).toBe(`${server} refused that with status 400: ${body.trim()}`)
})

// Versions before 1.1.4 repeat the token that they refuse.
it.each(['eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2lnbmF0dXJl', 'opaque-token-1'])(
  'a token that the server repeats is not shown: %s',
  async (token) => {
    const body = { error: 'invalid_token', error_description: `Invalid access token: ${token}` }
    const error = (await refusal({ status: 401, body: JSON.stringify(body) }, token)) as Error
    expect(error.message).toBe(`${server} refused the login: Invalid access token: ••••••`)
    expect(JSON.stringify(error)).not.toContain(token)
  },
)

describe('a certificate', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'has expired', 'clock of this computer'],
    ['CERT_NOT_YET_VALID', 'is not valid yet', 'clock of this computer'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'is for another name', 'a name that is in it'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'is not trusted', '--ca FILE'],
  ])('with %s %s', (code, what, hint) => {
    expect(transportError(coded(code), 'https://server')).toMatchObject({
      code: 'TLS_UNTRUSTED',
      message: `The certificate of https://server ${what}.`,
      hint: expect.stringContaining(hint),
    })
  })
})

it('another protocol is told from a broken connection', () => {
  const error = Object.assign(new Error('Expected HTTP/'), { name: 'HTTPParserError' })
  expect(transportError(error, server)).toMatchObject({ code: 'NOT_WEBADMIN' })
})

describe('a proxy on the way', () => {
  it('that refuses is told from an interruption', () => {
    expect(transportError(coded('ERR_PROXY_REFUSED'), server)).toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      message: `The proxy lets nothing through to ${server}.`,
    })
  })

  it.each([
    [{ code: 'ECONNREFUSED', port: 3128 }, true],
    [{ code: 'ECONNREFUSED', port: 8099 }, false],
    [{ code: 'ENOTFOUND', hostname: 'proxy' }, true],
    [{ code: 'ENOTFOUND', hostname: 'server' }, false],
    [{ code: 'UND_ERR_CONNECT_TIMEOUT' }, false],
  ])('that cannot be reached is told from the server: %j', (fields, isProxy) => {
    const alone = Object.assign(new Error('no way'), fields)
    const several = Object.assign(new AggregateError([alone]), { code: fields.code })
    for (const error of [alone, several]) {
      const { message, code } = transportError(error, server) as WxError
      expect(code).toBe('NETWORK_UNREACHABLE')
      expect(message.startsWith('The proxy')).toBe(isProxy)
    }
  })
})
