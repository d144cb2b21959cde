import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeSystem } from '../../../src/system/node.js'
import { scripted } from '../../support/answers.js'
import { converse, keys } from '../../support/converse.js'
import { computer, gatewayEnv, testGateway } from '../../support/gateway.js'
import { cli, type TestSystem } from '../../support/system.js'

/** A system with this text on its standard input. */
function typed(system: TestSystem, text: string): TestSystem {
  system.type(text)
  ;(system.terminal.stdin as unknown as { end(): void }).end()
  return system
}

/** A fetch that counts logins. */
function counting(): { fetch: TestSystem['fetch']; logins: () => number } {
  const { fetch } = nodeSystem()
  let logins = 0
  return {
    logins: () => logins,
    fetch: (url, options) => {
      if (url.includes('/oauth/token')) logins++
      return fetch(url, options)
    },
  }
}

describe('login', () => {
  it('keeps what whoami and the others use, readable by its owner only', async () => {
    const gateway = await testGateway()
    const here = computer()
    const login = await cli(
      ['login', gateway.url, '--user', 'admin', '--password-stdin'],
      typed(here(), `${gateway.password}\n`),
    )
    expect(login).toMatchObject({ code: 0 })
    expect(login.out).toContain('as admin, by password: may read and write.')
    expect(login.out + login.err).not.toContain(gateway.password)
    const kept = join(here().folders.data, 'login.json')
    for (const file of [kept, join(here().folders.data, 'tokens.json')])
      expect(statSync(file).mode & 0o777).toBe(0o600)
    const whoami = await cli(['whoami', '--json'], here())
    expect(JSON.parse(whoami.out)).toMatchObject({
      profile: 'default',
      user: 'admin',
      rights: { read: true, write: true },
    })
    expect(whoami.out).not.toContain(gateway.password)
  })

  it('reuses its token in the next command, and signs in again after a restart unnoticed', async () => {
    const gateway = await testGateway()
    const here = computer()
    const { fetch, logins } = counting()
    const login = ['login', gateway.url, '--user', 'admin', '--password-stdin']
    await cli(login, typed(here({ fetch }), gateway.password))
    expect(logins()).toBe(1)
    expect((await cli(['stream', 'list'], here({ fetch }))).code).toBe(0)
    expect(logins()).toBe(1)
    await gateway.restart()
    const after = await cli(['stream', 'list'], here({ fetch }))
    expect(after).toMatchObject({ code: 0, err: '' })
    // The refresh token is void as well: one attempt with it, then the password.
    expect(logins()).toBe(3)
  })

  it('asks on a terminal for a password and never shows it', async () => {
    const gateway = await testGateway()
    const system = computer()({ tty: true })
    const done = cli(['login', gateway.url, '--user', 'admin'], system)
    while (!system.err().includes('Password of admin')) await new Promise((r) => setTimeout(r, 10))
    system.type(`${gateway.password}\r`)
    expect((await done).out).toContain('Signed in to')
    expect(system.err()).not.toContain(gateway.password)
  })

  it('asks on a terminal even where standard input should give it: typed there it would be seen', async () => {
    const gateway = await testGateway()
    const system = computer()({ tty: true })
    const argv = ['login', gateway.url, '--user', 'admin', '--password-stdin']
    const done = cli(argv, system)
    await converse(system, [[/Password of admin/, `${gateway.password}${keys.enter}`]])
    expect((await done).code).toBe(0)
    expect(system.err()).not.toContain(gateway.password)
  })

  it('ends by Ctrl-C while it waits for a pipe', async () => {
    const gateway = await testGateway()
    const system = computer()()
    const argv = ['login', gateway.url, '--user', 'admin', '--password-stdin']
    const done = cli(argv, system)
    const { stdin } = system.terminal
    while (stdin.listenerCount('readable') === 0) await new Promise((r) => setTimeout(r, 10))
    system.interrupt()
    expect((await done).code).toBe(130)
    // An open one would keep the process alive.
    expect(stdin.destroyed).toBe(true)
  })

  it('tells no server the password that the environment has for another', async () => {
    const [first, second] = [await testGateway(), await testGateway()]
    const system = computer(gatewayEnv(first))()
    const { code, err } = await cli(['login', second.url, '--user', 'admin'], system)
    expect(code).toBe(2)
    expect(err).toContain('"Password of admin" needs an answer')
    const other = await cli(['login', '--user', 'reader'], computer(gatewayEnv(first))())
    expect(other.err).toContain('"Password of reader" needs an answer')
    expect(await cli(['login'], computer(gatewayEnv(first))())).toMatchObject({ code: 0 })
  })

  it.each([['timebase', 'status'], ['stream', 'list'], ['login']])(
    'of nobody: %s %s says that the server is dead before it asks who you are',
    async (...argv) => {
      const env = { NO_COLOR: '1', WXSTATION_TIMEBASE_URL: 'http://127.0.0.1:1' }
      const { code, err } = await cli(argv, computer()({ tty: true, env }))
      expect(code).toBe(9)
      expect(err).toContain('[network-unreachable, exit 9]')
      expect(err).not.toMatch(/user/i)
    },
  )

  it('at an address of the API is told from a login that is refused', async () => {
    const gateway = await testGateway()
    const argv = ['login', `${gateway.url}/api/v0`, '--user', 'admin', '--password-stdin']
    const { code, err } = await cli(argv, typed(computer()(), gateway.password))
    expect(code).toBe(9)
    expect(err).toContain('Give the address without /api/v0')
  })

  it('that is refused keeps nothing', async () => {
    const gateway = await testGateway()
    const here = computer()
    const login = ['login', gateway.url, '--user', 'admin', '--password-stdin']
    const { code, err } = await cli(login, typed(here(), 'wrong'))
    expect(code).toBe(9)
    expect(err).toContain('does not take this password for "admin"')
    expect((await cli(['whoami'], here())).code).toBe(3)
  })

  it.each([
    ['a proxy', '<html>Forbidden</html>'],
    ['the server', ''],
  ])('that %s forbids is no login without rights', async (_who, body) => {
    const gateway = await testGateway()
    const here = computer()
    const { fetch } = nodeSystem()
    const forbidding: typeof fetch = (url, options) =>
      url.endsWith('/oauth/token')
        ? scripted([{ status: 403, body }]).fetch(url, options)
        : fetch(url, options)
    const argv = ['login', gateway.url, '--user', 'admin', '--password-stdin']
    const { code, out } = await cli(argv, typed(here({ fetch: forbidding }), gateway.password))
    expect({ code, out }).toEqual({ code: 9, out: '' })
  })

  it('has several profiles; logout forgets one after the other', async () => {
    const gateway = await testGateway()
    const here = computer()
    const reader = gateway.users.find(({ username }) => username === 'reader')
    const login = (name: string, user: string, password: string) =>
      cli(
        ['login', gateway.url, '--profile', name, '--user', user, '--password-stdin'],
        typed(here(), password),
      )
    await login('home', 'admin', gateway.password)
    const second = await login('guest', 'reader', reader?.password ?? '')
    expect(second.out).toContain('may read, not write')
    expect((await cli(['whoami'], here())).out).toMatch(/reader[\s\S]*home \(choose with/)
    expect((await cli(['whoami', '--profile', 'home'], here())).out).toContain('admin')
    expect((await cli(['whoami', '--profile', 'nosuch'], here())).err).toContain('home, guest')
    await cli(['login', '--switch', '--profile', 'home'], here())
    expect((await cli(['whoami'], here())).out).toMatch(/admin[\s\S]*guest \(choose with/)
    await cli(['login', '--switch', '--profile', 'guest'], here())
    expect((await cli(['logout'], here())).out).toContain('Login "home" is used from now on.')
    await cli(['logout', '--all'], here())
    expect((await cli(['whoami'], here())).code).toBe(3)
    expect(readFileSync(join(here().folders.data, 'tokens.json'), 'utf8').trim()).toBe('{}')
  })

  it('never sends a kept password to another address', async () => {
    const [first, second] = [await testGateway(), await testGateway()]
    const here = computer()
    const login = ['login', first.url, '--user', 'admin', '--password-stdin']
    await cli(login, typed(here(), first.password))
    const env = { NO_COLOR: '1', WXSTATION_TIMEBASE_URL: second.url }
    const { code, err } = await cli(['whoami'], here({ env }))
    expect(code).toBe(2)
    expect(err).toContain('WXSTATION_TIMEBASE_USER')
  })
})

describe('other ways of signing in', () => {
  const create = ['stream', 'create', 'garden', '--no-status']

  it('API keys in basic mode sign every request', async () => {
    const apiKeys = [{ name: 'ci', key: 'TEST_API_SECRET', user: 'admin' }]
    const gateway = await testGateway({ apiKeys })
    const here = computer()
    const login = ['login', gateway.url, '--api-key', 'ci', '--secret-stdin']
    expect((await cli(login, typed(here(), 'TEST_API_SECRET'))).out).toContain('ci, by API key')
    expect((await cli(create, here())).out).toContain('garden created')
    const wrong = await cli(login, typed(here(), 'WRONG'))
    expect(wrong.code).toBe(9)
    expect(wrong.err).toContain('[login-refused, exit 9]')
    const env = {
      WXSTATION_TIMEBASE_URL: gateway.url,
      WXSTATION_TIMEBASE_API_KEY: 'ci',
      WXSTATION_TIMEBASE_API_SECRET: 'TEST_API_SECRET',
    }
    expect((await cli(create, computer(env)())).out).toContain('identical')
    const { WXSTATION_TIMEBASE_API_SECRET: _, ...half } = env
    expect((await cli(create, computer(half)())).err).toContain('WXSTATION_TIMEBASE_API_SECRET')
  })

  it('session keys agree on a secret, and on a new one when the server forgot it', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
    const gateway = await testGateway({ apiKeys: [{ name: 'ci', key, user: 'admin' }] })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const here = computer()
    const login = ['login', gateway.url, '--api-key', 'ci', '--secret-stdin']
    expect((await cli(login, typed(here(), pem))).out).toContain('ci, by API key with session')
    let restarted = false
    const { fetch } = nodeSystem()
    const restarting: TestSystem['fetch'] = async (url, options) => {
      // Between two signed requests of one command.
      if (url.includes('createStream') && !restarted) {
        restarted = true
        await gateway.restart()
      }
      return fetch(url, options)
    }
    const { code, out, err } = await cli(create, here({ fetch: restarting }))
    expect(err).toBe('')
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('created') })
    expect(restarted).toBe(true)
    // No firewall is in the way.
    const tailing = here()
    const tail = cli(['tail', '--stream', 'garden'], tailing)
    while (!/every second/.test(tailing.err())) await new Promise((r) => setTimeout(r, 20))
    tailing.interrupt()
    expect((await tail).err).toContain('live connection not made for session keys')
  })

  it('a ready token from the environment', async () => {
    const gateway = await testGateway()
    const token = async (): Promise<string> => {
      const response = await fetch(`${gateway.url}/oauth/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa('web:secret')}` },
        body: new URLSearchParams({
          grant_type: 'password',
          username: 'admin',
          password: gateway.password,
        }),
      })
      return ((await response.json()) as { access_token: string }).access_token
    }
    const env = { WXSTATION_TIMEBASE_URL: gateway.url, WXSTATION_TIMEBASE_TOKEN: await token() }
    const here = computer(env)
    expect((await cli(create, here())).out).toContain('created')
    await gateway.restart()
    const over = await cli(create, here())
    expect(over.code).toBe(9)
    expect(over.err).toContain('put a fresh one into WXSTATION_TIMEBASE_TOKEN')
  })
})

