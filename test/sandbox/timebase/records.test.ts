import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.js'
import { nodeSystem } from '../../../src/system/node.js'
import type { FetchOptions } from '../../../src/system.js'
import { passwordAuth } from '../../../src/timebase/auth/password.js'
import { makeClient } from '../../../src/timebase/client.js'
import { batchSize } from '../../../src/timebase/import.js'
import { bench, hasty, sorted, weatherCsv } from '../../support/stream-bench.js'
import { cli } from '../../support/system.js'

/** What a station sends of a row of that CSV. */
function messageOf(line: string): object {
  const [timestamp, symbol, ...values] = line.split(',')
  const names = ['temperature', 'humidity', 'pressure', 'case_temperature']
  const fields = names.map((name, i) => [name, values[i] === '' ? null : Number(values[i])])
  return { symbol, timestamp, ...Object.fromEntries(fields) }
}

describe('export and import', () => {
  it.each(['csv', 'ndjson', 'parquet'])('give the same records back through %s', async (format) => {
    const { run, folder } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(200))
    expect((await run(['stream', 'import', 'in.csv', 'garden'])).err).toContain('Imported 600')
    await run(['stream', 'export', 'garden', '-o', `out.${format}`])
    await run(['stream', 'create', 'copy', '--no-status'])
    await run(['stream', 'import', `out.${format}`, 'copy'])
    await run(['stream', 'export', 'copy', '-o', 'again.csv'])
    expect(sorted(readFileSync(join(folder, 'again.csv'), 'utf8'))).toBe(sorted(weatherCsv(200)))
  })

  it.each(['csv', 'ndjson', 'parquet'])(
    'give values of every type back through %s',
    async (format) => {
      const { run, folder, gateway } = await bench()
      const { url, user, password } = gateway
      const auth = passwordAuth({ url, user, password: new Secret(password) }, nodeSystem())
      const client = makeClient({ url, auth }, nodeSystem())
      for (const name of ['first', 'second'])
        await client.post(['query'], {
          body: {
            query: `CREATE DURABLE STREAM "${name}" (
            ENUM "mode" (ON, OFF);
            CLASS "inner" ("x" FLOAT, "s" VARCHAR);
            CLASS "base" ("i" INTEGER INT8) NOT INSTANTIABLE;
            CLASS "rec" UNDER "base" (
              "d" FLOAT DECIMAL(2), "b" BOOLEAN, "s" VARCHAR, "c" CHAR,
              "ts" TIMESTAMP, "tod" TIMEOFDAY, "bin" BINARY, "e" "mode", "arr" ARRAY(FLOAT),
              "obj" OBJECT("inner"), STATIC "unit" VARCHAR = 'C'
            );
          )`,
          },
        })
      const timestamp = '2026-11-02T10:00:00.000Z'
      const whole = {
        ...{
          $type: 'rec',
          symbol: 'a,"b"\nc',
          timestamp,
          d: 1.25,
          i: -7,
          b: true,
          s: ' "x"\r\n',
          c: 'z',
        },
        ...{ ts: timestamp, tod: '12:34:56.789', bin: [1, -2, 127], e: 'OFF', arr: [1.5, 2, null] },
        obj: { $type: 'inner', x: 1.5, s: 'q' },
      }
      const bare = { $type: 'rec', symbol: '', timestamp: '2026-11-02T10:00:01.000Z', s: '' }
      expect(await client.post(['first', 'write'], { body: [whole, bare] })).toEqual([])
      const file = `out.${format}`
      await run(['stream', 'export', 'first', '-o', file])
      const importing = async (): Promise<unknown> =>
        JSON.parse((await run(['stream', 'import', file, 'second', '--json'])).out)
      expect(await importing()).toMatchObject({ stored: 2, present: 0, refused: 0 })
      expect(await importing()).toMatchObject({ stored: 0, present: 2, refused: 0 })
      const select = (stream: string): Promise<unknown> => client.get([stream, 'select'])
      expect(await select('second')).toEqual(await select('first'))
      if (format !== 'ndjson') return
      const [line = ''] = readFileSync(join(folder, file), 'utf8').split('\n')
      expect(JSON.parse(line)).toMatchObject({ bin: whole.bin, obj: { $type: 'inner', s: 'q' } })
    },
  )

  it('finds every record once over page boundaries among equal times', async () => {
    const { run, folder } = await bench()
    const text = weatherCsv(3500, 7)
    writeFileSync(join(folder, 'in.csv'), text)
    await run(['stream', 'import', 'in.csv', 'garden'])
    await run(['stream', 'export', 'garden', '-o', 'out.csv'])
    expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(sorted(text))
  })

  it('imports nothing twice, and what lies before what is there', async () => {
    const { run, folder } = await bench()
    const all = weatherCsv(100)
    const lines = all.trim().split('\n')
    writeFileSync(join(folder, 'late.csv'), `${[lines[0], ...lines.slice(151)].join('\n')}\n`)
    writeFileSync(join(folder, 'all.csv'), all)
    await run(['stream', 'import', 'late.csv', 'garden'])
    const second = await run(['stream', 'import', 'all.csv', 'garden', '--json'])
    expect(JSON.parse(second.out)).toMatchObject({ stored: 150, present: 150, refused: 0 })
    const third = await run(['stream', 'import', 'all.csv', 'garden', '--json'])
    expect(JSON.parse(third.out)).toMatchObject({ stored: 0, present: 300 })
    await run(['stream', 'export', 'garden', '-o', 'out.csv'])
    expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(sorted(all))
  })

  it.each([1, 2, 3])(
    'stores each record once when the answer of write %i is lost',
    async (times) => {
      const { run, folder, gateway } = await bench()
      writeFileSync(join(folder, 'in.csv'), weatherCsv(2000, 5))
      Object.assign(gateway.faults, { only: '/write', times, answerLost: true })
      const { code, err } = await run(['stream', 'import', 'in.csv', 'garden'])
      expect({ code, err }).toMatchObject({
        code: 0,
        err: expect.stringContaining('Imported 10000'),
      })
      await run(['stream', 'export', 'garden', '-o', 'out.csv'])
      expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(
        sorted(weatherCsv(2000, 5)),
      )
    },
  )

  it.each([
    ['', false],
    [', with answers lost', true],
  ])('loses and doubles nothing where stations write meanwhile%s', async (_what, isLost) => {
    const { run, system, folder, gateway } = await bench()
    const text = weatherCsv(2 * batchSize, 2)
    const [head = '', ...rows] = text.trim().split('\n')
    writeFileSync(join(folder, 'in.csv'), text)
    const { url, user, password } = gateway
    const auth = passwordAuth({ url, user, password: new Secret(password) }, nodeSystem())
    const station = makeClient({ url, auth }, nodeSystem())
    const store = async (lines: string[]): Promise<void> => {
      const refused = await station.post(['garden', 'write'], { body: lines.map(messageOf) })
      expect(refused).toEqual([])
    }
    const own: string[] = []
    let writes = 0
    // Before each write of the import, st-0 gets ahead of the middle of it, and st-1 sends ten
    // records of the file's next batch but one.
    const importing = system({
      fetch: async (url, options) => {
        if (url.includes('/write') && writes < 4) {
          const next = `${rows[writes * batchSize + 500]?.slice(0, 19)}.500Z,st-0,1,2,3,`
          const queue = rows.slice((writes + 2) * batchSize).filter((row) => row.includes('st-1'))
          writes++
          own.push(next)
          await store([next])
          await store(queue.slice(0, 10))
          if (isLost) Object.assign(gateway.faults, { only: '/write', times: 1, answerLost: true })
        }
        return nodeSystem().fetch(url, options)
      },
    })
    const { code, out } = await cli(['stream', 'import', 'in.csv', 'garden', '--json'], importing)
    expect(code).toBe(0)
    const result = JSON.parse(out) as { stored: number; present: number }
    expect(result).toMatchObject({ refused: 0 })
    expect(result.stored + result.present).toBe(4 * batchSize)
    expect(result.present).toBeGreaterThan(0)
    expect(writes).toBe(4)
    await run(['stream', 'export', 'garden', '-o', 'out.csv'])
    const wanted = sorted([head, ...rows, ...own].join('\n'))
    expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(wanted)
  })

  it.each([
    ['import', ['stream', 'import', 'in.csv', 'copy']],
    ['export', ['stream', 'export', 'garden', '-o', 'out.csv']],
  ])('%s outlasts a server that is away in the middle of it', async (_, argv) => {
    const { run, system, folder } = await bench()
    const text = weatherCsv(batchSize, 3)
    writeFileSync(join(folder, 'in.csv'), text)
    await run(['stream', 'import', 'in.csv', 'garden'])
    await run(['stream', 'create', 'copy', '--no-status'])
    let [work, refused] = [0, 0]
    const gone = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const restarting = system({
      fetch: (url, options) => {
        if (/\/(write|select)/.test(url)) work++
        // Some of these are the questions for the newest records, and for those of a batch.
        if (work < 2 || refused >= 15) return nodeSystem().fetch(url, options)
        refused++
        return Promise.reject(gone)
      },
    })
    const { code, err } = await cli(argv, restarting)
    expect({ code, err, refused }).toMatchObject({ code: 0, refused: 15 })
    if (argv[1] === 'import') await run(['stream', 'export', 'copy', '-o', 'out.csv'])
    expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(sorted(text))
  })

  it('a bad line stops before anything is written', async () => {
    const { run, folder } = await bench()
    writeFileSync(
      join(folder, 'in.csv'),
      `${weatherCsv(100)}2026-11-02T00:00:00.000Z,st-9,warm,,,\n`,
    )
    const { code, err } = await run(['stream', 'import', 'in.csv', 'garden'])
    expect(code).toBe(2)
    expect(err).toContain('Line 302: "warm" is no number for the field "temperature".')
    const { out } = await run(['stream', 'export', 'garden'])
    expect(out).toBe('')
  })

  it.each([
    [200, 'in the head'],
    [5000, 'in the first rows'],
    [400_000, 'far in'],
  ])('export survives answers that break after %i bytes, %s', async (bytes) => {
    const { run, folder, gateway } = await bench()
    const text = weatherCsv(2000, 3)
    writeFileSync(join(folder, 'in.csv'), text)
    await run(['stream', 'import', 'in.csv', 'garden'])
    Object.assign(gateway.faults, { only: '/select', times: 3, cutAnswerAfter: bytes })
    const { code } = await run(['stream', 'export', 'garden', '-o', 'out.csv'])
    expect(code).toBe(0)
    expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(sorted(text))
  })

  it.skipIf(process.platform === 'win32')(
    'takes no pipe, which is empty the second time',
    async () => {
      const { run, folder } = await bench()
      const pipe = join(folder, 'pipe.csv')
      execFileSync('mkfifo', [pipe])
      const { code, err } = await run(['stream', 'import', 'pipe.csv', 'garden'])
      expect(code).toBe(2)
      expect(err).toContain('"pipe.csv" is no file that can be read twice.')
    },
  )

  it('counts what TimeBase refuses, and keeps the first reasons only', async () => {
    const { run, folder } = await bench()
    await run(['stream', 'create', 'roof', '--status-stream', 'states'])
    const row = (i: number): string => `2026-11-01T00:00:${10 + i}.000Z,st-0,${3e9 + i}\n`
    const rows = Array.from({ length: 40 }, (_, i) => row(i)).join('')
    writeFileSync(join(folder, 'in.csv'), `timestamp,symbol,boot\n${rows}`)
    const { code, out } = await run(['stream', 'import', 'in.csv', 'states', '--json'])
    expect(code).toBe(9)
    const reason = { kind: 'invalid', message: 'java.lang.IllegalArgumentException:3000000000' }
    const result = JSON.parse(out) as { reasons: unknown[] }
    expect(result).toMatchObject({ stored: 0, present: 0, refused: 40 })
    expect(result.reasons).toHaveLength(10)
    expect(result.reasons[0]).toEqual(reason)
  })

  it('keeps a record that is in the stream twice, wherever a batch ends', async () => {
    const { run, folder } = await bench()
    const [head = '', ...rows] = weatherCsv(batchSize + 50, 1)
      .trim()
      .split('\n')
    // Pairs begin at odd places, so that one lies across the end of a batch.
    const isTwice = (i: number): boolean => Math.abs(i - batchSize) < 20
    const twice = rows.flatMap((row, i) => (isTwice(i) ? [row, row] : [row]))
    const text = `${[head, ...twice].join('\n')}\n`
    writeFileSync(join(folder, 'in.csv'), text)
    const importing = async (): Promise<unknown> =>
      JSON.parse((await run(['stream', 'import', 'in.csv', 'garden', '--json'])).out)
    expect(await importing()).toMatchObject({ stored: twice.length, present: 0 })
    expect(await importing()).toMatchObject({ stored: 0, present: twice.length })
    await run(['stream', 'export', 'garden', '-o', 'out.csv'])
    expect(readFileSync(join(folder, 'out.csv'), 'utf8')).toBe(text)
  })

  it('takes records in any order', async () => {
    const { run, folder } = await bench()
    const [head, ...rows] = weatherCsv(700).trim().split('\n')
    // Newest first, so that within a batch and from batch to batch every record is older.
    writeFileSync(join(folder, 'in.csv'), `${[head, ...rows.reverse()].join('\n')}\n`)
    const { out } = await run(['stream', 'import', 'in.csv', 'garden', '--json'])
    expect(JSON.parse(out)).toMatchObject({ stored: 2100, present: 0, refused: 0 })
    await run(['stream', 'export', 'garden', '-o', 'out.csv'])
    expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(sorted(weatherCsv(700)))
  })

  it.each([
    { format: 'csv', range: [], kept: '' },
    { format: 'parquet', range: [], kept: '' },
    // Ten minutes lie between the runs: the second still means the times of the first.
    {
      format: 'csv',
      range: ['--since', '3h', '--until', '1m'],
      kept: 'its own range, from 2026-11-01 00:00:00 to 2026-11-01 02:59:00 UTC.',
    },
  ])(
    'goes on where an interrupted export to $format $range was',
    async ({ format, range, kept }) => {
      const { run, folder, system, gateway } = await bench()
      const at = (minutes: number) => ({ ...hasty, now: () => Date.UTC(2026, 10, 1, 3, minutes) })
      const text = weatherCsv(5000, 3)
      writeFileSync(join(folder, 'in.csv'), text)
      await run(['stream', 'import', 'in.csv', 'garden'])
      let pages = 0
      const { fetch } = nodeSystem()
      const stopping = system({
        clock: at(0),
        fetch: (url, options) => {
          if (url.endsWith('/select') && ++pages === 2) stopping.interrupt()
          return fetch(url, options)
        },
      })
      const argv = ['stream', 'export', 'garden', '-o', `out.${format}`, ...range]
      expect((await cli(argv, stopping)).code).toBe(130)
      expect(existsSync(join(folder, `out.${format}`))).toBe(false)
      const second = await run([...argv, '--json'], { clock: at(10) })
      const { records, resumedAt } = JSON.parse(second.out) as {
        records: number
        resumedAt: number
      }
      expect(records).toBe(15_000)
      expect(resumedAt).toBeGreaterThanOrEqual(9000)
      expect(second.err).toContain(kept)
      expect(second.err.includes('range')).toBe(kept !== '')
      if (format === 'parquet') {
        await run(['stream', 'create', 'copy', '--no-status'])
        await run(['stream', 'import', 'out.parquet', 'copy'])
        await run(['stream', 'export', 'copy', '-o', 'out.csv'])
      }
      expect(sorted(readFileSync(join(folder, 'out.csv'), 'utf8'))).toBe(sorted(text))
      expect(gateway.faults.times).toBeUndefined()
    },
  )

  it('draws nothing between the rows that a pipe prints on the same terminal', async () => {
    const { run, folder } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(100))
    await run(['stream', 'import', 'in.csv', 'garden'])
    const { out, err } = await run(['stream', 'export', 'garden'], { tty: true })
    expect(out.trim().split('\n')).toHaveLength(300)
    expect(err).not.toContain('Export')
  })

  it('knows a station that is not there from one that measured nothing', async () => {
    const { run, folder } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(10, 2))
    await run(['stream', 'import', 'in.csv', 'garden'])
    const file = ['-o', 'out.csv']
    for (const into of [[], file]) {
      const argv = ['stream', 'export', 'garden', '--station', 'st-1', '--station', 'st-7', ...into]
      const { code, err } = await run(argv)
      expect(code).toBe(2)
      expect(err).toContain('No station of "garden" is called st-7.')
      expect(err).toContain('It has st-0, st-1.')
    }
    expect(existsSync(join(folder, 'out.csv'))).toBe(false)
  })

  it('never overwrites a file unasked', async () => {
    const { run, folder } = await bench()
    writeFileSync(join(folder, 'out.csv'), 'mine')
    expect((await run(['stream', 'export', 'garden', '-o', 'out.csv'])).code).toBe(2)
    expect(readFileSync(join(folder, 'out.csv'), 'utf8')).toBe('mine')
  })

  it('overwrites no file that another export made meanwhile', async () => {
    const { run } = await bench()
    const argv = ['stream', 'export', 'garden', '-o', 'out.csv']
    const both = await Promise.all([run(argv), run([...argv, '--since', '1h'])])
    expect(both.map(({ code }) => code).sort()).toEqual([0, 2])
    expect(both.map(({ err }) => err).join('')).toContain('out.csv exists already.')
  })
})

