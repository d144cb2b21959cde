import { execFile } from 'node:child_process'
import { createReadStream, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Area, Bench } from './context.js'
import { type Row, row } from './row.js'
import {
  batch,
  createStream,
  type Message,
  type Server,
  share,
  startServer,
  startTail,
  usage,
  wait,
  write,
} from './tail-server.js'

/**
 * WXSTATION_BENCH_RECORDS and _SECONDS make the runs longer or shorter. _FLOOD=10000000 adds the
 * figure over ten million records, followed as fast as the gateway takes them: some minutes.
 */
const records = Number(process.env.WXSTATION_BENCH_RECORDS ?? 1_000_000)
const seconds = Number(process.env.WXSTATION_BENCH_SECONDS ?? 60)
const flood = Number(process.env.WXSTATION_BENCH_FLOOD ?? 0)
const stations = 1000
const retired = 300
const pageRows = 10_000
/** Each of the past's readers runs so often; its median counts. */
const rounds = 3

/** Tail against curl, a bare reader and the clock, on a local gateway in its own process. */
export const rows: Area = async (bench) => {
  const server = await startServer(bench)
  try {
    return [
      ...(await idle(bench, server)),
      ...(await following(bench, server)),
      ...(flood > 0 ? await flooded(bench, server) : []),
      ...(await backlog(bench, server)),
    ]
  } finally {
    server.child.kill('SIGTERM')
  }
}

const names = Array.from({ length: stations }, (_, i) => `s${String(i).padStart(4, '0')}`)

/** A fleet of some age: most stations sent a moment ago, the others stopped one a day. */
async function idle(bench: Bench, server: Server): Promise<Row[]> {
  await createStream(server, 'idle')
  const now = Date.now()
  const old = names.slice(0, retired).flatMap((name, i) => {
    const stoppedMs = now - (i + 1) * 86_400_000
    return batch([`old-${name}`], stoppedMs, 1)
  })
  await write(server, 'idle', old)
  await write(server, 'idle', batch(names, now, 1))
  const idleMs = seconds * 1000
  bench.say(`the gateway alone, ${seconds} s`)
  const [alone = 0] = await share([server.child], () => wait(idleMs))
  const tailing = startTail(bench, server, ['--stream', 'idle'])
  await wait(3000)
  bench.say(`an idle tail on it, ${seconds} s`)
  const [gateway = 0, here = 0] = await share([server.child, tailing.child], () => wait(idleMs))
  tailing.child.kill('SIGINT')
  await tailing.done
  const unit = '% of a core'
  const what = `idle for ${seconds} s on ${stations + retired} stations, ${retired} of them retired`
  return [
    row('tail', `${what}, here`, { value: here, unit, goal: 'value <= 1' }),
    row('tail', 'the same, added at the gateway', {
      value: Math.max(0, gateway - alone),
      unit,
      goal: 'value <= 3',
    }),
  ]
}

/** A thousand stations, a hundred of them sending their five records every second. */
async function following(bench: Bench, server: Server): Promise<Row[]> {
  const stream = 'fleet'
  await createStream(server, stream)
  const startMs = Math.floor(Date.now() / 2000) * 2000
  await write(server, stream, batch(names, startMs - 10_000, 1))
  const tailing = startTail(bench, server, ['--stream', stream, '-n', '1'])
  await wait(4000)
  bench.say(`following ${stations} stations for ${seconds} s`)
  let written = 0
  const [here = 0] = await share([tailing.child], async () => {
    const started = performance.now()
    for (let second = 0; second < seconds; second++) {
      const turn = names.filter((_, i) => i % 10 === second % 10)
      const messages = batch(turn, startMs + second * 1000, 5)
      await write(server, stream, messages)
      written += messages.length
      await wait(Math.max(0, started + (second + 1) * 1000 - performance.now()))
    }
  })
  await wait(3000)
  const { peakMb } = usage(tailing.child)
  tailing.child.kill('SIGINT')
  await tailing.done
  const wrong = await missedOrDoubled(tailing.lines, written)
  return [
    row('tail', `following ${stations} stations, ${written} records`, {
      value: here,
      unit: '% of a core',
      goal: 'value <= 25',
    }),
    row('tail', 'the same, records missed or doubled', {
      value: wrong,
      unit: 'records',
      goal: 'value <= 0',
    }),
    row('tail', `memory over these ${written} records`, {
      value: peakMb,
      unit: 'MB',
      goal: 'value <= 150',
    }),
  ]
}

