import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../../src/system/node.js'
import { computer, gatewayEnv, testGateway } from '../../support/gateway.js'
import { cli, type TestSystem, type TestSystemOptions } from '../../support/system.js'

type Computer = (options?: TestSystemOptions) => TestSystem

const fileOf = (here: Computer, name: string): string => join(here().folders.data, name)

function login(here: Computer, gateway: Gateway, flags: string[] = [], fetch = nodeSystem().fetch) {
  const system = here({ fetch })
  system.type(gateway.password)
  ;(system.terminal.stdin as unknown as { end(): void }).end()
  return cli(['login', gateway.url, '--user', 'admin', '--password-stdin', ...flags], system)
}

describe('a login that is made again', () => {
  it('signs in anew, and leaves no tokens of the one before', async () => {
    const gateway = await testGateway()
    const here = computer()
    let logins = 0
    const { fetch } = nodeSystem()
    const counting: typeof fetch = (url, options) => {
      if (url.endsWith('/oauth/token')) logins++
      return fetch(url, options)
    }
    await login(here, gateway, [], counting)
    await login(here, gateway, [], counting)
    expect(logins).toBe(2)
    await login(here, gateway, ['--insecure'], counting)
    const kept = JSON.parse(readFileSync(fileOf(here, 'tokens.json'), 'utf8'))
    expect(Object.keys(kept)).toHaveLength(1)
  })

  it('that fails half-way keeps nothing', async () => {
    const gateway = await testGateway()
    const here = computer()
    Object.assign(gateway.faults, { only: '/api/v0/streams', captivePortal: true })
    expect((await login(here, gateway)).code).toBe(9)
    expect(existsSync(fileOf(here, 'login.json'))).toBe(false)
    expect(existsSync(fileOf(here, 'tokens.json'))).toBe(false)
  })
})

describe('the file of logins', () => {
  const whole = { url: 'http://server:8099', kind: 'password', user: 'admin', secret: 's3cret' }

  it.each([
    ['nothing', null],
    ['an empty one', {}],
    ['a kind that this version does not know', { ...whole, kind: 'card' }],
    ['a number for an address', { ...whole, url: 5 }],
    ['a number for a secret', { ...whole, secret: 7 }],
    ['no secret', { ...whole, secret: undefined }],
    ['no provider', { ...whole, kind: 'oauth' }],
  ])('with %s in place of a login says which one is damaged', async (_what, profile) => {
    const here = computer()
    mkdirSync(here().folders.data, { recursive: true })
    const text = JSON.stringify({ version: 1, active: 'home', profiles: { home: profile } })
    writeFileSync(fileOf(here, 'login.json'), text)
    const { code, err } = await cli(['whoami'], here())
    expect(code).toBe(3)
    expect(err).toContain('The login "home" in')
    expect(err).toContain('wxstation login --profile home')
    expect(err).not.toContain('s3cret')
  })

  it.each(['', '{', '[]', 'null', '{"version":2,"profiles":{}}', '{"version":1,"profiles":[]}'])(
    'that holds %j is no file of logins',
    async (text) => {
      const here = computer()
      mkdirSync(here().folders.data, { recursive: true })
      writeFileSync(fileOf(here, 'login.json'), text)
      const { code, err } = await cli(['whoami'], here())
      expect(code).toBe(3)
      expect(err).toContain('cannot be read as logins')
      // Before anything is asked or sent.
      const again = await cli(['login', 'http://127.0.0.1:1'], here())
      expect(again.err).toBe(err)
    },
  )

  it('that somebody else owns is no fault of ours', async () => {
    const gateway = await testGateway()
    const here = computer()
    // Root, which runs this where it is tested, may read every file; nobody reads a folder.
    mkdirSync(fileOf(here, 'login.json'), { recursive: true })
    for (const { code, err } of [await cli(['whoami'], here()), await login(here, gateway)]) {
      expect(code).toBe(2)
      expect(err).toMatch(/login\.json cannot be read: it is a folder/)
    }
    rmSync(here().folders.data, { recursive: true })
    writeFileSync(here().folders.data, '')
    const unwritten = await login(here, gateway)
    expect(unwritten.err).toMatch(/login\.json cannot be written: something else is there/)
    expect(unwritten.code).toBe(2)
  })

  it.each([
    ['nothing', /.*/s, ''],
    ['a list', /.*/s, '[]'],
    ['a token that no header can hold', /"access":"[^"]*"/, '"access":"a\\nb"'],
    ['a number for a token', /"access":"[^"]*"/, '"access":5'],
  ])('goes without tokens where their file holds %s', async (_what, part, damage) => {
    const gateway = await testGateway()
    const here = computer()
    await login(here, gateway)
    const kept = fileOf(here, 'tokens.json')
    writeFileSync(kept, readFileSync(kept, 'utf8').replace(part, damage))
    expect(await cli(['whoami'], here())).toMatchObject({ code: 0, err: '' })
  })

  it('goes without the file of tokens where that cannot be written', async () => {
    const gateway = await testGateway()
    const here = computer()
    await login(here, gateway)
    rmSync(fileOf(here, 'tokens.json'))
    mkdirSync(fileOf(here, 'tokens.json'))
    expect(await cli(['whoami'], here())).toMatchObject({ code: 0, err: '' })
  })

  it.each(['constructor', '__proto__', 'toString'])('takes "%s" for a name', async (name) => {
    const gateway = await testGateway()
    const here = computer()
    const before = await cli(['whoami', '--profile', name], here())
    expect(before.err).toContain(`There is no login called "${name}"`)
    await login(here, gateway, ['--profile', name])
    expect(await cli(['whoami', '--profile', name], here())).toMatchObject({ code: 0 })
    expect((await cli(['logout'], here())).out).toContain(`Forgotten: ${name}`)
  })

  it('takes no name that is none', async () => {
    const gateway = await testGateway()
    const { code, err } = await login(computer(), gateway, ['--profile', ' '])
    expect(code).toBe(2)
    expect(err).toContain('A login needs a name')
  })
})

it('a login that the environment overrules says so', async () => {
  const [gateway, other] = [await testGateway(), await testGateway()]
  const notice = '--profile home takes this one'
  const as = async (env: { [name: string]: string }, flags = ['--profile', 'home']) => {
    const { code, err } = await login(computer(env), gateway, flags)
    expect(code).toBe(0)
    return err
  }
  expect(await as({})).toBe('')
  expect(await as({ WXSTATION_TIMEBASE_URL: other.url })).toContain(notice)
  expect(await as({ WXSTATION_TIMEBASE_TOKEN: 'abc' })).toContain(notice)
  expect(await as({ WXSTATION_TIMEBASE_TOKEN: 'no token' })).toContain(notice)
  // The same login, half a login, and one that is named anyway.
  expect(await as(gatewayEnv(gateway))).toBe('')
  expect(await as({ WXSTATION_TIMEBASE_USER: 'reader' })).toBe('')
  expect(await as({ ...gatewayEnv(other), WXSTATION_PROFILE: 'home' }, [])).toBe('')
})

it('logout of a login that is not there says so', async () => {
  const gateway = await testGateway()
  const here = computer()
  await login(here, gateway)
  const { code, out } = await cli(['logout', '--profile', 'nosuch'], here())
  expect(code).toBe(0)
  expect(out).toContain('There is no login called "nosuch".')
  expect((await cli(['whoami'], here())).code).toBe(0)
})