describe('export to Parquet', () => {
  it('holds every record with its types, and what is missing as null', async () => {
    const { run, folder } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(5000, 3))
    await run(['stream', 'import', 'in.csv', 'garden'])
    const { code, out } = await run(['stream', 'export', 'garden', '-o', 'out.parquet', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ records: 15_000, format: 'parquet' })
    const bytes = readFileSync(join(folder, 'out.parquet'))
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
    const { schema } = parquetMetadata(file)
    expect(schema.slice(1).map(({ name, type }) => `${name} ${type}`)).toEqual([
      'timestamp INT64',
      'symbol BYTE_ARRAY',
      'temperature FLOAT',
      'humidity FLOAT',
      'pressure FLOAT',
      'case_temperature FLOAT',
    ])
    const rows = await parquetReadObjects({ file })
    // Read back as the CSV it came from: every number, nothing twice.
    const number = (value: number | null): string =>
      value === null ? '' : String(Number(value.toFixed(1)))
    const lines = rows.map((row) =>
      [
        row.timestamp.toISOString(),
        row.symbol,
        ...['temperature', 'humidity', 'pressure', 'case_temperature'].map((name) =>
          number(row[name]),
        ),
      ].join(','),
    )
    expect(lines.sort()).toEqual(weatherCsv(5000, 3).trim().split('\n').slice(1).sort())
  })

  it('needs a file', async () => {
    const { run } = await bench()
    const piped = await run(['stream', 'export', 'garden', '--format', 'parquet'])
    expect(piped.code).toBe(2)
    expect(piped.err).toContain('-o weather.parquet')
  })

  it('is known by its first bytes, and refused where it is none', async () => {
    const { run, folder } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(10))
    await run(['stream', 'import', 'in.csv', 'garden'])
    await run(['stream', 'export', 'garden', '-o', 'out', '--format', 'parquet'])
    const { out } = await run(['stream', 'import', 'out', 'garden', '--json'])
    expect(JSON.parse(out)).toMatchObject({ stored: 0, present: 30 })
    writeFileSync(join(folder, 'in.parquet'), 'PAR1')
    const { code, err } = await run(['stream', 'import', 'in.parquet', 'garden'])
    expect(code).toBe(2)
    expect(err).toContain('This Parquet file cannot be read')
    expect(err).toContain('export the records again')
  })
})

