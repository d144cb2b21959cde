import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../../src/cli/main.js'
import { type Gateway, startGateway } from '../../src/sandbox/gateway/gateway.js'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { statusSchema, weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import { start } from '../support/program.js'
import { type TestSystem, temporaryFolder, testSystem } from '../support/system.js'

const at = Date.UTC(2026, 10, 23, 21, 15, 0)
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

interface Setup {
  gateway: Gateway
  client: TimebaseClient
  env: Record<string, string>
  write(stream: string, rows: object[]): Promise<void>
  /** Runs one command line against the gateway. */
  cli(argv: string[], tty?: boolean): Promise<{ code: number; out: string; err: string }>
  system(tty?: boolean): TestSystem
}

async function setup(): Promise<Setup> {
  const gateway = await startGateway({ folder: temporaryFolder() }, nodeSystem())
  onTestFinished(() => gateway.stop())
  const { url, user, password } = gateway
  const auth = passwordAuth({ url, user, password: new Secret(password) }, nodeSystem())
  const client = makeClient({ url, auth }, nodeSystem())
  const streams = [
    { stream: 'weather_record', schema: weatherSchema },
    { stream: 'station_status', schema: statusSchema },
  ]
  await applyStreams(client, await planStreams(client, streams))
  const env = {
    WXSTATION_TIMEBASE_URL: url,
    WXSTATION_TIMEBASE_USER: user,
    WXSTATION_TIMEBASE_PASSWORD: password,
  }
  const system = (tty = false): TestSystem =>
    testSystem({ tty, width: 100, env: { NO_COLOR: '1', ...env } })
  return {
    gateway,
    client,
    env,
    system,
    async write(stream, rows) {
      expect(await client.post([stream, 'write'], { body: rows })).toEqual([])
    },
    async cli(argv, tty) {
      const one = system(tty)
      const code = await run(argv, one)
      return { code, out: one.out(), err: one.err() }
    },
  }
}

const weather = (symbol: string, seconds: number, fields: object = {}): object => ({
  symbol,
  timestamp: new Date(at + seconds * 1000).toISOString(),
  temperature: 21.5,
  humidity: 48,
  pressure: 1013.2,
  case_temperature: 22.1,
  ...fields,
})

/** A rooftop with a gap and a wild value, and a garden. */
async function evening(): Promise<Setup> {
  const one = await setup()
  const rooftop = [0, 2, 4, 6, 8, 22, 24].map((seconds, i) =>
    weather('esp123456', seconds, { temperature: 21 + i / 2 }),
  )
  await one.write('weather_record', rooftop)
  await one.write('weather_record', [
    weather('garden', 1, { temperature: -3.25, pressure: 2000 }),
    { symbol: 'garden', timestamp: new Date(at + 25_000).toISOString(), humidity: 99.5 },
  ])
  return one
}

function inventory(system: TestSystem): void {
  mkdirSync(system.folders.data, { recursive: true })
  const stations = [{ symbol: 'esp123456', name: 'rooftop', heightM: 100 }]
  writeFileSync(join(system.folders.data, 'inventory.json'), JSON.stringify({ stations }))
}

/** Times differ from run to run, all else does not. */
const steady = (text: string): string => text.replace(/ in [\d.]+ s/g, ' in N s')
const past = ['--since', '2026-11-23', '--no-follow', '--utc']

describe('tail of what is there', () => {
  it('is a table with gaps, marks and a summary on a terminal', async () => {
    const one = await evening()
    const system = one.system(true)
    inventory(system)
    expect(await run(['tail', ...past, '--derived'], system)).toBe(0)
    await expect(`${system.out()}--- stderr\n${steady(system.err())}`).toMatchFileSnapshot(
      '../golden/tail/table.txt',
    )
  })

  it('fits a narrow terminal and other units', async () => {
    const one = await evening()
    const system = testSystem({ tty: true, width: 50, env: { NO_COLOR: '1', ...one.env } })
    expect(await run(['tail', ...past, '--units', 'us'], system)).toBe(0)
    await expect(system.out()).toMatchFileSnapshot('../golden/tail/narrow-us.txt')
    // A gap line is a sentence; the rows fit.
    const rowLines = system
      .out()
      .split('\n')
      .filter((line) => !line.includes('no record'))
    for (const line of rowLines) expect(line.length).toBeLessThanOrEqual(50)
  })

  it('is NDJSON off a terminal, floats as numbers, marks where something was noticed', async () => {
    const one = await evening()
    const { code, out, err } = await one.cli(['tail', ...past])
    expect(code).toBe(0)
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object)
    expect(rows).toHaveLength(9)
    expect(rows[0]).toEqual({
      $type: 'weather_record',
      symbol: 'esp123456',
      timestamp: '2026-11-23T21:15:00.000Z',
      temperature: 21,
      humidity: 48,
      pressure: 1013.2,
      case_temperature: 22.1,
    })
    expect(rows.filter((one) => 'gap_ms' in one)).toMatchObject([
      { symbol: 'esp123456', gap_ms: 14_000, timestamp: '2026-11-23T21:15:22.000Z' },
    ])
    expect(rows.filter((one) => 'suspect' in one)).toMatchObject([{ suspect: ['pressure'] }])
    expect(err).toContain('9 records from 2 stations')
    expect(err).toContain('1 gap (14 s)')
  })

  it.each([
    ['csv', ['--format', 'csv', '-n', '3'], 'csv.txt'],
    [
      'template',
      ['--format', '{time} {name}: {temperature:1} °C\\t{dew_point}', '--derived'],
      'template.txt',
    ],
  ])('as %s', async (_name, argv, file) => {
    const one = await evening()
    const since = argv.includes('-n') ? ['--no-follow', '--utc'] : past
    const { code, out } = await one.cli(['tail', ...since, ...argv])
    expect(code).toBe(0)
    await expect(out).toMatchFileSnapshot(`../golden/tail/${file}`)
  })

  it.each([
    [['esp123456'], 7],
    [['garden'], 2],
    [['g*'], 2],
    [['--where', 'temperature>22'], 4],
    [['--where', 'symbol=garden and humidity>99'], 1],
    [['--count', '4'], 4],
    [['--until', '2026-11-23T21:15:04Z'], 4],
  ])('%j gives %s records', async (argv, count) => {
    const one = await evening()
    const { code, out } = await one.cli(['tail', ...past, ...argv])
    expect(code).toBe(0)
    expect(out.split('\n').filter((line) => line !== '')).toHaveLength(count)
  })

  it('leaves only data with --quiet', async () => {
    const one = await evening()
    const { out, err } = await one.cli(['tail', ...past, '--quiet', '--format', 'pretty'])
    expect(err).toBe('')
    expect(out.trimEnd().split('\n')).toHaveLength(9)
    const json = await one.cli(['tail', ...past, '--quiet'])
    expect(json.out).not.toContain('gap_ms')
  })

  it('lets no symbol reach the terminal as a command', async () => {
    const one = await setup()
    await one.write('weather_record', [weather('ev\x1b[2Jil', 0), weather('ev\x1b[2Jil', 2)])
    const range = ['--since', '2026-11-23T21:15:00Z', '--until', '2026-11-23T21:15:30Z']
    for (const argv of [
      ['tail', ...past, '--format', 'pretty'],
      ['tail', ...past, '--format', '{name} {symbol} {temperature}'],
      ['plot', ...range],
    ]) {
      const { out, err } = await one.cli(argv)
      expect(out).toContain('ev\ufffd[2Jil')
      expect(out + err).not.toContain('\x1b')
    }
  })

  it('shows the state of stations with --status', async () => {
    const one = await setup()
    await one.write('station_status', [
      {
        symbol: 'a',
        timestamp: new Date(at).toISOString(),
        boot: 3,
        uptime: 4000,
        clock: 'ntp',
        station: '0.1.0',
      },
    ])
    const { out } = await one.cli(['tail', '--status', '--no-follow'])
    expect(JSON.parse(out)).toMatchObject({ boot: 3, clock: 'ntp', station: '0.1.0' })
    const pretty = await one.cli(['tail', '--status', '--no-follow', '--format', 'pretty', '--utc'])
    expect(pretty.out).toMatch(/Boot +Up s +Clock/)
  })

  it.each([
    [['--where', 'temperature>'], 2, 'USAGE'],
    [['--format', '{open'], 2, 'USAGE'],
    [['--format', 'jsno'], 2, 'USAGE'],
    [['--format', ''], 2, 'USAGE'],
    [['--units', 'imperial'], 2, 'USAGE'],
    [['--since', 'yesterday'], 2, 'USAGE'],
    [['--since', '1h', '-n', '5'], 2, 'USAGE'],
    [['-n', '20000'], 2, 'USAGE'],
    [['--stream', 'nosuch'], 9, 'STREAM_UNKNOWN'],
  ])('%j ends with %s', async (argv, exit, code) => {
    const one = await setup()
    const { code: found, out } = await one.cli(['tail', ...argv, '--json'])
    expect(found).toBe(exit)
    expect(JSON.parse(out).error.code).toBe(code)
  })
})

