import { describe, expect, it } from 'vitest'
import { floatText } from '../../../src/sandbox/gateway/floats.js'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { lenientTime } from '../../../src/sandbox/gateway/time.js'
import { type Call, caller, createAllTypes, createWeather, gateway, oneEach } from './state.js'
import { type Answer, exchange, tokens } from './wire.js'

interface Row {
  symbol: string
  timestamp: string
  temperature?: string
  nanoTime?: string
}

async function weather(): Promise<{ on: Gateway; call: Call }> {
  const on = await gateway()
  const call = await caller(on)
  await createWeather(call)
  return { on, call }
}

const rows = async (call: Call, query = ''): Promise<Row[]> =>
  JSON.parse(await call('GET', `weather/select${query}`)) as Row[]

const second = (n: number): string => `2026-11-02T10:00:${String(n).padStart(2, '0')}.000Z`

async function raw(
  on: Gateway,
  method: string,
  path: string,
  body: string | null = null,
  extra: Record<string, string> = {},
): Promise<Answer & { bytes: Buffer }> {
  const { access } = await tokens(on)
  const headers = {
    Authorization: `Bearer ${access}`,
    'Content-Type': 'application/json',
    ...extra,
  }
  return exchange(on, { method, path: `/api/v0/${path}`, headers, body })
}

describe('times of written messages', () => {
  it.each([
    ['2026-11-02T10:00:00.000Z', '2026-11-02T10:00:00.000Z'],
    ['2026-11-02T10:00:00.5Z', '2026-11-02T10:00:00.005Z'],
    ['2026-11-02T10:00:00.123456Z', '2026-11-02T10:02:03.456Z'],
    ['2026-11-02T10:00:00.000Zjunk', '2026-11-02T10:00:00.000Z'],
    ['2026-13-45T99:00:00.000Z', '2027-02-18T03:00:00.000Z'],
  ])('%s is stored as %s', (text, stored) => {
    expect(new Date(lenientTime(text) ?? Number.NaN).toISOString()).toBe(stored)
  })

  it.each([
    '2026-11-02T10:00:00Z',
    '2026-11-02T10:00:00.000+02:00',
    '2026-11-02 10:00:00.000Z',
    '2026-11-02T10:00:00.000z',
    '',
  ])('%j is refused', (text) => {
    expect(lenientTime(text)).toBeUndefined()
  })

  it('lets nanoseconds leak into later messages of the request', async () => {
    const { call } = await weather()
    await call('POST', 'weather/write', [
      { symbol: 'a', nanoTime: '2026-11-02T10:00:00.123456789Z', temperature: 1 },
      { symbol: 'a', timestamp: second(1), temperature: 2 },
    ])
    expect((await rows(call)).map(({ nanoTime }) => nanoTime)).toEqual([
      '2026-11-02T10:00:00.123456789Z',
      '2026-11-02T10:00:01.000456789Z',
    ])
  })
})

describe('floats in answers', () => {
  it.each([
    [21.5, true, '21.5'],
    [21, true, '21.0'],
    [Math.fround(21.3), true, '21.3'],
    [Math.fround(1013.25), true, '1013.25'],
    [-40, true, '-40.0'],
    [12_345_678, true, '1.2345678E7'],
    [100_000_000, true, '100000000'],
    [0, true, '0'],
    [Math.fround(0.005), true, '0.0049999999'],
    [0.005, false, '0.005'],
    [0.1, false, '0.1'],
    [1e21, false, '1000000000000000000000'],
  ])('%d (32 bits: %s) is %s', (value, is32, text) => {
    expect(floatText(value, is32)).toBe(text)
  })

  it('reads back as the same 32-bit float', () => {
    for (let i = 0; i < 20_000; i++) {
      const value = Math.fround(Math.exp(Math.random() * 22 - 4) * (i % 2 ? 1 : -1))
      expect(Math.fround(Number(floatText(value, true)))).toBe(value)
    }
  })
})

