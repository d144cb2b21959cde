import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.js'
import { passwordAuth } from '../../../src/timebase/auth/password.js'
import { makeClient, serverUrl, type TimebaseClient } from '../../../src/timebase/client.js'
import { weatherSchema } from '../../../src/timebase/schema.js'
import { selectPage } from '../../../src/timebase/select.js'
import { lastRecord, listStreams, planStreams } from '../../../src/timebase/stream.js'
import { writeRecords } from '../../../src/timebase/write.js'
import {
  type Answer,
  coded,
  exchange,
  recorded,
  type Script,
  type Sent,
  scripted,
  wire,
} from '../../support/answers.js'
import { type FakeClock, fakeClock } from '../../support/clock.js'

const url = 'http://server:8099'
const token = (access: string, refresh = 'r'): Answer => ({
  body: JSON.stringify({ access_token: access, refresh_token: refresh, expires_in: 299 }),
})
const isLogin = ({ url }: Sent): boolean => url.endsWith('/oauth/token')

interface Bench {
  client: TimebaseClient
  script: Script
  clock: FakeClock
}

/** A client whose clock never makes anybody wait. */
function bench(answers: Answer[] | ((sent: Sent) => Answer)): Bench {
  const script = scripted(
    typeof answers === 'function'
      ? answers
      : (sent) => (isLogin(sent) ? token('a') : (answers.shift() ?? { fails: coded('TEST_END') })),
  )
  const clock = fakeClock()
  const patient = { ...clock, sleep: async () => {} }
  const system = { fetch: script.fetch, clock: patient }
  const auth = passwordAuth({ url, user: 'admin', password: new Secret('pw:;<') }, system)
  return { client: makeClient({ url, auth }, system), script, clock }
}

const requests = ({ sent }: Script): Sent[] => sent.filter((one) => !isLogin(one))
const logins = ({ sent }: Script): string[] => sent.filter(isLogin).map((one) => String(one.body))

const record = {
  symbol: 'st-1',
  timestamp: '2026-11-02T10:00:00.000Z',
  type: 'weather_record',
  fields: { temperature: 21.5 },
}