describe('trim', () => {
  it('says how many, asks, and removes those', async () => {
    const { run, folder, system } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(100))
    await run(['stream', 'import', 'in.csv', 'garden'])
    const argv = ['stream', 'trim', 'garden', '--before', '2026-11-01T00:01:40Z']
    expect((await run([...argv, '--dry-run'])).out).toContain('150 records of 3 stations')
    const off = await run(argv)
    expect(off.code).toBe(2)
    expect(off.err).toContain('--yes')
    const asking = system({ tty: true })
    const done = cli(argv, asking)
    while (!asking.err().includes('Remove for good 150 records'))
      await new Promise((r) => setTimeout(r, 10))
    asking.type('n\r')
    expect((await done).out).toContain('Nothing was removed.')
    expect((await run([...argv, '--yes'])).out).toContain('Removed 150 records')
    const { out } = await run(['stream', 'export', 'garden', '--format', 'csv'])
    expect(out.trim().split('\n')).toHaveLength(151)
  })

  it('asks nobody who may only read, and counts for them with --dry-run', async () => {
    const { run, folder, gateway } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(100))
    await run(['stream', 'import', 'in.csv', 'garden'])
    const reader = gateway.users.find(({ username }) => username === 'reader')
    const asked: string[] = []
    const options = {
      env: {
        WXSTATION_TIMEBASE_URL: gateway.url,
        WXSTATION_TIMEBASE_USER: 'reader',
        WXSTATION_TIMEBASE_PASSWORD: reader?.password ?? '',
      },
      fetch: (url: string, init?: FetchOptions) => {
        asked.push(url)
        return nodeSystem().fetch(url, init)
      },
    }
    const argv = ['stream', 'trim', 'garden', '--before', '2026-11-01T00:01:40Z']
    const { code, err } = await run([...argv, '--yes'], options)
    expect({ code, err }).toEqual({
      code: 9,
      err: expect.stringContaining('lets this user read only'),
    })
    expect(asked.filter((url) => url.endsWith('/select'))).toEqual([])
    expect((await run([...argv, '--dry-run'], options)).out).toContain('150 records of 3 stations')
  })
})

