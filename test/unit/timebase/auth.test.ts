import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPrivateKey } from '../../../src/cli/timebase.js'
import { Secret } from '../../../src/secret.js'
import { apiKeyAuth, stompText } from '../../../src/timebase/auth/api-key.js'
import { sessionAuth } from '../../../src/timebase/auth/session.js'
import { signature, signedText } from '../../../src/timebase/auth/signature.js'
import { tokenAuth } from '../../../src/timebase/auth/token.js'
import { scripted, wire } from '../../support/answers.js'
import { fakeClock } from '../../support/clock.js'

const server = 'http://server:8099'
const signable = (method: string, path: string, body = '') => ({
  method,
  url: new URL(path, server),
  body,
})

describe('signatures of API keys', () => {
  it.each([
    ['GET/api/v0/streams', 'EFKnAjPI4kiqgZ+yjk+FnlJg4UdZJoop2k6sfvxWWr2nvMJ00GaxqyU6Uj/eIr9R'],
    [
      'GET/api/v0/weather/selectreverse=true&rows=1',
      'MFtV04RdBTsXPMA/OrBrWtnnIPvqxqcJ5m/yoaYlA4+ah/AGE9ROQ2b2uebnZEUH',
    ],
    [
      'POST/api/v0/weather/write[{"symbol":"s1","temperature":21.5}]',
      'WuXkDxr+z6lFgtoKEDeTkD4byttVVvSCovnMcmixq+0NOqWgNcsZF3+dloLUwmMl',
    ],
  ])('of %s', (text, expected) => {
    expect(signature('TEST_API_SECRET', text)).toBe(expected)
  })

  it('of a STOMP CONNECT', () => {
    expect(signature('wx-secret-1', stompText('wx-key', 'p-0001'))).toBe(
      '7wm6vCDpRsldtn8zQYaWV1cToKtzRqIiu5MtZhewbJs2C93xrKrrgGcMfWl7Kr6B',
    )
  })

  // The transcripts say which text the real server took for signed.
  const signed = wire('auth').filter(({ note }) => note?.startsWith('signed text: '))
  it.each(signed.map((one) => [one.name, one] as const))(
    'text of %s',
    (_name, { request, note }) => {
      const { 'X-Deltix-Nonce': nonce, 'X-Deltix-Session-Id': id } = request.headers
      const part = nonce === undefined ? '' : `X-Deltix-Nonce=${nonce}&X-Deltix-Session-Id=${id}`
      expect(
        `signed text: ${signedText(signable(request.method, request.path, request.body ?? ''), part)}`,
      ).toBe(note)
    },
  )

  it.each([
    ['/x?B=2&a=1', 'GET/xb=2&a=1', 'sorted before they become lower case'],
    ['/x?a=1&a=2', 'GET/xa=1', 'the first of a repeated one'],
    ['/x?live', 'GET/xlive=', 'one without a value'],
    ['/Up%20per', 'GET/up per', 'the path decoded, in lower case'],
  ])('text of %s is %s: %s', (path, text) => {
    expect(signedText(signable('GET', path))).toBe(text)
  })

  it.each(['ключ', 'a\nb', '', ' a'])(
    'are refused for a name that no header can hold: %j',
    (name) => {
      const system = { randomBytes: (size: number) => new Uint8Array(size) }
      expect(() => apiKeyAuth({ name, secret: new Secret('s') }, system)).toThrow(
        expect.objectContaining({ code: 'USAGE' }),
      )
    },
  )

  it('sends name and signature, never the secret', async () => {
    const system = { randomBytes: (size: number) => new Uint8Array(size) }
    const auth = apiKeyAuth({ name: 'wx-key', secret: new Secret('TEST_API_SECRET') }, system)
    expect(await auth.headers(signable('GET', '/api/v0/streams'))).toEqual({
      'X-Deltix-ApiKey': 'wx-key',
      'X-Deltix-Signature': 'EFKnAjPI4kiqgZ+yjk+FnlJg4UdZJoop2k6sfvxWWr2nvMJ00GaxqyU6Uj/eIr9R',
    })
    expect(Object.keys(await auth.stompHeaders())).toEqual([
      'X-Deltix-ApiKey',
      'X-Deltix-Payload',
      'X-Deltix-Signature',
    ])
  })
})

