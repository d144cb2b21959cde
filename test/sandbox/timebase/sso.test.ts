import { writeFileSync } from 'node:fs'
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

  it.each(['--ca', '--insecure'])('signs in by device code with %s', async (way) => {
    const root = authority('house')
    const { url, forms } = await site(root)
    const here = computer()
    writeFileSync(join(here().cwd, 'house.pem'), root.pem)
    // A name of this folder, which the kept login must find from any other.
    const flags = way === '--ca' ? [way, 'house.pem'] : [way]
    const login = await cli(['login', url, '--sso', ...flags], here({ tty: true, clock: hasty }))
    expect(login.err).toContain(`Open ${url}/activate in a browser and enter the code WDJB-MJHT`)
    expect(login.code, login.err).toBe(0)
    expect(login.out).toContain('by single sign-on: may read and write.')
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
    expect(err).toMatch(/wants a person to sign in\.\n.*--client-secret-stdin/)
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