describe('writing', () => {
  it('drops unknown fields, makes odd booleans false and overflows NULL', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createAllTypes(call)
    const message = { symbol: 'x', timestamp: second(0), f32: 1e300, b: 1, foo: 1, req: '2.5' }
    expect(await call('POST', 'all_types/write', [message])).toBe('[]')
    const [row] = JSON.parse(await call('GET', 'all_types/select')) as object[]
    expect(row).toEqual({
      $type: 'rec',
      symbol: 'x',
      timestamp: second(0),
      b: false,
      req: '2.5',
      st: 'const',
    })
  })

  it.each([
    ['trailing comma', '[{"symbol":"a","temperature":1},]', 'Message is invalid:null'],
    ['two of a list', '[{"symbol":["a","b"]}]', "Message is invalid:{'symbol':['a','b']}"],
  ])('answers 200 with an error object: %s', async (_name, body, message) => {
    const { call } = await weather()
    const errors = JSON.parse(await call('POST', 'weather/write', body)) as { message: string }[]
    expect(errors.map((one) => one.message)).toEqual([message])
  })

  it('reads lenient JSON', async () => {
    const { call } = await weather()
    const body = `[{symbol:'a';timestamp="${second(0)}",/* here */temperature:"21.5"} // end
    ]`
    expect(await call('POST', 'weather/write', body)).toBe('[]')
    expect(await rows(call)).toMatchObject([{ symbol: 'a', temperature: '21.5' }])
  })

  it('keeps equal times in order, and INSERT puts old ones where they belong', async () => {
    const { call } = await weather()
    const add = (mode: string, n: number, temperature: number): Promise<string> =>
      call('POST', `weather/write?writeMode=${mode}`, [
        { symbol: 'a', timestamp: second(n), temperature },
      ])
    await add('APPEND', 1, 1)
    await add('APPEND', 3, 2)
    await add('APPEND', 3, 3)
    await add('INSERT', 2, 4)
    await add('INSERT', 1, 5)
    const found = (await rows(call)).map(({ temperature }) => Number(temperature))
    expect(found).toEqual([1, 5, 4, 2, 3])
    await add('REWRITE', 2, 6)
    expect((await rows(call)).map(({ temperature }) => Number(temperature))).toEqual([1, 5, 6])
  })

  it('keeps what came before an unknown $type and loses what comes after', async () => {
    const { on, call } = await weather()
    const body = [0, 1, 2].map((n) => ({
      symbol: 'a',
      timestamp: second(n),
      temperature: n,
      ...(n === 1 && { $type: 'nosuch' }),
    }))
    expect((await raw(on, 'POST', 'weather/write', JSON.stringify(body))).status).toBe(500)
    expect(await rows(call)).toHaveLength(1)
  })

  it('takes a form apart, so that no JSON is left', async () => {
    const { on } = await weather()
    const { status } = await raw(on, 'POST', 'weather/write', JSON.stringify(oneEach(['a'])), {
      'Content-Type': 'application/x-www-form-urlencoded',
    })
    expect(status).toBe(500)
  })
})

describe('reading', () => {
  it('answers 10001 rows when more than 10000 are asked for', async () => {
    const { call } = await weather()
    const many = Array.from({ length: 10_500 }, (_, i) => ({
      symbol: `s${i % 3}`,
      timestamp: new Date(Date.UTC(2026, 10, 2) + i * 1000).toISOString(),
      temperature: i % 50,
    }))
    await call('POST', 'weather/write', many)
    expect(await rows(call, '?rows=10000')).toHaveLength(10_000)
    expect(await rows(call, '?rows=20000')).toHaveLength(10_001)
    expect(await rows(call, '?rows=5&offset=10498')).toHaveLength(2)
    expect(await rows(call, '?rows=-1')).toEqual([])
    const backwards = await rows(call, '?rows=10000&reverse=true&from=2100-01-01T00:00:00Z')
    const times = backwards.map(({ timestamp }) => Date.parse(timestamp))
    expect(times).toEqual([...times].sort((a, b) => b - a))
  })

  it('compresses long typed JSON only, and never a select', async () => {
    const { on, call } = await weather()
    await call('POST', 'weather/write', oneEach(Array.from({ length: 100 }, (_, i) => `s${i}`)))
    const gzip = { 'Accept-Encoding': 'gzip' }
    const query = JSON.stringify({ query: 'SELECT * FROM "weather"' })
    const zipped = await raw(on, 'POST', 'query', query, gzip)
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(zipped.bytes[0]).toBe(0x1f)
    const short = await raw(on, 'GET', 'weather/range', null, gzip)
    expect(short.headers['content-encoding']).toBeUndefined()
    const select = await raw(on, 'GET', 'weather/select', null, gzip)
    expect(select.headers['content-encoding']).toBeUndefined()
  })

  it('sends error bodies as long as the real ones', async () => {
    const { on } = await weather()
    const { bytes, headers } = await raw(on, 'GET', 'nosuch/select')
    expect(bytes.length).toBeGreaterThan(9_500)
    expect(bytes.length).toBeLessThan(12_500)
    expect(headers.connection).toBe('close')
  })

  it('reads keys and symbols with slashes and spaces', async () => {
    const { on, call } = await weather()
    await createWeather(call, 'a%2Fb%20c')
    await call('POST', 'a%2Fb%20c/write', oneEach(['x/y z']))
    const { body } = await raw(on, 'GET', 'a%2Fb%20c/x%2Fy%20z/select')
    expect(JSON.parse(body ?? '')).toHaveLength(1)
  })

  it.each([
    ['rows=many', 'int'],
    ['reverse=perhaps', 'boolean'],
    ['to=5', 'java.time.Instant'],
  ])('answers 500 to %s', async (query, type) => {
    const { on } = await weather()
    const { status, body } = await raw(on, 'GET', `weather/select?${query}`)
    expect({ status, names: body?.includes(`required type '${type}'`) }).toEqual({
      status: 500,
      names: true,
    })
  })

  it('keeps options and data of a renamed stream', async () => {
    const { on, call } = await weather()
    await call('POST', 'weather/write', oneEach(['a', 'b']))
    const form =
      '--b\r\nContent-Disposition: form-data; name="newStreamId"\r\n\r\nclimate\r\n--b--\r\n'
    const { status } = await raw(on, 'POST', 'weather/rename', form, {
      'Content-Type': 'multipart/form-data; boundary=b',
    })
    expect(status).toBe(200)
    await call('POST', 'climate/setPeriodicity?periodicity=5I')
    expect(JSON.parse(await call('GET', 'climate/symbols'))).toEqual(['a', 'b'])
    expect(JSON.parse(await call('GET', 'climate/options'))).toMatchObject({
      key: 'climate',
      periodicity: { interval: '5I', milliseconds: 300_000 },
    })
  })
})
