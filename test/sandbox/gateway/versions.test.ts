import { describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import type { GatewayVersion } from '../../../src/sandbox/gateway/versions.js'
import { caller, createAllTypes, createWeather, gateway } from './state.js'
import { exchange, tokens } from './wire.js'

interface Asked {
  method?: string
  body?: string
  type?: string
  reader?: boolean
}

const users = [
  { username: 'admin', password: 'a', authorities: ['TB_ALLOW_READ', 'TB_ALLOW_WRITE'] },
  { username: 'reader', password: 'r', authorities: ['TB_ALLOW_READ'] },
] as const

async function bench(version: GatewayVersion) {
  const on = await gateway({
    version,
    users: users.map((user) => ({ ...user, authorities: [...user.authorities] })),
    apiKeys: [{ name: 'k', key: 'secret', user: 'admin' }],
  })
  await createWeather(await caller(on))
  const ask = async (path: string, { method = 'GET', body, type, reader }: Asked = {}) => {
    const { access } = await tokens(on, reader ? 'reader' : 'admin')
    const answer = await exchange(on, {
      method,
      path,
      headers: {
        Authorization: `Bearer ${access}`,
        ...(body !== undefined && { 'Content-Type': type ?? 'application/json' }),
      },
      body: body ?? null,
    })
    return {
      status: answer.status,
      body: JSON.parse(answer.body || '{}') as { [n: string]: string },
    }
  }
  return { on, ask }
}

/** Status of a WebSocket's handshake without a login. */
function handshake({ url }: Gateway, path: string, token?: string): Promise<number> {
  const headers = token ? { Authorization: `Bearer ${token}` } : {}
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers })
  return new Promise((resolve) => {
    socket.on('error', () => undefined)
    socket.on('open', () => {
      socket.terminate()
      resolve(101)
    })
    socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode ?? 0))
  })
}

/** timebase-webadmin.md, section 7, line by line; `/api/v0/` stands before each path. */
describe.each([
  ['0.5', 0],
  ['1.0', 1],
  ['1.1', 2],
] as const)('WebAdmin %s', (version, column) => {
  it.each([
    ['a wrong method', 'streams', { method: 'POST' }, [405, 405, 500]],
    ['a missing parameter', 'createStream', { method: 'POST', body: '{}' }, [400, 400, 500]],
    ['a wrong type', 'query', { method: 'POST', body: 'x', type: 'text/plain' }, [415, 415, 500]],
    ['no JSON', 'query', { method: 'POST', body: '{' }, [400, 400, 500]],
    ['an unknown stream', 'nosuch/schema', {}, [400, 400, 400]],
    ['an empty query', 'query', { method: 'POST', body: '{"query":""}' }, [500, 500, 400]],
    ['the rights', 'writable', {}, [404, 200, 200]],
    ['new options', 'weather/options', { method: 'PUT', body: '{}' }, [405, 200, 200]],
    ['a schema by key', 'schema?key=weather', {}, [404, 200, 200]],
  ] as [string, string, Asked, number[]][])('%s', async (_what, path, asked, statuses) => {
    const { ask } = await bench(version)
    const { status } = await ask(`/api/v0/${path}`, asked)
    expect(status).toBe(statuses[column])
  })

  it('tells what went wrong in its own shape', async () => {
    const { ask } = await bench(version)
    const { body } = await ask('/api/v0/nosuch/schema')
    const shapes = [
      ['timestamp', 'status', 'error', 'message', 'path'],
      ['timestamp', 'status', 'error', 'path'],
      ['timestamp', 'type', 'message', 'stackTrace', 'status', 'error'],
    ]
    expect(Object.keys(body)).toEqual(shapes[column])
    const denied = await ask('/api/v0/weather/truncate', {
      method: 'POST',
      body: '{}',
      reader: true,
    })
    expect(denied.status).toBe(403)
    if (version === '1.1') expect(denied.body.type).toMatch(/AccessDeniedException$/)
    else expect(denied.body.error).toBe('access_denied')
  })

  it('has API keys, static fields and open sockets, or has not', async () => {
    const { on } = await bench(version)
    const call = await caller(on)
    await createAllTypes(call)
    await call('POST', 'all_types/write', [{ symbol: 'a', req: 1, last: 2 }])
    const rows = JSON.parse(await call('GET', 'all_types/select')) as object[]
    expect(rows.some((row) => 'st' in row)).toBe(version !== '0.5')
    const signed = await exchange(on, {
      method: 'GET',
      path: '/api/v0/streams',
      headers: { 'X-Deltix-ApiKey': 'k', 'X-Deltix-Signature': '*' },
      body: null,
    })
    // A version that knows no keys misses the login; the others do not like the signature.
    expect(signed.status).toBe(version === '0.5' ? 401 : 400)
    expect(await handshake(on, '/ws/v0/weather/select')).toBe(version === '0.5' ? 101 : 401)
    const { access } = await tokens(on)
    expect(await handshake(on, '/ws/v0/query', access)).toBe(version === '1.1' ? 101 : 404)
  })

  it('says whether TimeBase is reached, and forgets tokens in a restart, or does not', async () => {
    const { on, ask } = await bench(version)
    const { body } = await ask('/api/v0/v')
    expect(body.timebase).toHaveProperty('serverVersion')
    expect('connected' in Object(body.timebase)).toBe(version !== '0.5')
    const { access } = await tokens(on)
    await on.restart()
    const headers = { Authorization: `Bearer ${access}` }
    const again = await exchange(on, {
      method: 'GET',
      path: '/api/v0/streams',
      headers,
      body: null,
    })
    expect(again.status).toBe(version === '0.5' ? 200 : 401)
  })
})