describe('signing in', () => {
  it('sends what the recorded login sent, the password encoded', async () => {
    const { client, script } = bench([{ body: '[]' }])
    await listStreams(client)
    const login = script.sent[0]
    expect(login).toMatchObject({ method: 'POST', url: `${url}/oauth/token` })
    expect(login?.headers?.authorization).toBe('Basic d2ViOnNlY3JldA==')
    expect(login?.body).toBe('grant_type=password&username=admin&password=pw%3A%3B%3C&scope=trust')
    expect(script.sent[1]?.headers?.authorization).toBe('Bearer a')
  })

  it('renews by the refresh token in time', async () => {
    const { client, script, clock } = bench((sent) => (isLogin(sent) ? token('a') : { body: '[]' }))
    await listStreams(client)
    await clock.advance(200_000)
    await listStreams(client)
    await clock.advance(16_000)
    await listStreams(client)
    expect(logins(script).map((body) => body.split('&')[0])).toEqual([
      'grant_type=password',
      'grant_type=refresh_token',
    ])
  })

  it('signs in again, unnoticed, when a restart voided all tokens', async () => {
    let generation = 1
    const { client, script } = bench((sent) => {
      if (isLogin(sent)) {
        if (String(sent.body).includes('refresh_token=r'))
          return recorded('auth', 'refresh-garbage')
        return token(`a${generation}`)
      }
      return sent.headers?.authorization === `Bearer a${generation}`
        ? { body: '[]' }
        : recorded('auth', 'foreign-key-token-on-api')
    })
    await listStreams(client)
    generation = 2
    expect(await writeRecords(client, 'weather', [record])).toEqual({ stored: 1, refused: [] })
    expect(logins(script)).toHaveLength(3)
  })

  it('shares one login among requests', async () => {
    const { client, script } = bench((sent) => (isLogin(sent) ? token('a') : { body: '[]' }))
    await Promise.all([listStreams(client), listStreams(client), listStreams(client)])
    expect(logins(script)).toHaveLength(1)
  })

  it('gives up where a fresh token is refused as well', async () => {
    const { client, script } = bench((sent) =>
      isLogin(sent) ? token('a') : recorded('auth', 'api-garbage-token'),
    )
    await expect(listStreams(client)).rejects.toMatchObject({ code: 'LOGIN_REFUSED' })
    expect(requests(script)).toHaveLength(2)
  })

  it.each([
    [recorded('auth', 'login-bad-password'), 'LOGIN_REFUSED'],
    [recorded('auth', 'login-bad-client-basic'), 'LOGIN_REFUSED'],
    [recorded('auth', 'unknown-path'), 'NOT_WEBADMIN'],
    [{ status: 200, body: '<html>hello</html>' }, 'NOT_WEBADMIN'],
    [{ status: 200, body: '{"ok":true}' }, 'NOT_WEBADMIN'],
    [{ status: 200, body: '{"access_token":"a\\nb"}' }, 'NOT_WEBADMIN'],
    [{ status: 404, body: '<html>not here</html>' }, 'NOT_WEBADMIN'],
    [{ status: 502, body: '<html>bad gateway</html>' }, 'NETWORK_UNREACHABLE'],
    [{ fails: coded('ECONNREFUSED') }, 'NETWORK_UNREACHABLE'],
    [{ fails: coded('DEPTH_ZERO_SELF_SIGNED_CERT') }, 'TLS_UNTRUSTED'],
  ] as [Answer, string][])('answer %# to a login is %s', async (answer, code) => {
    const { client } = bench(() => answer)
    await expect(listStreams(client)).rejects.toMatchObject({ code })
  })
})

describe('refusals', () => {
  it.each([
    ['streams', 'schema-unknown-stream', 'STREAM_UNKNOWN'],
    ['streams', 'options-unknown', 'STREAM_UNKNOWN'],
    ['streams', 'down-streams', 'TIMEBASE_DOWN'],
    ['streams', 'delete-reader', 'ACCESS_DENIED'],
    ['streams', 'create-stream-duplicate', 'TIMEBASE_REFUSED'],
    ['select', 'select-unknown-stream', 'STREAM_UNKNOWN'],
    ['select', 'select-post-unknown-stream-symbol', 'STREAM_UNKNOWN'],
    ['select', 'select-from-bad', 'TIMEBASE_REFUSED'],
    ['query', 'readonly-write', 'ACCESS_DENIED'],
    ['query', 'readonly-ddl', 'ACCESS_DENIED'],
    ['query', 'query-syntax-error', 'TIMEBASE_REFUSED'],
    ['write', 'write-unknown-type', 'TIMEBASE_REFUSED'],
  ])('%s: %s is %s', async (file, name, code) => {
    const { client } = bench([recorded(file, name)])
    const answer = client.get(['nosuch', 'schema'], { stream: 'nosuch' })
    await expect(answer).rejects.toMatchObject({ name: 'WxError', code })
  })

  it.each([
    [
      '0.5',
      '{"timestamp":"t","status":400,"error":"Bad Request","message":"Unknown stream nosuch.","path":"/p"}',
    ],
    ['1.0.3', '{"timestamp":"t","status":400,"error":"Bad Request","path":"/p"}'],
  ])('knows an unknown stream of version %s', async (_version, body) => {
    const { client } = bench([{ status: 400, body }])
    const answer = client.get(['nosuch', 'schema'], { stream: 'nosuch' })
    await expect(answer).rejects.toMatchObject({ code: 'STREAM_UNKNOWN' })
  })

  it('every recorded refusal becomes a WxError', async () => {
    const files = ['auth', 'streams', 'write', 'select', 'query']
    const refusals = files.flatMap(wire).filter(({ response }) => response.status >= 300)
    expect(refusals.length).toBeGreaterThan(40)
    for (const { response } of refusals) {
      const { client } = bench((sent) =>
        isLogin(sent) ? token('a') : { status: response.status, body: response.body ?? '' },
      )
      await expect(client.get(['streams'])).rejects.toMatchObject({ name: 'WxError' })
    }
  })

  it('any answer at all becomes data or a WxError', async () => {
    const body = fc.oneof(fc.string(), fc.json(), fc.constant('<html>'), fc.constant('[{"a":'))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), body, async (status, text) => {
        const { client } = bench((sent) => (isLogin(sent) ? token('a') : { status, body: text }))
        const work = [
          listStreams(client),
          planStreams(client, [{ stream: 'weather', schema: weatherSchema }]),
          lastRecord(client, 'weather', 'st-1'),
          writeRecords(client, 'weather', [record]),
        ]
        for (const outcome of await Promise.allSettled(work))
          if (outcome.status === 'rejected')
            expect(outcome.reason).toMatchObject({
              name: 'WxError',
              code: expect.not.stringMatching('FAULT'),
            })
      }),
      { numRuns: 200 },
    )
  })
})