describe('tail that follows', () => {
  async function following(one: Setup, argv: string[], tty = false) {
    const system = one.system(tty)
    const done = run(['tail', '--utc', ...argv], system)
    for (let i = 0; i < 200 && system.out() === ''; i++) await wait(25)
    return { system, done }
  }

  it('says which named station has no record, and ends where none has', async () => {
    const { cli } = await evening()
    const some = await cli(['tail', 'garden', 'roofotp', ...past])
    expect(some).toMatchObject({ code: 0, err: expect.stringContaining('no record of roofotp') })
    const none = await cli(['tail', 'roofotp', ...past])
    expect(none).toMatchObject({ code: 2, out: '' })
    expect(none.err).toContain('It has esp123456, garden.')
  })

  it.each([
    [['--where', 'temprature>30'], 'no field "temprature"'],
    [['--format', '{time} {temprature:1}'], 'no field "temprature"'],
    [['--where', 'dew_point>3'], '--derived adds it'],
    [['--where', 'dew_point>3', '--derived'], undefined],
    [['--where', 'not name=x', '--format', '{time} {symbol} {$type} {timestamp}'], undefined],
  ])('looks at fields that records have: %j', async (flags, refusal) => {
    const { cli } = await evening()
    const { code, out, err } = await cli(['tail', ...past, ...flags])
    expect(code).toBe(refusal ? 2 : 0)
    expect(out === '').toBe(refusal !== undefined)
    expect(err).toContain(refusal ?? 'records from')
  })

  it('ends well at Ctrl-C, with the summary', async () => {
    const one = await evening()
    const { system, done } = await following(one, [])
    await one.write('weather_record', [weather('esp123456', 26)])
    while (!system.out().includes('21:15:26')) await wait(25)
    system.interrupt()
    expect(await done).toBe(0)
    expect(system.err()).toContain('records from 2 stations')
  })

  it.each([[['--count', '99']], [['--until', '2100-01-01']]])(
    'is interrupted at Ctrl-C before %j is met',
    async (argv) => {
      const one = await evening()
      const { system, done } = await following(one, argv)
      system.interrupt()
      expect(await done).toBe(130)
      expect(system.err()).toContain('records from')
    },
  )

  it('keeps to one object a line with --json, its error included', async () => {
    const one = await evening()
    const { code, out } = await one.cli(['tail', '--json', '--count', '99', '--timeout', '1s'])
    expect(code).toBe(6)
    const objects = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { symbol?: string; error?: { code: string } })
    expect(objects.slice(0, -1).every(({ symbol }) => symbol !== undefined)).toBe(true)
    expect(objects.at(-1)?.error?.code).toBe('TIMEOUT')
  })

  it('ends by itself when --count is met', async () => {
    const one = await evening()
    const { system, done } = await following(one, ['-n', '1', '--count', '2'])
    await one.write('weather_record', [weather('garden', 30), weather('garden', 32)])
    expect(await done).toBe(0)
    expect(system.out().trimEnd().split('\n')).toHaveLength(2)
  })

  it('says when it lost the server and when it came back', async () => {
    const one = await evening()
    const { system, done } = await following(one, [])
    // The bell hangs by then.
    await wait(800)
    await one.gateway.restart()
    while (!system.err().includes('back after')) await wait(50)
    system.interrupt()
    expect(await done).toBe(0)
    expect(system.err()).toMatch(/lost at \d\d:\d\d:\d\d .*\n.*back after .*\n.*1 reconnect/)
  })
})

