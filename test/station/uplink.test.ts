import { writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeCertificate } from '../support/certificates.js'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

interface Case {
  name: string
  url: string
  tls?: string
  ca?: string
  rounds?: number
  batch?: number
  free?: number
}

async function outcomes(cases: Case[]): Promise<Record<string, unknown>[]> {
  const list = join(temporaryFolder(), 'cases.json')
  writeFileSync(list, JSON.stringify(cases))
  const { results, code, text } = await python('uplink_states.py', { args: [list] })
  expect(code, text).toBe(0)
  return results
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, done))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const json = { 'content-type': 'application/json' }
const token = JSON.stringify({ access_token: 'a', refresh_token: 'r', expires_in: 43_200 })
const trace = 'at com.epam.deltix.Frame(Frame.java:1) '.repeat(300)

/** What each server says to a write, by the first part of the path. */
const answers: Record<string, (response: ServerResponse) => void> = {
  ok: (response) => response.writeHead(200, json).end('[]'),
  blank: (response) => response.writeHead(200, json).end(' \r\n[ ]'),
  refused: (response) => {
    const one = (text: string): string =>
      JSON.stringify({ message: text, error: 'E', stacktrace: trace })
    response.writeHead(200, json)
    response.end(`[${one('Message st-1 is out of sequence')},${one('Message is invalid')}]`)
  },
  object: (response) => response.writeHead(200, json).end('{"status":"ok"}'),
  objects: (response) => response.writeHead(200, json).end('{"a":[]}[]'),
  text: (response) => response.writeHead(200, json).end('"ok"'),
  empty: (response) => response.writeHead(200, json).end(),
  portal: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  redirect: (response) => response.writeHead(302, { location: 'http://login' }).end(),
  login511: (response) => response.writeHead(511, { 'content-type': 'text/html' }).end('<html>'),
  unauthorized: (response) => response.writeHead(401, json).end('{"error":"invalid_token"}'),
  forbidden: (response) => response.writeHead(403, json).end('{"message":"no"}'),
  stream400: (response) =>
    response.writeHead(400, json).end('{"message":"Unknown stream weather"}'),
  stream500: (response) => {
    response.writeHead(500, json).end(JSON.stringify({ message: 'UnknownStream', trace }))
  },
  path: (response) => response.writeHead(404, json).end('{"error":"Not Found"}'),
  broken: (response) => response.writeHead(500, json).end(JSON.stringify({ message: 'x', trace })),
  proxy: (response) => response.writeHead(502, { 'content-type': 'text/html' }).end('<html>'),
  teapot: (response) => response.writeHead(418, json).end('{}'),
  cut: (response) => {
    response.writeHead(200, json).write('[{"message":"Mess')
    setTimeout(() => response.socket?.destroy(), 20)
  },
  reset: (response) => void response.socket?.resetAndDestroy(),
  silent: () => {},
  drip: (response) => {
    response.writeHead(200, json)
    const drops = setInterval(() => response.write(' '), 50)
    response.on('close', () => clearInterval(drops))
  },
  endless: (response) => {
    response.writeHead(200, json)
    const flood = setInterval(() => response.write(' '.repeat(9000)), 1)
    response.on('close', () => clearInterval(flood))
  },
}

