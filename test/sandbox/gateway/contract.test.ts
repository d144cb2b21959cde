import { createHmac } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { fakeClock } from '../../support/clock.js'
import { testSystem } from '../../support/system.js'
import {
  type Call,
  caller,
  createAllTypes,
  createW3,
  createWeather,
  gateway,
  oneEach,
  quarterHours,
} from './state.js'
import { type Entry, exchange, expectSame, filled, recorded, tokens } from './wire.js'

// Every recorded answer of WebAdmin 1.1.4, asked for again here. What cannot be compared byte by
// byte: stack traces (first frame and length), the order of the stream list, times of the server.
const unordered = new Set(['streams', 'streams-filter', 'cors-simple-get', 'apikey-basic-get'])

async function replay(
  on: Gateway,
  entry: Entry,
  values: Record<string, string>,
): Promise<Awaited<ReturnType<typeof exchange>>> {
  const { request } = entry
  const own = await exchange(on, {
    method: request.method,
    path: filled(request.path, values),
    headers: Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, filled(value, values)]),
    ),
    body: request.body === null ? null : filled(request.body, values),
  })
  return own
}

/** What stands for the placeholders; `refused` names the entry whose password is wrong. */
async function placeholders(on: Gateway): Promise<Record<string, string>> {
  const admin = await tokens(on)
  const reader = await tokens(on, 'reader')
  return {
    access_token: admin.access,
    refresh_token: admin.refresh,
    reader_access_token: reader.access,
    password: encodeURIComponent(on.password),
    client_credentials: Buffer.from('web:secret').toString('base64'),
  }
}

async function replayAll(
  on: Gateway,
  entries: Entry[],
  before: Record<string, () => Promise<unknown>> = {},
): Promise<void> {
  const values = await placeholders(on)
  for (const entry of entries) {
    await before[entry.name]?.()
    const own = await replay(on, entry, values)
    try {
      expectSame(own, entry.response, unordered.has(entry.name))
    } catch (error) {
      if (error instanceof Error) error.message = `${entry.name}: ${error.message}`
      throw error
    }
  }
}

describe('auth.jsonl', () => {
  const entries = recorded('auth')
  const named = (test: (name: string) => boolean): Entry[] =>
    entries.filter(({ name }) => test(name))
  const special = /^(api-expired|foreign-key|refresh-expired|login-bad-password)|^apikey/

  it('matches for passwords, tokens and public pages', async () => {
    await replayAll(
      await gateway(),
      named((name) => !special.test(name)),
    )
  })

  it('matches for a wrong password', async () => {
    const on = await gateway()
    const [entry] = named((name) => name === 'login-bad-password')
    const own = await replay(on, entry as Entry, {
      ...(await placeholders(on)),
      password: 'wrong',
    })
    expectSame(own, (entry as Entry).response)
  })

  it('matches for expired tokens and tokens of another start', async () => {
    const clock = fakeClock()
    const on = await gateway({}, testSystem({ clock }))
    const old = await tokens(on)
    await clock.advance(301_000)
    const [expired] = named((name) => name === 'api-expired-token')
    expectSame(
      await replay(on, expired as Entry, { expired_access_token: old.access }),
      (expired as Entry).response,
    )
    await clock.advance(86_400_000)
    const [refresh] = named((name) => name === 'refresh-expired')
    const values = { ...(await placeholders(on)), expired_refresh_token: old.refresh }
    expectSame(await replay(on, refresh as Entry, values), (refresh as Entry).response)
    const { access } = await tokens(on)
    await on.restart()
    const [foreign] = named((name) => name === 'foreign-key-token-on-api')
    expectSame(
      await replay(on, foreign as Entry, { expired_access_token: access }),
      (foreign as Entry).response,
    )
  })

  it('matches for API keys, signed as the notes say', async () => {
    const secret = 'wx-secret-1'
    const on = await gateway({ apiKeys: [{ name: 'wx-key', key: secret, user: 'admin' }] })
    await recordedStreams(await caller(on))
    for (const entry of named((name) => name.startsWith('apikey-basic'))) {
      const text = (entry.note ?? '').replace('signed text: ', '')
      const key = entry.name.includes('bad-signature') ? 'other' : secret
      const signature = createHmac('sha384', key).update(text).digest('base64')
      expectSame(await replay(on, entry, { signature }), entry.response, unordered.has(entry.name))
    }
  })
})