describe('whoever reads the output', () => {
  it('may go away: a quiet success', async () => {
    const one = await setup()
    for (let page = 0; page < 4; page++) {
      const rows = Array.from({ length: 5000 }, (_, i) => weather('a', page * 5000 + i))
      await one.write('weather_record', rows)
    }
    const argv = ['tail', '--since', '2026-11-23']
    const { child, done } = start(argv, { ...one.env, WXSTATION_HOME: temporaryFolder() })
    child.stdout?.once('data', () => child.stdout?.destroy())
    const { code, err } = await done
    expect(code).toBe(0)
    expect(err).toBe('')
  })

  it('may be slow: what waits is bounded', async () => {
    const one = await setup()
    for (let page = 0; page < 12; page++) {
      const rows = Array.from({ length: 10_000 }, (_, i) => weather('a', page * 10_000 + i))
      await one.write('weather_record', rows)
    }
    const system = one.system()
    // A pipe nobody empties: it takes its buffer and no more.
    const stuck = Object.assign(new PassThrough({ highWaterMark: 16_384 }), { isTTY: false })
    const terminal = { ...system.terminal, stdout: stuck as unknown as NodeJS.WriteStream }
    const asked: string[] = []
    const fetch: typeof system.fetch = (url, options) => {
      asked.push(url)
      return system.fetch(url, options)
    }
    const done = run(['tail', ...past], { ...system, terminal, fetch })
    await wait(1500)
    const pages = asked.filter((url) => url.endsWith('/select')).length
    // Twelve pages are there; four wait behind the first one, and little lies in the pipe.
    expect(pages).toBeLessThanOrEqual(5)
    expect(stuck.readableLength + stuck.writableLength).toBeLessThan(500_000)
    let lines = 0
    stuck.on('data', (chunk: Buffer) => {
      lines += chunk.toString().split('\n').length - 1
    })
    expect(await done).toBe(0)
    expect(lines).toBe(120_000)
  })
})