describe('broken connections', () => {
  const broken: Answer[] = [
    { fails: coded('UND_ERR_SOCKET') },
    { fails: coded('ECONNRESET') },
    { fails: coded('UND_ERR_HEADERS_TIMEOUT') },
    { chunks: ['[{"key":'], breaks: coded('UND_ERR_SOCKET') },
    { chunks: ['['], breaks: coded('UND_ERR_BODY_TIMEOUT') },
  ]

  it.each(broken)('a read tries again after %j', async (first) => {
    const { client, script } = bench([first, { body: '[]' }])
    expect(await listStreams(client)).toEqual([])
    expect(requests(script)).toHaveLength(2)
  })

  it.each(broken)('a write never does after %j', async (first) => {
    const { client, script } = bench([first, { body: '[]' }])
    await expect(writeRecords(client, 'weather', [record])).rejects.toMatchObject({
      code: 'NO_ANSWER',
    })
    expect(requests(script)).toHaveLength(1)
  })

  it('a write of status 502 is not repeated', async () => {
    const { client, script } = bench([{ status: 502 }, { body: '[]' }])
    await expect(writeRecords(client, 'weather', [record])).rejects.toMatchObject({ exitCode: 9 })
    expect(requests(script)).toHaveLength(1)
  })

  it('gives up a read after three attempts', async () => {
    const { client, script } = bench((sent) =>
      isLogin(sent) ? token('a') : { fails: coded('ECONNRESET') },
    )
    await expect(listStreams(client)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(requests(script)).toHaveLength(3)
  })

  it('asks a proxy that refuses once: it may count wrong passwords', async () => {
    const { client, script } = bench([{ fails: coded('ERR_PROXY_REFUSED') }, { body: '[]' }])
    await expect(listStreams(client)).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' })
    expect(requests(script)).toHaveLength(1)
  })

  it('gives up after two silences: three of 30 s are more than anybody waits for', async () => {
    const late = { fails: coded('UND_ERR_HEADERS_TIMEOUT') }
    const { client, script } = bench([late, late, { body: '[]' }])
    await expect(listStreams(client)).rejects.toMatchObject({ code: 'NO_ANSWER' })
    expect(requests(script)).toHaveLength(2)
  })

  it('ends at once when the user interrupts', async () => {
    const stop = new AbortController()
    const { client, script } = bench((sent) => {
      if (isLogin(sent)) return token('a')
      stop.abort(new DOMException('stop', 'AbortError'))
      return { fails: coded('ECONNRESET') }
    })
    await expect(listStreams(client, stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
    expect(requests(script)).toHaveLength(1)
  })

  it('refuses an answer without end', async () => {
    const chunks = Array.from({ length: 40 }, () => Buffer.alloc(1_000_000, 0x20))
    const { client } = bench([{ chunks }])
    await expect(listStreams(client)).rejects.toMatchObject({ code: 'ANSWER_INVALID' })
  })

  it('a page of rows that breaks off is an error after its good rows', async () => {
    const row = '{"$type":"weather_record","symbol":"a","timestamp":"2026-11-02T10:00:00.000Z"}'
    const { client } = bench([{ chunks: [`[${row},`, row.slice(0, 20)] }])
    const page = selectPage(client, 'weather')
    expect((await page.next()).value).toMatchObject({ symbol: 'a' })
    await expect(page.next()).rejects.toMatchObject({ code: 'ANSWER_INCOMPLETE' })
  })
})

describe('recorded answers', () => {
  it('lists streams by name, without those of TimeBase itself', async () => {
    const { client } = bench([recorded('streams', 'streams')])
    expect((await listStreams(client)).map(({ key }) => key)).toEqual([
      'all_types',
      'min',
      'weather',
      'weather_multi',
    ])
  })

  it('reads rows with numbers for floats', async () => {
    const { client, script } = bench([recorded('select', 'select-last-of-symbol')])
    expect(await lastRecord(client, 'weather', 'st-1')).toEqual({
      symbol: 'st-1',
      timestamp: '2026-11-02T12:15:00.000Z',
      type: 'weather_record',
      fields: { temperature: 22.7, humidity: 49, pressure: 1011 },
    })
    expect(JSON.parse(String(requests(script)[0]?.body))).toEqual({
      symbols: ['st-1'],
      from: '2100-01-01T00:00:00.000Z',
      rows: 1,
      reverse: true,
    })
  })

  it('tells stored from refused records of a write', async () => {
    const { client } = bench([recorded('write', 'write-mixed-good-and-late')])
    const count = JSON.parse(exchange('write', 'write-mixed-good-and-late').request.body ?? '[]')
      .length as number
    const { stored, refused } = await writeRecords(
      client,
      'weather',
      Array.from({ length: count }, () => record),
    )
    expect(stored).toBe(count - 1)
    expect(refused).toMatchObject([{ kind: 'late', message: expect.stringContaining('out of') }])
  })

  it.each(['2026-11-02T11:00:00Z', '2026-11-02T11:00:00.123456Z', '2026-13-45T99:00:00.000Z'])(
    'never sends the time %s, which the server would misread',
    async (timestamp) => {
      const { client, script } = bench([{ body: '[]' }])
      const write = writeRecords(client, 'weather', [{ ...record, timestamp }])
      await expect(write).rejects.toMatchObject({ code: 'USAGE' })
      expect(script.sent).toHaveLength(0)
    },
  )
})

describe('addresses', () => {
  it.each([
    ['server:8099', 'http://server:8099/'],
    ['https://host/timebase/', 'https://host/timebase/'],
    ['192.168.1.5', 'http://192.168.1.5/'],
  ])('%s is read as %s', (text, href) => {
    expect(serverUrl(text).href).toBe(href)
  })

  it.each(['', 'ftp://host', 'http://', 'a b', 'http://admin:pw@host'])('refuses %j', (text) => {
    expect(() => serverUrl(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  it('keeps the folder of a proxy and encodes names', async () => {
    const script = scripted((sent) => (isLogin(sent) ? token('a') : { body: '{}' }))
    const system = { fetch: script.fetch, clock: fakeClock() }
    const options = { url: 'https://host/timebase', user: 'u', password: new Secret('p') }
    const client = makeClient({ url: options.url, auth: passwordAuth(options, system) }, system)
    await client.get(['a/b c%', 'schema'], { query: { tree: false, filter: 'x y+z' } })
    expect(script.sent.map((one) => one.url)).toEqual([
      'https://host/timebase/oauth/token',
      'https://host/timebase/api/v0/a%2Fb%20c%25/schema?tree=false&filter=x%20y%2Bz',
    ])
  })
})
