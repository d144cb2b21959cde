import { createDiffieHellman, createHmac, createSign, generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { signedText } from '../../../src/sandbox/gateway/api-keys.js'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { caller, createWeather, gateway, quarterHours } from './state.js'
import { type Answer, type Entry, exchange, expectSame, recorded } from './wire.js'

const sign = (key: string | Buffer, text: string): string =>
  createHmac('sha384', key).update(text).digest('base64')

describe('signed text', () => {
  const secret = 'TEST_API_SECRET'
  it.each([
    [
      'GET',
      '/api/v0/streams',
      '',
      '',
      'EFKnAjPI4kiqgZ+yjk+FnlJg4UdZJoop2k6sfvxWWr2nvMJ00GaxqyU6Uj/eIr9R',
    ],
    [
      'GET',
      '/api/v0/weather/select',
      'reverse=true&rows=1',
      '',
      'MFtV04RdBTsXPMA/OrBrWtnnIPvqxqcJ5m/yoaYlA4+ah/AGE9ROQ2b2uebnZEUH',
    ],
    [
      'POST',
      '/api/v0/weather/write',
      '',
      '[{"symbol":"s1","temperature":21.5}]',
      'WuXkDxr+z6lFgtoKEDeTkD4byttVVvSCovnMcmixq+0NOqWgNcsZF3+dloLUwmMl',
    ],
  ])('%s %s %s is signed as the server documents it', (method, path, query, body, signature) => {
    const text = signedText({ method, path, query, body, header: () => undefined })
    expect(sign(secret, text)).toBe(signature)
  })

  it('sorts by original name, lowers names, keeps first values, decodes', () => {
    const text = signedText({
      method: 'GET',
      path: '/ws/v0/We%20ather/select',
      query: 'symbols=a%2Cb&From=1&live&symbols=c',
      body: 'not signed',
      header: () => undefined,
    })
    expect(text).toBe('GET/ws/v0/we ather/selectfrom=1&live=&symbols=a,b')
  })
})

describe('API key sessions', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const entry = (name: string): Entry => recorded('auth').find((one) => one.name === name) as Entry

  const post = (on: Gateway, path: string, body: object): ReturnType<typeof exchange> =>
    exchange(on, {
      method: 'POST',
      path,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })

  /** A session as a client makes it; answers are compared with the recorded ones on the way. */
  async function open(on: Gateway): Promise<{ id: string; secret: Buffer }> {
    const asked = await post(on, '/session/login/attempt', { api_key_id: 'wx-session' })
    const attempt = JSON.parse(asked.body ?? '')
    const shape = Object.keys(
      JSON.parse(entry('apikey-session-attempt').response.body ?? ''),
    ).sort()
    expect(Object.keys(attempt).sort()).toEqual(shape)
    expect(asked).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
    const challenge = Buffer.from(attempt.challenge, 'base64')
    expect(challenge).toHaveLength(2048)
    const exchangeKeys = createDiffieHellman(
      Buffer.from(attempt.dh_modulus, 'base64'),
      Buffer.from(attempt.dh_base, 'base64'),
    )
    const confirmed = await post(on, '/session/login/confirm', {
      session_id: attempt.session_id,
      signature: createSign('RSA-SHA256').update(challenge).sign(privateKey, 'base64'),
      dh_key: exchangeKeys.generateKeys('base64'),
    })
    const confirm = JSON.parse(confirmed.body ?? '')
    expect(confirm).toEqual({ dh_key: expect.any(String), keepalive_timeout: 100000 })
    const shared = exchangeKeys.computeSecret(Buffer.from(confirm.dh_key, 'base64'))
    const start = shared.findIndex((byte) => byte !== 0)
    const trimmed = shared.subarray(start)
    const secret = (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), trimmed]) : trimmed
    return { id: attempt.session_id, secret }
  }

  const signed = (
    on: Gateway,
    { id, secret }: { id: string; secret: Buffer },
    nonce: string,
    path: string,
    text: string,
    method = 'GET',
  ): Promise<Answer> =>
    exchange(on, {
      method,
      path,
      headers: {
        'X-Deltix-Session-Id': id,
        'X-Deltix-Nonce': nonce,
        'X-Deltix-Signature': sign(
          secret,
          `${method}${text}X-Deltix-Nonce=${nonce}&X-Deltix-Session-Id=${id}`,
        ),
      },
      body: method === 'POST' ? '' : null,
    })

  it('opens, reads, refuses a nonce twice, keeps alive and ends, as recorded', async () => {
    const on = await gateway({ apiKeys: [{ name: 'wx-session', key, user: 'admin' }] })
    const call = await caller(on)
    await createWeather(call)
    await call('POST', 'weather/write', quarterHours())
    const session = await open(on)
    const read = entry('apikey-session-get-params')
    const path = '/api/v0/weather/st-1/select'
    const text = `${path}from=2026-11-02T12:15:00.000Z&reverse=true&rows=1`
    expectSame(await signed(on, session, '1795470420315', read.request.path, text), read.response)
    const streams = '/api/v0/streams'
    const once = await signed(on, session, '1795470420316', streams, streams)
    expect(once.status).toBe(200)
    expectSame(
      await signed(on, session, '1795470420316', streams, streams),
      entry('apikey-session-reused-nonce').response,
    )
    const unknown = { ...session, id: 'nosuch' }
    expectSame(
      await signed(on, unknown, '1795470420320', streams, streams),
      entry('apikey-session-unknown-session').response,
    )
    const keepalive = '/session/login/keepalive'
    const kept = await signed(on, session, '1795470420321', keepalive, keepalive, 'POST')
    expect(kept).toMatchObject({ status: 200, body: '' })
    const logout = '/session/login/logout'
    expect((await signed(on, session, '1795470420322', logout, logout, 'POST')).status).toBe(200)
    const after = await signed(on, session, '1795470420323', streams, streams)
    expect(after.body).toContain('Unknown session')
  })

  it('gives an unknown name a challenge and takes no signature for it', async () => {
    const on = await gateway({ apiKeys: [{ name: 'wx-session', key, user: 'admin' }] })
    const asked = await post(on, '/session/login/attempt', { api_key_id: 'nosuch' })
    expect(asked.status).toBe(200)
    const { session_id, challenge } = JSON.parse(asked.body ?? '')
    const signature = createSign('RSA-SHA256')
      .update(Buffer.from(challenge, 'base64'))
      .sign(privateKey, 'base64')
    const answer = await post(on, '/session/login/confirm', {
      session_id,
      signature,
      dh_key: 'AQ==',
    })
    expect(answer.status).toBe(400)
  })

  it('counts a request with one of the two headers as not signed', async () => {
    const on = await gateway({ apiKeys: [{ name: 'wx-key', key: 's', user: 'admin' }] })
    const { status, body } = await exchange(on, {
      method: 'GET',
      path: '/api/v0/streams',
      headers: { 'X-Deltix-ApiKey': 'wx-key' },
      body: null,
    })
    expect(status).toBe(401)
    expect(body).toContain('Full authentication')
  })

  it('names the character that is no base64', async () => {
    const on = await gateway({ apiKeys: [{ name: 'wx-key', key: 's', user: 'admin' }] })
    const { status, body } = await exchange(on, {
      method: 'GET',
      path: '/api/v0/streams',
      headers: { 'X-Deltix-ApiKey': 'wx-key', 'X-Deltix-Signature': '***' },
      body: null,
    })
    expect({ status, body: JSON.parse(body ?? '') }).toEqual({
      status: 400,
      body: { error: 'Bad Request', error_description: 'Illegal base64 character 2a' },
    })
  })
})