describe('plot', () => {
  it('draws here, into a file, and gives numbers', async () => {
    const one = await evening()
    const range = ['--since', '2026-11-23T21:15:00Z', '--until', '2026-11-23T21:15:30Z', '--utc']
    const here = await one.cli(['plot', ...range])
    expect(here.code).toBe(0)
    expect(here.out).toContain('Air temperature, °C')
    expect(here.out).toMatch(/● esp123456 +24\.0 °C now, 21\.0 to 24\.0, 7 records/)
    const file = join(temporaryFolder(), 'chart.svg')
    const two = ['--field', 'temperature', '--field', 'pressure']
    const written = await one.cli(['plot', 'esp*', ...range, ...two, '-o', file], true)
    expect(written).toMatchObject({ code: 0, out: expect.stringContaining('· 7 records') })
    expect(await nodeSystem().files.readText(file)).toMatch(
      /^<svg[\s\S]*esp123456[\s\S]*<\/svg>\n$/,
    )
    const { out } = await one.cli(['plot', ...range, '--field', 'humidity', '--json'])
    expect(JSON.parse(out).charts[0]).toMatchObject({ field: 'humidity', unit: '%' })
  })

  it.each([
    [['--field', 'wind'], 2],
    [['-o', 'chart.gif'], 2],
    [['--since', '1m'], 11],
    [['nobody'], 2],
  ])('%j ends with %s', async (argv, exit) => {
    const one = await evening()
    expect((await one.cli(['plot', ...argv])).code).toBe(exit)
  })
})
