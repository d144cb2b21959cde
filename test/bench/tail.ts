import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Secret } from '../../src/secret.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import type { Area, Bench } from './context.js'
import { type Row, row } from './row.js'

/** WXSTATION_BENCH_RECORDS and _SECONDS make the runs longer or shorter. */
const records = Number(process.env.WXSTATION_BENCH_RECORDS ?? 1_000_000)
const seconds = Number(process.env.WXSTATION_BENCH_SECONDS ?? 60)
const password = 'bench'
const stations = 1000
const pageRows = 10_000
/** Each of the past's readers runs so often; its median counts. */
const rounds = 3

interface Server {
  url: string
  child: ChildProcess
  client: TimebaseClient
  env: Record<string, string>
}

/** Tail against curl, a bare reader and the clock, on a local gateway in its own process. */
export const rows: Area = async (bench) => {
  const server = await startServer(bench)
  try {
    return [
      ...(await idle(bench, server)),
      ...(await following(bench, server)),
      ...(await backlog(bench, server)),
    ]
  } finally {
    server.child.kill('SIGTERM')
  }
}

async function startServer({ system, folder }: Bench): Promise<Server> {
  const script = fileURLToPath(new URL('gateway-process.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, join(folder, 'data'), password], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    child.once('exit', () => reject(new Error('the gateway did not start')))
  })
  const auth = passwordAuth({ url, user: 'admin', password: new Secret(password) }, system)
  const env = {
    WXSTATION_HOME: join(folder, 'home'),
    WXSTATION_TIMEBASE_URL: url,
    WXSTATION_TIMEBASE_USER: 'admin',
    WXSTATION_TIMEBASE_PASSWORD: password,
  }
  return { url, child, client: makeClient({ url, auth }, system), env }
}

async function createStream({ client }: Server, stream: string): Promise<void> {
  await applyStreams(client, await planStreams(client, [{ stream, schema: weatherSchema }]))
}

interface Followed {
  child: ChildProcess
  lines: string
  /** Resolves with exit code and what stderr said. */
  done: Promise<{ code: number | null; err: string }>
}

function startTail({ root, folder }: Bench, { env }: Server, args: string[]): Followed {
  const lines = join(folder, `out-${args.join('').replace(/\W/g, '')}`)
  // Straight into the file: a pipe through this process would time this process too.
  const file = openSync(lines, 'w')
  const child = spawn(process.execPath, [join(root, 'bin/wxstation.js'), 'tail', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', file, 'pipe'],
  })
  closeSync(file)
  let err = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const done = new Promise<{ code: number | null; err: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, err })),
  )
  return { child, lines, done }
}

/** Processor time in ms and the largest resident size in MB of a process, as Linux counts them. */
function usage({ pid }: ChildProcess): { cpuMs: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Fields 14 and 15 after the name in parentheses, in ticks of 10 ms (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, peakMb: Number(peak) / 1024 }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function share(processes: ChildProcess[], work: () => Promise<void>): Promise<number[]> {
  const before = processes.map((one) => usage(one).cpuMs)
  const started = performance.now()
  await work()
  const elapsedMs = performance.now() - started
  return processes.map((one, i) => ((usage(one).cpuMs - (before[i] ?? 0)) / elapsedMs) * 100)
}

async function idle(bench: Bench, server: Server): Promise<Row[]> {
  await createStream(server, 'idle')
  await write(server, 'idle', batch(['a'], Date.now(), 5))
  const idleMs = (seconds / 2) * 1000
  bench.say(`the gateway alone, ${idleMs / 1000} s`)
  const [alone = 0] = await share([server.child], () => wait(idleMs))
  const tailing = startTail(bench, server, ['--stream', 'idle'])
  await wait(3000)
  bench.say(`an idle tail on it, ${idleMs / 1000} s`)
  const [gateway = 0, here = 0] = await share([server.child, tailing.child], () => wait(idleMs))
  tailing.child.kill('SIGINT')
  await tailing.done
  const unit = '% of a core'
  return [
    row('tail', 'idle, here', { value: here, unit, goal: 'value <= 1' }),
    row('tail', 'idle, added at the gateway', {
      value: Math.max(0, gateway - alone),
      unit,
      goal: 'value <= 3',
    }),
  ]
}

type Message = { symbol: string; timestamp: string; [field: string]: unknown }

function batch(symbols: string[], endMs: number, each: number): Message[] {
  const messages: Message[] = []
  for (let k = each - 1; k >= 0; k--) {
    const timestamp = new Date(endMs - k * 2000).toISOString()
    for (const symbol of symbols) {
      const temperature = ((endMs / 2000 - k) % 400) / 10
      const rest = { humidity: 48.5, pressure: 1013.2, case_temperature: 22.1 }
      messages.push({ symbol, timestamp, temperature, ...rest })
    }
  }
  return messages
}

async function write({ client }: Server, stream: string, messages: Message[]): Promise<void> {
  const refused = await client.post<unknown[]>([stream, 'write'], { body: messages })
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`)
}

/** A thousand stations, a hundred of them sending their five records every second. */
async function following(bench: Bench, server: Server): Promise<Row[]> {
  const stream = 'fleet'
  await createStream(server, stream)
  const names = Array.from({ length: stations }, (_, i) => `s${String(i).padStart(4, '0')}`)
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
  const lines = readFileSync(tailing.lines, 'utf8').trimEnd().split('\n').slice(1)
  const keys = new Set(
    lines.map((line) => {
      const { symbol, timestamp } = JSON.parse(line) as Message
      return `${symbol} ${timestamp}`
    }),
  )
  const wrong = Math.abs(written - lines.length) + (lines.length - keys.size)
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
    row('tail', 'the same, memory', { value: peakMb, unit: 'MB', goal: 'value <= 150' }),
  ]
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