/** Five records of every station at a time, as fast as the gateway takes them. */
async function flooded(bench: Bench, server: Server): Promise<Row[]> {
  const stream = 'flood'
  await createStream(server, stream)
  const each = 5
  const uploads = Math.ceil(flood / stations / each)
  // Ends in the present: records from the future would be a fault of their own.
  const startMs = Math.floor(Date.now() / 2000) * 2000 - uploads * each * 2000
  await write(server, stream, batch(names, startMs, 1))
  const tailing = startTail(bench, server, ['--stream', stream, '-n', '1'])
  await wait(4000)
  bench.say(`following ${flood} records as fast as they are stored`)
  const started = performance.now()
  let earlyMb = 0
  for (let i = 1; i <= uploads; i++) {
    await write(server, stream, batch(names, startMs + i * each * 2000, each))
    if (i === Math.ceil(uploads / 10)) earlyMb = usage(tailing.child).residentMb
  }
  for (let size = -1; size !== statSync(tailing.lines).size; await wait(5000))
    size = statSync(tailing.lines).size
  const elapsedMs = performance.now() - started - 5000
  const { peakMb, residentMb } = usage(tailing.child)
  tailing.child.kill('SIGINT')
  await tailing.done
  const written = uploads * each * stations
  const wrong = await missedOrDoubled(tailing.lines, written)
  return [
    row('tail', `following ${written} records faster than real time`, {
      value: written / (elapsedMs / 1000),
      unit: 'records/s',
    }),
    row('tail', 'the same, records missed or doubled', {
      value: wrong,
      unit: 'records',
      goal: 'value <= 0',
    }),
    row('tail', `memory over these ${written} records`, {
      value: peakMb,
      unit: 'MB',
      goal: 'value <= 150',
    }),
    row('tail', 'the same, grown since the first tenth of them', {
      value: residentMb - earlyMb,
      unit: 'MB',
    }),
  ]
}

/** A station's times only grow: whatever is no step forward is a double. The first line is past. */
async function missedOrDoubled(file: string, written: number): Promise<number> {
  const last = new Map<string, string>()
  let lines = -1
  let doubled = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    lines++
    const { symbol, timestamp } = JSON.parse(line) as Message
    if ((last.get(symbol) ?? '') >= timestamp) doubled++
    last.set(symbol, timestamp)
  }
  return Math.abs(written - lines) + doubled
}