describe.skipIf(missing)(`the station's client in real MicroPython ${missing ?? ''}`, () => {
  it('knows what each answer says about the records it sent', async () => {
    const listener: RequestListener = (request, response) => {
      request.resume()
      request.on('end', () => {
        if (request.url?.includes('/oauth/token')) response.writeHead(200, json).end(token)
        else answers[request.url?.split('/')[1] ?? '']?.(response)
      })
    }
    const port = await listening(createServer(listener))
    const rows = await outcomes(
      Object.keys(answers).map((name) => ({ name, url: `http://localhost:${port}/${name}` })),
    )
    const told = rows.map(({ name, state, unclear, refused }) => [name, state, unclear, refused])
    expect(told).toEqual([
      ['ok', 'ok', false, 0],
      ['blank', 'ok', false, 0],
      ['refused', 'ok', false, 2],
      // A 200 from somebody else acknowledges nothing.
      ['object', 'answer', true, 0],
      ['objects', 'answer', true, expect.any(Number)],
      ['text', 'answer', true, 0],
      ['empty', 'unclear', true, 0],
      ['portal', 'portal', false, 0],
      ['redirect', 'portal', false, 0],
      ['login511', 'portal', true, 0],
      ['unauthorized', 'unauthorized', false, 0],
      ['forbidden', 'forbidden', false, 0],
      ['stream400', 'stream', false, 0],
      ['stream500', 'stream', false, 0],
      ['path', 'path', false, 0],
      // The server may have stored some of it before it broke.
      ['broken', 'server', true, 0],
      ['proxy', 'server', true, 0],
      ['teapot', 'answer', false, 0],
      ['cut', 'unclear', true, 0],
      ['reset', 'unclear', true, 0],
      ['silent', 'unclear', true, 0],
      ['drip', 'unclear', true, 0],
      ['endless', 'unclear', true, 0],
    ])
    // Signed in and written on one connection, and the body of five has room for a status record.
    for (const row of rows) expect(row.connects, String(row.name)).toBe(1)
    expect(rows[0]?.room).toBeGreaterThanOrEqual(2048 + 1024)
    expect(rows.find(({ name }) => name === 'refused')?.samples).toEqual([
      'Message st-1 is out of sequence',
      'Message is invalid',
    ])
  })

  it.each([
    ['refreshes a token', 200, ['password', 'refresh_token'], 'ok'],
    [
      'signs in anew when the refresh is refused',
      400,
      ['password', 'refresh_token', 'password'],
      'ok',
    ],
    ['waits when the server breaks at the refresh', 500, ['password', 'refresh_token'], 'server'],
  ])('%s', async (_what, status, wanted, state) => {
    const grants: string[] = []
    const port = await listening(
      createServer(async (request, response) => {
        let body = ''
        for await (const data of request) body += data
        if (!request.url?.includes('/oauth/token')) return response.writeHead(200, json).end('[]')
        const grant = new URLSearchParams(body)
        grants.push(grant.get('grant_type') ?? '')
        if (grant.has('password')) expect(grant.get('password')).toBe('p&a+s%s')
        const isRefused = grant.has('refresh_token') && status !== 200
        return response.writeHead(isRefused ? status : 200, json).end(isRefused ? '{}' : token)
      }),
    )
    const [row] = await outcomes([{ name: '', url: `http://localhost:${port}`, rounds: 2 }])
    expect(row?.state).toBe(state)
    expect(grants).toEqual(wanted)
  })

  it.each([
    [400, 'login'],
    [401, 'login'],
    [503, 'server'],
  ])('says what a sign-in with the answer %i is', async (status, state) => {
    const port = await listening(
      createServer((_request, response) => void response.writeHead(status, json).end('{}')),
    )
    const [row] = await outcomes([{ name: '', url: `http://localhost:${port}` }])
    expect(row?.state).toBe(state)
  })

  it('takes as many records into a batch as the memory is good for, and always one', async () => {
    const memory = async (batch: number, free: number, scheme = 'http'): Promise<unknown> => {
      const [row] = await outcomes([{ name: '', url: `${scheme}://localhost`, batch, free }])
      return row
    }
    expect(await memory(50, 60_000)).toEqual({ batch: 50, room: 51 * 256 })
    expect(await memory(200, 60_000)).toEqual({ batch: 117, room: 118 * 256 })
    // A handshake takes its part of the same memory.
    expect(await memory(200, 60_000, 'https')).toEqual({ batch: 29, room: 30 * 256 })
    // A record of the state must fit whatever the batch is.
    expect(await memory(50, 20_000, 'https')).toEqual({ batch: 1, room: 1280 })
  })

  it('speaks TLS with the right server only, and says why not', async () => {
    const from = new Date('2020-01-01')
    const to = new Date('2120-01-01')
    const root = makeCertificate({ name: 'Test root', from, to, isAuthority: true })
    const foreign = makeCertificate({ name: 'Foreign', from, to, isAuthority: true })
    const leaf = (name: string, life: { from: Date; to: Date }) =>
      makeCertificate({ name, issuer: root, ...life })
    const secure = ({ pem, keyPem }: { pem: string; keyPem: string }): Promise<number> =>
      listening(
        createTlsServer({ cert: pem, key: keyPem }, (request, response) => {
          const isLogin = request.url?.includes('/oauth/token')
          response.writeHead(200, json).end(isLogin ? token : '[]')
        }),
      )
    const right = await secure(leaf('localhost', { from, to }))
    const other = await secure(leaf('other.local', { from, to }))
    const past = await secure(leaf('localhost', { from, to: new Date('2020-02-01') }))
    // What every certificate looks like on a board whose clock was not set.
    const future = await secure(leaf('localhost', { from: new Date('2100-01-01'), to }))
    const plain = await listening(createServer((_request, response) => void response.end('[]')))
    const hangsUp = await listening(createSocketServer((socket) => void socket.end()))
    const silent = await listening(
      createSocketServer((socket) => void socket.on('error', () => {})),
    )
    const folder = temporaryFolder()
    const ca = join(folder, 'ca.der')
    const ca2 = join(folder, 'foreign.der')
    const junk = join(folder, 'junk.der')
    writeFileSync(ca, root.der)
    writeFileSync(ca2, foreign.der)
    writeFileSync(junk, 'no certificate')
    const at = (port: number): string => `https://localhost:${port}`
    const rows = await outcomes([
      { name: 'right', url: at(right), ca, rounds: 2 },
      { name: 'another name', url: at(other), ca },
      { name: 'expired', url: at(past), ca },
      { name: 'not yet valid', url: at(future), ca },
      { name: 'foreign', url: at(right), ca: ca2 },
      { name: 'no ca.der', url: at(right) },
      { name: 'damaged ca.der', url: at(right), ca: junk },
      { name: 'insecure on purpose', url: at(other), tls: 'insecure' },
      { name: 'no TLS there', url: at(plain), ca },
      { name: 'hangs up', url: at(hangsUp), ca },
      { name: 'silent', url: at(silent), ca },
      { name: 'nobody there', url: 'https://localhost:9', ca },
    ])
    expect(rows.map(({ name, state, error }) => [name, state, error])).toEqual([
      ['right', 'ok', ''],
      ['another name', 'tls', expect.stringMatching(/^tls .*does not match/)],
      ['expired', 'tls', expect.stringMatching(/^tls .*expired/)],
      ['not yet valid', 'tls', expect.stringMatching(/^tls .*future/)],
      ['foreign', 'tls', expect.stringMatching(/^tls .*not correctly signed/)],
      ['no ca.der', 'tls', 'tls 2'],
      ['damaged ca.der', 'tls', 'tls invalid cert'],
      ['insecure on purpose', 'ok', ''],
      ['no TLS there', 'tls', expect.stringMatching(/^tls /)],
      ['hangs up', 'tls', expect.stringMatching(/^tls /)],
      ['silent', 'network', expect.stringMatching(/^error /)],
      ['nobody there', 'network', 'refused'],
    ])
    expect(rows[0]?.connects).toBe(1)
    // A handshake stands still, so each waits for its moment; without one there is none to wait for.
    for (const row of rows.slice(0, -1)) expect(row.waits, String(row.name)).toBe(1)
    expect(rows.at(-1)?.waits).toBe(0)
  })
})
