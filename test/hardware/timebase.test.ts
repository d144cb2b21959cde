import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { memoryTokens } from '../../src/timebase/auth/tokens.js'
import { makeClient } from '../../src/timebase/client.js'
import { exportToFile } from '../../src/timebase/export.js'
import { type StreamRecord, weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, lastRecord, listSymbols, planStreams } from '../../src/timebase/stream.js'
import { writeRecords } from '../../src/timebase/write.js'
import {
  dropStreams,
  hardware,
  hardwareClient,
  programEnv,
  skipReader,
  trusted,
} from '../support/hardware.js'
import { type Ran, start, wxstation } from '../support/program.js'

const found = hardware(['TIMEBASE', 'USER', 'PASSWORD'])
const keyed = hardware(['TIMEBASE', 'API_KEY', 'API_SECRET'])

describe.skipIf(found.missing)(`a real TimeBase${found.reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const [url, user, password] = [
    found.env.TIMEBASE ?? '',
    found.env.USER ?? '',
    found.env.PASSWORD ?? '',
  ]
  // Streams of this run's own: nothing else on the server is touched.
  const name = `wx_hw_${Date.now().toString(36)}`
  const [status, copy, other, long] = ['status', 'copy', 'other', 'long'].map(
    (one) => `${name}_${one}`,
  ) as [string, string, string, string]
  const system = nodeSystem()
  const client = hardwareClient(found, system)
  const env = programEnv(found, folder)
  const run = (argv: string[]): Promise<Ran> => wxstation(argv, env, folder)
  const succeed = async (argv: string[]): Promise<Ran> => {
    const ran = await run(argv)
    expect(ran.code, `wxstation ${argv.join(' ')}\n${ran.out}\n${ran.err}`).toBe(0)
    return ran
  }
  const start0 = Date.UTC(2026, 0, 1)
  const records: StreamRecord[] = Array.from({ length: 300 }, (_, i) => ({
    symbol: `st-${i % 3}`,
    timestamp: new Date(start0 + Math.floor(i / 3) * 2000).toISOString(),
    type: 'weather_record',
    fields: { temperature: 20 + i / 100, humidity: 48.5, ...(i % 7 && { pressure: 1013.2 }) },
  }))

  beforeAll(async () => {
    await succeed(['timebase', 'status'])
  })

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true })
    if (!found.missing) await dropStreams(client, [name, status, copy, other, long])
  })

  it('keeps a login by password', async () => {
    const kept = { WXSTATION_HOME: join(folder, 'kept'), WXSTATION_TIMEBASE_PASSWORD: password }
    const ca = found.env.CA ? ['--ca', found.env.CA] : []
    const login = await wxstation(['login', url, '--user', user, ...ca], kept)
    expect(login.code, login.err).toBe(0)
    const whoami = await wxstation(['whoami', '--json'], { WXSTATION_HOME: kept.WXSTATION_HOME })
    expect(JSON.parse(whoami.out)).toMatchObject({ user, profile: 'default' })
  })

  it.skipIf(keyed.missing)(`signs in by API key${keyed.reason}`, async () => {
    const { code, err } = await wxstation(
      ['whoami'],
      programEnv(keyed, join(folder, 'keyed'), 'key'),
    )
    expect(code, err).toBe(0)
  })

  it('refuses a wrong password with a hint', async () => {
    const ran = await wxstation(['stream', 'list'], {
      ...env,
      WXSTATION_TIMEBASE_PASSWORD: 'surely wrong',
    })
    expect(ran.code).toBe(9)
    expect(ran.err).toContain('[login-refused, exit 9]')
  })

  it('creates both streams, and finds them identical the second time', async (context) => {
    await skipReader(context, client)
    const argv = ['stream', 'create', name, '--status-stream', status]
    expect((await succeed(argv)).out).toContain('created')
    const second = await succeed(argv)
    expect(second.out.match(/exists, identical/g)).toHaveLength(2)
    expect((await succeed(['stream', 'describe', name])).out).toContain('FLOAT BINARY (32)')
  })

  it('shows a schema that differs by field', async (context) => {
    await skipReader(context, client)
    const type = { name: 'FLOAT', encoding: 'IEEE64', nullable: true }
    const types = [{ name: 'weather_record', fields: [{ name: 'temperature', type }] }]
    await client.post(['createStream'], { query: { key: other }, body: { types, all: [] } })
    const { code, out } = await run(['stream', 'diff', other])
    expect(code).toBe(10)
    expect(out).toMatch(/temperature +FLOAT IEEE32 +FLOAT IEEE64/)
    expect(out).toMatch(/pressure +FLOAT IEEE32 +nothing/)
  })

  it('stores what is written, and tells what is refused', async (context) => {
    await skipReader(context, client)
    expect(await writeRecords(client, name, records)).toEqual({ stored: 300, refused: [] })
    const late = { ...(records[0] as StreamRecord), fields: { temperature: 1 } }
    expect((await writeRecords(client, name, [late])).refused).toMatchObject([{ kind: 'late' }])
    expect(await listSymbols(client, name)).toEqual(['st-0', 'st-1', 'st-2'])
    expect(await lastRecord(client, name, 'st-2')).toMatchObject({
      timestamp: records[299]?.timestamp,
    })
  })

  it('tail joins what is stored to what is written now', async (context) => {
    await skipReader(context, client)
    const argv = ['tail', '--since', '2025-12-31', '--count', '310', '--stream', name]
    const { done } = start(argv, env, folder)
    const now = records.slice(0, 10).map((record, i) => ({
      ...record,
      symbol: 'live',
      timestamp: new Date(Date.now() + i).toISOString(),
    }))
    for (const record of now) {
      await system.clock.sleep(100)
      await writeRecords(client, name, [record])
    }
    const { code, out, err } = await done
    expect(code, err).toBe(0)
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { symbol: string; timestamp: string })
    const keys = new Set(rows.map(({ symbol, timestamp }) => `${symbol} ${timestamp}`))
    expect(keys.size).toBe(310)
    expect(rows.filter(({ symbol }) => symbol === 'live')).toHaveLength(10)
  })

  it('exports, imports and exports the same again', async (context) => {
    await skipReader(context, client)
    await succeed(['stream', 'export', name, '-o', 'a.csv', '--until', '2026-06-01'])
    await succeed(['stream', 'create', copy, '--no-status'])
    await succeed(['stream', 'import', 'a.csv', copy])
    expect((await succeed(['stream', 'import', 'a.csv', copy])).err).toContain(
      '300 were there already',
    )
    await succeed(['stream', 'export', copy, '-o', 'b.csv'])
    const lines = (file: string): string[] =>
      readFileSync(join(folder, file), 'utf8').trim().split('\n').sort()
    expect(lines('a.csv')).toHaveLength(301)
    expect(lines('b.csv')).toEqual(lines('a.csv'))
    for (const file of ['a.ndjson', 'a.parquet']) {
      await succeed(['stream', 'export', name, '-o', file, '--until', '2026-06-01'])
      const { out } = await succeed(['stream', 'import', file, copy, '--json'])
      expect(JSON.parse(out)).toMatchObject({ stored: 0, present: 300, refused: 0 })
    }
  })

  it('inserts what is older, and imports records in any order', async (context) => {
    await skipReader(context, client)
    const late = { ...(records[0] as StreamRecord), timestamp: '2025-12-01T00:00:00.000Z' }
    expect(await writeRecords(client, copy, [late], 'INSERT')).toEqual({ stored: 1, refused: [] })
    const [head, ...rows] = readFileSync(join(folder, 'a.csv'), 'utf8').trim().split('\n')
    const older = rows.map((row) => row.replace(/^2026-01/, '2025-11')).reverse()
    writeFileSync(join(folder, 'older.csv'), `${[head, ...older].join('\n')}\n`)
    const { out } = await succeed(['stream', 'import', 'older.csv', copy, '--json'])
    expect(JSON.parse(out)).toMatchObject({ stored: 300, present: 0, refused: 0 })
  })

  it('removes what lies before a time, and nothing else', async (context) => {
    await skipReader(context, client)
    const argv = ['stream', 'trim', copy, '--before', '2026-01-01', '--yes', '--json']
    expect(JSON.parse((await succeed(argv)).out)).toMatchObject({ records: 301, done: true })
    await succeed(['stream', 'export', copy, '-o', 'kept.csv'])
    expect(readFileSync(join(folder, 'kept.csv'), 'utf8').trim().split('\n')).toHaveLength(301)
  })

  it('an interrupted export goes on where it was', async (context) => {
    await skipReader(context, client)
    const schema = weatherSchema
    await applyStreams(client, await planStreams(client, [{ stream: long, schema }]))
    const many = Array.from({ length: 12_000 }, (_, i) => ({
      ...(records[0] as StreamRecord),
      timestamp: new Date(start0 + i * 1000).toISOString(),
    }))
    for (let at = 0; at < many.length; at += 4000)
      await writeRecords(client, long, many.slice(at, at + 4000))
    for (const format of ['ndjson', 'parquet'] as const) {
      const stop = new AbortController()
      const path = join(folder, `long.${format}`)
      const options = { stream: long, format }
      const broken = exportToFile(client, path, { ...options, signal: stop.signal }, system, () =>
        stop.abort(),
      )
      await expect(broken).rejects.toThrow()
      const whole = await exportToFile(client, path, options, system, () => {})
      expect(whole.records).toBe(12_000)
      expect(whole.resumedAt).toBeGreaterThan(0)
    }
    const times = readFileSync(join(folder, 'long.ndjson'), 'utf8').trim().split('\n')
    expect(new Set(times).size).toBe(12_000)
    const { out } = await succeed(['stream', 'import', 'long.parquet', long, '--json'])
    expect(JSON.parse(out)).toMatchObject({ stored: 0, present: 12_000, refused: 0 })
  })

  it('tails a past of several pages, each record once', async (context) => {
    await skipReader(context, client)
    const argv = ['tail', '--stream', long, '--since', '2025-12-31', '--no-follow', '--quiet']
    const lines = (await succeed(argv)).out.trim().split('\n')
    expect(lines).toHaveLength(12_000)
    expect(new Set(lines).size).toBe(12_000)
  })

  it('renews a token that is about to end without the password', async (context) => {
    await skipReader(context, client)
    let aheadMs = 0
    const clock = { ...system.clock, now: () => system.clock.now() + aheadMs }
    const grants: (string | null)[] = []
    const fetch: typeof system.fetch = (address, options) => {
      if (address.endsWith('/oauth/token'))
        grants.push(new URLSearchParams(String(options?.body)).get('grant_type'))
      return system.fetch(address, options)
    }
    const parts = { ...system, clock, fetch }
    const tls = trusted(found.env)
    const store = memoryTokens()
    const auth = passwordAuth({ url, user, password: new Secret(password), store, ...tls }, parts)
    const renewing = makeClient({ url, auth, ...tls }, parts)
    await listSymbols(renewing, name)
    // Lifetimes are a setting of the server.
    aheadMs = ((await store.load())?.renewAtMs ?? 0) - system.clock.now() + 1000
    await listSymbols(renewing, name)
    expect(grants).toEqual(['password', 'refresh_token'])
  })

  it('refuses a file with a field the stream does not have', async (context) => {
    await skipReader(context, client)
    writeFileSync(join(folder, 'bad.csv'), 'timestamp,symbol,rain\n2026-01-01T00:00:00.000Z,a,1\n')
    const { code, err } = await run(['stream', 'import', 'bad.csv', copy])
    expect(code).toBe(2)
    expect(err).toContain('the stream has no field "rain"')
  })
})
