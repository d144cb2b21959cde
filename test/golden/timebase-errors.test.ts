import { describe, expect, it } from 'vitest'
import { type Answer, coded, recorded, scripted } from '../support/answers.js'
import { cli } from '../support/system.js'

const token: Answer = { body: '{"access_token":"a","refresh_token":"r","expires_in":299}' }
const env = {
  NO_COLOR: '1',
  WXSTATION_TIMEBASE_URL: 'http://server:8099',
  WXSTATION_TIMEBASE_USER: 'admin',
  WXSTATION_TIMEBASE_PASSWORD: 'secret',
}

/** Every failure that a wrong address, a wrong login or a sick server makes, as a person sees it. */
const cases: [string, string[], (url: string) => Answer][] = [
  ['unreachable', ['stream', 'list'], () => ({ fails: coded('ECONNREFUSED') })],
  ['unknown-host', ['stream', 'list'], () => ({ fails: coded('ENOTFOUND') })],
  ['untrusted', ['stream', 'list'], () => ({ fails: coded('SELF_SIGNED_CERT_IN_CHAIN') })],
  ['not-webadmin', ['stream', 'list'], () => ({ body: '<html>Router login</html>' })],
  ['wrong-login', ['stream', 'list'], () => recorded('auth', 'login-bad-password')],
  ['sso-only', ['stream', 'list'], () => recorded('auth', 'unknown-path')],
  ['denied', ['stream', 'create'], denied],
  ['unknown-stream', ['stream', 'describe', 'nosuch'], answers('streams', 'schema-unknown-stream')],
  ['timebase-down', ['stream', 'list'], answers('streams', 'down-streams')],
  ['proxy', ['stream', 'create', '--no-status'], (url) => (isLogin(url) ? token : { status: 502 })],
  ['cut-off', ['stream', 'list'], (url) => (isLogin(url) ? token : { body: '[{"key":"a"' })],
  ['silent', ['stream', 'list'], silent],
]

function isLogin(url: string): boolean {
  return url.endsWith('/oauth/token')
}

function answers(file: string, name: string): (url: string) => Answer {
  return (url) => (isLogin(url) ? token : recorded(file, name))
}

function denied(url: string): Answer {
  if (isLogin(url)) return token
  const isRead = url.endsWith('/schema')
  return recorded('streams', isRead ? 'schema-unknown-stream' : 'create-stream-reader')
}

function silent(url: string): Answer {
  return isLogin(url) ? token : { fails: coded('UND_ERR_HEADERS_TIMEOUT') }
}

describe('what a person reads', () => {
  it.each(cases)('%s', async (name, argv, answer) => {
    const { fetch } = scripted(({ url }) => answer(url))
    const { code, err, out } = await cli(argv, { env, fetch })
    expect(code).toBeGreaterThan(1)
    expect(out).toBe('')
    expect(err).not.toContain('secret')
    await expect(err).toMatchFileSnapshot(`timebase/${name}.txt`)
  })

  it('every one of them is JSON for a script', async () => {
    for (const [, argv, answer] of cases) {
      const { fetch } = scripted(({ url }) => answer(url))
      const { code, out } = await cli([...argv, '--json'], { env, fetch })
      expect(JSON.parse(out).error.exitCode).toBe(code)
    }
  })
})