/** The streams that were there when API keys were recorded. */
async function recordedStreams(call: Call): Promise<void> {
  const counts = { race: 1, weather: 13, w2: 1, perf: 4 }
  for (const [key, count] of Object.entries(counts)) {
    await createWeather(call, key)
    const symbols = Array.from({ length: count }, (_, i) => `st-${i + 1}`)
    await call('POST', `${key}/write`, oneEach(symbols).slice(0, key === 'weather' ? 12 : count))
  }
  await call('POST', 'weather/write', quarterHours())
  // The thirteenth symbol of `weather` is the one that the recorded write adds afterwards.
  await call('POST', 'weather/write', oneEach(['st-key']))
  await createW3(call)
  await call('POST', 'w3/write', [{ ...oneEach(['a'])[0], $type: 'weather_record' }])
  await createAllTypes(call)
  await call('POST', 'all_types/write', [{ symbol: 'x', req: 1, last: 1 }])
  await call('POST', 'query', {
    query: 'CREATE DURABLE STREAM readings (CLASS rec (temperature FLOAT IEEE32))',
  })
}

describe('streams.jsonl', () => {
  it('matches', async () => {
    const on = await gateway()
    const call = await caller(on)
    const hours = Array.from({ length: 8 }, (_, i) =>
      ['st-1', 'st-2'].map((symbol) => ({
        symbol,
        timestamp: new Date(Date.UTC(2026, 10, 1, i)).toISOString(),
        temperature: i,
      })),
    ).flat()
    await replayAll(on, recorded('streams'), {
      streams: async () => {
        await createWeather(call, 'weather_multi')
        await createAllTypes(call)
      },
      'options-with-data': () => call('POST', 'weather/write', hours),
      'range-empty': () => call('POST', 'weather/truncate', { timestamp: 0 }),
      'range-unknown-symbol': () => call('POST', 'weather/write', hours),
      'rename-to-existing': () => createW3(call),
      'down-version': async () => {
        on.faults.timebaseDown = true
      },
    })
  })
})

describe('write.jsonl', () => {
  it('matches', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createWeather(call)
    await createW3(call)
    await createAllTypes(call)
    const notNull = recorded('write').find(({ name }) => name === 'write-not-null-missing')
    await replayAll(on, recorded('write'), {
      'select-all-types': () =>
        call(
          'POST',
          'all_types/write',
          notNull?.request.body?.replace('"last":3', '"req":1,"last":3'),
        ),
      'down-write': async () => {
        on.faults.timebaseDown = true
      },
    })
  })
})

describe('select.jsonl', () => {
  it('matches', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createWeather(call)
    await createWeather(call, 'w2')
    await call('POST', 'w2/write', oneEach(['other']))
    await call('POST', 'weather/write', quarterHours())
    const isExport = ({ name }: Entry): boolean => name.startsWith('export')
    await replayAll(
      on,
      recorded('select').filter((entry) => !isExport(entry)),
    )
    const [asked, download, again] = recorded('select').filter(isExport) as [Entry, Entry, Entry]
    const values = await placeholders(on)
    const own = await replay(on, asked, values)
    const { id } = JSON.parse(own.body ?? '{}') as { id: string }
    expect(id).toMatch(/^[0-9a-z]+_\d+$/)
    expectSame({ ...own, body: asked.response.body }, asked.response)
    const file = await replay(on, download, { export_id: id })
    expectSame({ ...file, body: download.response.body }, download.response)
    const wanted = /weather\.csv: ([^…]*)…/.exec(download.response.body ?? '')?.[1] ?? 'missing'
    expect(firstOfZip(file.bytes)).toMatchObject({ name: 'weather.csv' })
    expect(firstOfZip(file.bytes).text.startsWith(wanted)).toBe(true)
    expectSame(await replay(on, again, { export_id: id }), again.response)
  })
})

/** The first file of an archive, read by its local header. */
function firstOfZip(bytes: Buffer): { name: string; text: string } {
  expect(bytes.readUInt32LE(0)).toBe(0x04034b50)
  const size = bytes.readUInt32LE(18)
  const nameEnd = 30 + bytes.readUInt16LE(26)
  const start = nameEnd + bytes.readUInt16LE(28)
  const name = bytes.toString('utf8', 30, nameEnd)
  return { name, text: inflateRawSync(bytes.subarray(start, start + size)).toString() }
}

describe('query.jsonl', () => {
  const entries = recorded('query')
  const isReadOnly = ({ name }: Entry): boolean => name.startsWith('readonly')

  it('matches', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createWeather(call)
    await call('POST', 'weather/write', quarterHours())
    await replayAll(
      on,
      entries.filter((entry) => !isReadOnly(entry)),
    )
  })

  it('matches where TimeBase is read-only', async () => {
    const on = await gateway({ readOnly: true })
    await replayAll(on, entries.filter(isReadOnly))
  })
})
