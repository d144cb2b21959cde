import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeSystem } from '../../../src/system/node.js'
import { type Certificate, makeCertificate } from '../../support/certificates.js'
import { computer } from '../../support/gateway.js'
import { cli, temporaryFolder } from '../../support/system.js'

const dates = { from: new Date('2020-01-01'), to: new Date('2060-01-01') }
const authority = (name: string): Certificate =>
  makeCertificate({ name, isAuthority: true, ...dates })

interface Site {
  url: string
  /** Bodies that reached the token endpoint. */
  forms: URLSearchParams[]
}

/** A WebAdmin with single sign-on and its OpenID provider, behind one certificate of this authority. */
async function site(root: Certificate): Promise<Site> {
  const own = makeCertificate({ name: 'localhost', issuer: root, ...dates })
  const forms: URLSearchParams[] = []
  const server = createServer({ key: own.keyPem, cert: own.pem }, (request, response) => {
    void answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const open: Record<string, unknown> = {
    '/api/v0/v': { name: 'Timebase Web Gateway', timebase: { connected: true } },
    '/api/v0/authInfo': { provider_type: 'SSO', config_url: `${url}/realm`, client_id: 'wx' },
    '/realm/.well-known/openid-configuration': {
      token_endpoint: `${url}/token`,
      device_authorization_endpoint: `${url}/device`,
    },
    '/device': {
      device_code: 'dc',
      user_code: 'WDJB-MJHT',
      verification_uri: `${url}/activate`,
      interval: 1,
    },
  }
  const closed: Record<string, unknown> = { '/api/v0/writable': true, '/api/v0/streams': [] }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = request.url ?? ''
    const say = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (path === '/token') {
      forms.push(new URLSearchParams(Buffer.concat(chunks).toString()))
      // The person needs a moment.
      if (forms.length === 1) return say(400, { error: 'authorization_pending' })
      return say(200, { access_token: 'at', refresh_token: 'rt', expires_in: 3600 })
    }
    if (path in open) return say(200, open[path])
    if (request.headers.authorization !== 'Bearer at') return say(401, { error: 'invalid_token' })
    return say(200, closed[path])
  }
  return { url, forms }
}

describe('single sign-on', () => {
  const hasty = { ...nodeSystem().clock, sleep: async () => {} }

  it.each<[string, string[], { [name: string]: string }]>([
    ['--ca', ['--ca', 'house.pem'], {}],
    ['a file of certificates in the environment', [], { WXSTATION_TIMEBASE_CA: 'house.pem' }],
    ['--insecure', ['--insecure'], {}],
    ['any certificate by the environment', [], { WXSTATION_TIMEBASE_INSECURE: 'yes' }],
  ])('signs in by device code with %s', async (_way, flags, trust) => {
    const root = authority('house')
    const { url, forms } = await site(root)
    const here = computer()
    // A name of this folder, which the kept login must find from any other.
    writeFileSync(join(here().cwd, 'house.pem'), root.pem)
    const env = { NO_COLOR: '1', ...trust }
    const argv = ['login', url, '--sso', ...flags]
    const login = await cli(argv, here({ tty: true, clock: hasty, env }))
    expect(login.err).toContain(`Open ${url}/activate in a browser and enter the code WDJB-MJHT`)
    expect(login.code, login.err).toBe(0)
    expect(login.out).toContain(`Signed in to ${url} by single sign-on: may read and write.`)
    expect(forms.map((form) => form.get('device_code'))).toEqual(['dc', 'dc'])
    // The next command uses the kept token, off a terminal.
    const whoami = await cli(['whoami', '--json'], here())
    expect(JSON.parse(whoami.out)).toMatchObject({ kind: 'oauth', rights: { write: true } })
    expect(forms).toHaveLength(2)
  })

  it('says the code with --quiet, too: nobody could go on without', async () => {
    const { url } = await site(authority('house'))
    const login = ['login', url, '--sso', '--insecure', '--quiet']
    const { err, code } = await cli(login, computer()({ tty: true, clock: hasty }))
    expect(err).toContain('enter the code WDJB-MJHT')
    expect(code).toBe(0)
  })

  it('off a terminal says what a machine does instead', async () => {
    const { url, forms } = await site(authority('house'))
    const { err, code } = await cli(['login', url, '--sso', '--insecure'], computer()())
    expect(err).toMatch(/wants a person to sign in\.[\s\S]*--client-secret-stdin/)
    expect(code).toBe(9)
    expect(forms).toEqual([])
  })

  it('is refused where nobody vouches for the certificate', async () => {
    const { url, forms } = await site(authority('house'))
    const { code, err } = await cli(['login', url, '--sso'], computer()({ tty: true }))
    expect(code).toBe(9)
    expect(err).toContain('[tls-untrusted, exit 9]')
    expect(forms).toEqual([])
  })
})

it('a kept login without certificates takes those of the environment', async () => {
  const root = authority('house')
  const { url } = await site(root)
  const here = computer()
  const file = join(here().cwd, 'house.pem')
  writeFileSync(file, root.pem)
  const argv = ['login', url, '--sso', '--insecure']
  await cli(argv, here({ tty: true, clock: { ...nodeSystem().clock, sleep: async () => {} } }))
  const kept = join(here().folders.data, 'login.json')
  writeFileSync(kept, readFileSync(kept, 'utf8').replace(/,\s*"insecure": true/, ''))
  expect((await cli(['whoami'], here())).err).toContain('WXSTATION_TIMEBASE_CA')
  for (const flags of [[], ['--profile', 'default']]) {
    const env = { WXSTATION_TIMEBASE_CA: file }
    expect((await cli(['whoami', ...flags], here({ env }))).err).not.toContain('not trusted')
  }
})

it('a request in the clear to a server of TLS is told from a broken connection', async () => {
  const { url } = await site(authority('house'))
  const { code, err } = await cli(['login', url.replace('https:', 'http:')], computer()())
  expect(code).toBe(9)
  expect(err).toContain('A server of TLS wants its address with https://.')
})

it('--ca with a file that is not there says so before anything is sent', async () => {
  const { code, err } = await cli(['login', 'https://localhost:1', '--ca', 'no.pem'], computer()())
  expect(code).toBe(3)
  expect(err).toMatch(/There is no file \S+no\.pem, which --ca names\./)
})

it('--ca adds to the certificates that are trusted anyway', async () => {
  const [usual, own] = [authority('usual'), authority('own')]
  const file = join(temporaryFolder(), 'usual.pem')
  writeFileSync(file, usual.pem)
  const before = process.env.NODE_EXTRA_CA_CERTS
  process.env.NODE_EXTRA_CA_CERTS = file
  onTestFinished(() => {
    if (before === undefined) delete process.env.NODE_EXTRA_CA_CERTS
    else process.env.NODE_EXTRA_CA_CERTS = before
  })
  for (const root of [usual, own]) {
    const { url } = await site(root)
    const { status } = await nodeSystem().fetch(`${url}/api/v0/v`, { ca: own.pem })
    expect(status).toBe(200)
  }
})