describe('timebase status', () => {
  it('tells versions, clock, login, rights and streams', async () => {
    const gateway = await testGateway()
    const here = computer(gatewayEnv(gateway))
    await cli(['stream', 'create'], here())
    const { out } = await cli(['timebase', 'status', '--json'], here())
    expect(JSON.parse(out)).toMatchObject({
      gateway: '1.1.4',
      server: '6.1.23',
      connected: true,
      login: { kind: 'password', user: 'admin' },
      rights: { read: true, write: true },
      streams: [{ key: 'station_status' }, { key: 'weather_record' }],
    })
  })

  it('tells a clock that is off', async () => {
    const gateway = await testGateway()
    const { clock } = nodeSystem()
    const slow = { ...clock, now: () => clock.now() - 125_000 }
    const { out } = await cli(
      ['timebase', 'status'],
      computer(gatewayEnv(gateway))({ clock: slow }),
    )
    expect(out).toMatch(/2 min \d s ahead of this computer: check the time on both/)
  })

  it('tells what it can where the login is refused', async () => {
    const gateway = await testGateway()
    const env = { ...gatewayEnv(gateway), WXSTATION_TIMEBASE_PASSWORD: 'wrong' }
    const { code, out } = await cli(['timebase', 'status'], computer(env)())
    expect(code).toBe(9)
    expect(out).toContain('1.1.4')
    expect(out).toContain('refused')
  })

  it('tells what it can where the place of the login does not answer', async () => {
    const gateway = await testGateway()
    const { fetch, clock } = nodeSystem()
    const broken: typeof fetch = (url, options) =>
      url.endsWith('/oauth/token')
        ? scripted(() => ({ status: 502 })).fetch(url, options)
        : fetch(url, options)
    const system = computer(gatewayEnv(gateway))({
      fetch: broken,
      clock: { ...clock, sleep: async () => {} },
    })
    const { code, out } = await cli(['timebase', 'status'], system)
    expect(code).toBe(9)
    expect(out).toMatch(/1\.1\.4[\s\S]*Login +unknown[\s\S]*\[network-unreachable, exit 9\]/)
  })

  it('tells that TimeBase is down', async () => {
    const gateway = await testGateway({ faults: { timebaseDown: true } })
    const { code, out } = await cli(['timebase', 'status'], computer(gatewayEnv(gateway))())
    expect(code).toBe(9)
    expect(out).toContain('not connected')
    const whoami = await cli(['whoami'], computer(gatewayEnv(gateway))())
    expect(whoami.out).toContain('TimeBase behind WebAdmin does not answer')
  })
})