describe('stream list', () => {
  it('takes no failure for a stream without records', async () => {
    const { run, folder, gateway, system } = await bench()
    writeFileSync(join(folder, 'in.csv'), weatherCsv(10))
    await run(['stream', 'import', 'in.csv', 'garden'])
    const interrupted = system({
      fetch: async (url, options) => {
        if (url.includes('/range')) interrupted.interrupt()
        return nodeSystem().fetch(url, options)
      },
    })
    expect(await cli(['stream', 'list'], interrupted)).toMatchObject({ code: 130, out: '' })
    Object.assign(gateway.faults, { only: '/range', status: 503 })
    const broken = await run(['stream', 'list'])
    expect(broken.out).not.toContain('none')
  })
})

describe('stream create', () => {
  it('shows a difference by field, exits 10 and changes nothing', async () => {
    const { run, gateway } = await bench()
    const login = await fetch(`${gateway.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('web:secret')}` },
      body: new URLSearchParams({
        grant_type: 'password',
        username: 'admin',
        password: gateway.password,
      }),
    })
    const { access_token } = (await login.json()) as { access_token: string }
    const field = (name: string, encoding: string) => ({
      name,
      type: { name: 'FLOAT', encoding, nullable: true },
    })
    const types = [
      {
        name: 'weather_record',
        fields: [
          field('temperature', 'IEEE32'),
          field('humidity', 'IEEE64'),
          field('pressure', 'IEEE32'),
          field('rain', 'IEEE32'),
        ],
      },
    ]
    await fetch(`${gateway.url}/api/v0/createStream?key=old`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ types }),
    })
    const { code, out } = await run(['stream', 'create', 'old', '--status-stream', 'old_status'])
    expect(code).toBe(10)
    await expect(out).toMatchFileSnapshot('../../golden/timebase/stream-differs.txt')
    expect((await run(['stream', 'list'])).out).not.toContain('old_status')
  })

  it.each(['answerLost', 'cut'])('is finished when the answer is %s', async (kind) => {
    const { run, gateway } = await bench()
    const fault = kind === 'cut' ? { cutAnswerAfter: 30 } : { answerLost: true }
    Object.assign(gateway.faults, { only: 'createStream', times: 1, ...fault })
    expect((await run(['stream', 'create', 'lost', '--no-status'])).code).toBe(0)
    expect((await run(['stream', 'create', 'lost', '--no-status'])).out).toContain('identical')
  })
})