async function backlog(bench: Bench, server: Server): Promise<Row[]> {
  const stream = 'past'
  await createStream(server, stream)
  const symbols = Array.from({ length: 50 }, (_, i) => `s${String(i).padStart(3, '0')}`)
  const startMs = Date.UTC(2026, 0, 1)
  bench.say(`writing ${records} records`)
  const perWrite = 100
  for (let step = 0; step < records / symbols.length; step += perWrite) {
    await write(server, stream, batch(symbols, startMs + (step + perWrite) * 2000, perWrite))
  }
  const stepsPerPage = pageRows / symbols.length
  const pages = Array.from({ length: Math.ceil(records / pageRows) }, (_, i) =>
    new Date(startMs + (i * stepsPerPage + 1) * 2000).toISOString(),
  )
  bench.say('reading them: curl, a bare reader, tail')
  const token = await bearer(server)
  const config = join(bench.folder, 'curl.cfg')
  writeFileSync(config, pages.map((from) => curlPage(server, stream, from, token)).join('next\n'))
  const args = ['--stream', stream, '--since', '2025-12-31', '--no-follow']
  const pretty = [...args, '--format', 'pretty']
  const curl: number[] = []
  const bare: number[] = []
  const runs = { NDJSON: [] as TimedTail[], pretty: [] as TimedTail[] }
  // In turns, so that whatever else the computer does falls on all of them.
  for (let round = 0; round < rounds; round++) {
    curl.push(await timed(() => promisify(execFile)('curl', ['-s', '-K', config])))
    runs.NDJSON.push(await timedTail(bench, server, args))
    runs.pretty.push(await timedTail(bench, server, pretty))
    bare.push(await timed(() => bareReader(server, stream, pages, token)))
  }
  const curlMs = median(curl)
  const bareMs = median(bare)
  const found: Row[] = []
  for (const [name, goal] of [
    ['NDJSON', 'ratio <= 1.25'],
    ['pretty', 'ratio <= 2'],
  ] as const) {
    const ms = median(runs[name].map((run) => run.ms))
    const peakMb = Math.max(...runs[name].map((run) => run.peakMb))
    const expected = name === 'pretty' ? records + 1 : records
    for (const { lines } of runs[name])
      if (lines !== expected) throw new Error(`${name}: ${lines} lines instead of ${expected}`)
    found.push(
      row('tail', `${records} records of the past as ${name}`, {
        value: ms / 1000,
        unit: 's',
        peer: { name: 'curl, same pages', value: curlMs / 1000 },
        goal,
      }),
      row('tail', `the same, memory`, { value: peakMb, unit: 'MB', goal: 'value <= 150' }),
    )
    if (name === 'NDJSON') {
      found.push(
        row('tail', 'records of the past', {
          value: (records / ms) * 1000,
          unit: 'records/s',
          peer: { name: 'bare select reader', value: (records / bareMs) * 1000 },
        }),
        row('tail', 'the same against the real server’s own speed', {
          value: (records / ms) * 1000,
          unit: 'records/s',
          // Measured on WebAdmin 1.1.4 with pages of 10000: what no client can be faster than.
          peer: { name: 'WebAdmin 1.1.4, fastest page', value: 98_000 },
          goal: 'ratio >= 0.8',
        }),
      )
    }
  }
  return found
}

async function bearer({ url, client }: Server): Promise<string> {
  const address = new URL(`${url}/api/v0/streams`)
  const headers = await client.auth.headers({ method: 'GET', url: address, body: '' })
  return headers.authorization ?? headers.Authorization ?? ''
}

function curlPage({ url }: Server, stream: string, from: string, token: string): string {
  const body = JSON.stringify({ from, rows: pageRows }).replaceAll('"', '\\"')
  return [
    `url = "${url}/api/v0/${stream}/select"`,
    `header = "Authorization: ${token}"`,
    'header = "Content-Type: application/json"',
    `data = "${body}"`,
    'output = "/dev/null"',
    'fail',
    '',
  ].join('\n')
}

/** What the least program would do: fetch a page, parse it, print it. */
async function bareReader(
  { url }: Server,
  stream: string,
  pages: string[],
  token: string,
): Promise<void> {
  let count = 0
  for (const from of pages) {
    const response = await fetch(`${url}/api/v0/${stream}/select`, {
      method: 'POST',
      headers: { authorization: token, 'content-type': 'application/json' },
      body: JSON.stringify({ from, rows: pageRows }),
    })
    const rows = (await response.json()) as Record<string, unknown>[]
    for (const one of rows) count += JSON.stringify(one).length
  }
  if (count === 0) throw new Error('the bare reader read nothing')
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

interface TimedTail {
  ms: number
  lines: number
  peakMb: number
}

async function timedTail(bench: Bench, server: Server, args: string[]): Promise<TimedTail> {
  const started = performance.now()
  const tailing = startTail(bench, server, args)
  let peakMb = 0
  const watching = setInterval(() => {
    try {
      // A process that is just ending has no memory to tell.
      peakMb = usage(tailing.child).peakMb || peakMb
    } catch {
      // The process ended between two looks.
    }
  }, 100)
  const { code, err } = await tailing.done
  clearInterval(watching)
  if (code !== 0) throw new Error(`tail ended with ${code}: ${err}`)
  const ms = performance.now() - started
  const { stdout } = await bench.run('wc', ['-l', tailing.lines])
  return { ms, lines: Number.parseInt(stdout, 10), peakMb }
}
