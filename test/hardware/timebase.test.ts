import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient } from '../../src/timebase/client.js'
import type { StreamRecord } from '../../src/timebase/schema.js'
import { lastRecord, listSymbols } from '../../src/timebase/stream.js'
import { writeRecords } from '../../src/timebase/write.js'
import { hardware } from '../support/hardware.js'
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
  const [status, copy, other] = [`${name}_status`, `${name}_copy`, `${name}_other`]
  const system = nodeSystem()
  const client = makeClient(
    { url, auth: passwordAuth({ url, user, password: new Secret(password) }, system) },
    system,
  )
  const env = {
    WXSTATION_HOME: folder,
    WXSTATION_TIMEBASE_URL: url,
    WXSTATION_TIMEBASE_USER: user,
    WXSTATION_TIMEBASE_PASSWORD: password,
  }
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
    for (const stream of [name, status, copy, other])
      await client.post([stream, 'delete'], { stream }).catch(() => undefined)
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps a login by password', async () => {
    const kept = { WXSTATION_HOME: join(folder, 'kept'), WXSTATION_TIMEBASE_PASSWORD: password }
    const login = await wxstation(['login', url, '--user', user], kept)
    expect(login.code, login.err).toBe(0)
    const whoami = await wxstation(['whoami', '--json'], { WXSTATION_HOME: kept.WXSTATION_HOME })
    expect(JSON.parse(whoami.out)).toMatchObject({ user, profile: 'default' })
  })

  it.skipIf(keyed.missing)(`signs in by API key${keyed.reason}`, async () => {
    const { code, err } = await wxstation(['whoami'], {
      WXSTATION_HOME: join(folder, 'keyed'),
      WXSTATION_TIMEBASE_URL: url,
      WXSTATION_TIMEBASE_API_KEY: keyed.env.API_KEY ?? '',
      WXSTATION_TIMEBASE_API_SECRET: keyed.env.API_SECRET ?? '',
    })
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

  it('creates both streams, and finds them identical the second time', async () => {
    const argv = ['stream', 'create', name, '--status-stream', status]
    expect((await succeed(argv)).out).toContain('created')
    const second = await succeed(argv)
    expect(second.out.match(/exists, identical/g)).toHaveLength(2)
    expect((await succeed(['stream', 'describe', name])).out).toContain('FLOAT BINARY (32)')
  })

  it('shows a schema that differs by field', async () => {
    const type = { name: 'FLOAT', encoding: 'IEEE64', nullable: true }
    const types = [{ name: 'weather_record', fields: [{ name: 'temperature', type }] }]
    await client.post(['createStream'], { query: { key: other }, body: { types, all: [] } })
    const { code, out } = await run(['stream', 'diff', other])
    expect(code).toBe(10)
    expect(out).toMatch(/temperature +FLOAT IEEE32 +FLOAT IEEE64/)
    expect(out).toMatch(/pressure +FLOAT IEEE32 +nothing/)
  })

  it('stores what is written, and tells what is refused', async () => {
    expect(await writeRecords(client, name, records)).toEqual({ stored: 300, refused: [] })
    const late = { ...(records[0] as StreamRecord), fields: { temperature: 1 } }
    expect((await writeRecords(client, name, [late])).refused).toMatchObject([{ kind: 'late' }])
    expect(await listSymbols(client, name)).toEqual(['st-0', 'st-1', 'st-2'])
    expect(await lastRecord(client, name, 'st-2')).toMatchObject({
      timestamp: records[299]?.timestamp,
    })
  })

  it('tail joins what is stored to what is written now', async () => {
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

  it('exports, imports and exports the same again', async () => {
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
  })

  it('refuses a file with a field the stream does not have', async () => {
    writeFileSync(join(folder, 'bad.csv'), 'timestamp,symbol,rain\n2026-01-01T00:00:00.000Z,a,1\n')
    const { code, err } = await run(['stream', 'import', 'bad.csv', copy])
    expect(code).toBe(2)
    expect(err).toContain('the stream has no field "rain"')
  })
})