describe('session keys', () => {
  it('end in a WxError whatever the server answers', async () => {
    const fields = fc.record(
      {
        session_id: fc.anything(),
        dh_base: fc.oneof(fc.base64String(), fc.integer()),
        dh_modulus: fc.oneof(fc.base64String(), fc.constant('AA==')),
        challenge: fc.oneof(fc.base64String(), fc.constant(null)),
      },
      { requiredKeys: [] },
    )
    const { privateKey } = await keyPair()
    await fc.assert(
      fc.asyncProperty(fields, fc.constantFrom(200, 400, 500), async (answer, status) => {
        const script = scripted(() => ({ status, body: JSON.stringify(answer) ?? '' }))
        const system = {
          fetch: script.fetch,
          clock: fakeClock(),
          randomBytes: (size: number) => new Uint8Array(size).fill(7),
        }
        const auth = sessionAuth({ url: server, name: 'k', privateKey }, system)
        await expect(auth.headers(signable('GET', '/x'))).rejects.toMatchObject({
          name: 'WxError',
        })
      }),
      { numRuns: 60 },
    )
  })

  it('begin anew where the server forgot its challenge', async () => {
    const modulus = Buffer.alloc(128, 0xff).toString('base64')
    const challenge = { session_id: 's', dh_base: 'Ag==', dh_modulus: modulus, challenge: 'Yw==' }
    const steps: string[] = []
    const script = scripted(({ url }) => {
      const step = url.split('/').at(-1) ?? ''
      steps.push(step)
      if (step === 'attempt') return { body: JSON.stringify(challenge) }
      if (steps.length > 2) return { body: '{"dh_key":"BQ=="}' }
      return {
        status: 400,
        body: '{"type":"x.IllegalArgumentException","message":"Unknown session"}',
      }
    })
    const { privateKey } = await keyPair()
    const system = { ...script, clock: fakeClock(), randomBytes: () => new Uint8Array(64).fill(7) }
    const auth = sessionAuth({ url: server, name: 'k', privateKey }, system)
    expect(await auth.headers(signable('GET', '/x'))).toMatchObject({ 'X-Deltix-Session-Id': 's' })
    expect(steps).toEqual(['attempt', 'confirm', 'attempt', 'confirm'])
  })

  it('are of RSA', async () => {
    const { generateKeyPairSync } = await import('node:crypto')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const system = { ...scripted([]), clock: fakeClock(), randomBytes: () => new Uint8Array(64) }
    const auth = sessionAuth({ url: server, name: 'k', privateKey: new Secret(pem) }, system)
    await expect(auth.headers(signable('GET', '/x'))).rejects.toMatchObject({
      message: 'The private key of the API key is no RSA key.',
    })
  })

  it.each(['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED '])(
    'are known by their first line: BEGIN %sPRIVATE KEY',
    (kind) => {
      expect(isPrivateKey(`-----BEGIN ${kind}PRIVATE KEY-----\nMII`)).toBe(true)
    },
  )

  it('say that a key cannot be read without showing it', async () => {
    const system = { ...scripted([]), clock: fakeClock(), randomBytes: () => new Uint8Array(64) }
    const privateKey = new Secret('-----BEGIN PRIVATE KEY-----\nabc')
    const auth = sessionAuth({ url: server, name: 'k', privateKey }, system)
    const error = await auth.headers(signable('GET', '/x')).catch((one: unknown) => one)
    expect(error).toMatchObject({ code: 'LOGIN_REFUSED' })
    expect(JSON.stringify(error)).not.toContain('abc')
    expect((error as Error).cause).toBeUndefined()
  })
})

async function keyPair(): Promise<{ privateKey: Secret }> {
  const { generateKeyPairSync } = await import('node:crypto')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { privateKey: new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()) }
}

describe('a ready token', () => {
  it.each(['abc.def', 'Bearer abc.def', ' abc.def\n'])(
    '%j is sent as it should be',
    async (text) => {
      const headers = await tokenAuth(new Secret(text)).headers(signable('GET', '/x'))
      expect(headers).toEqual({ authorization: 'Bearer abc.def' })
    },
  )

  it('with other characters never reaches a header', () => {
    expect(() => tokenAuth(new Secret('a\nb'))).toThrow(
      expect.objectContaining({ code: 'LOGIN_REFUSED' }),
    )
  })
})
