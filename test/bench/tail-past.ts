import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Bench } from './context.js'
import { median, type Row, row } from './row.js'
import {
  batch,
  createStream,
  type Server,
  startServer,
  startTail,
  startToFile,
  usage,
  write,
} from './tail-server.js'

/** WXSTATION_BENCH_RECORDS makes the past longer or shorter. */
const records = Number(process.env.WXSTATION_BENCH_RECORDS ?? 1_000_000)
const pageRows = 10_000
/** Each reader runs so often; its median counts. What is paced differs little. */
const [rounds, pacedRounds] = [5, 2]
const stream = 'past'
/**
 * What WebAdmin 1.1.4 takes for a page whatever its size, from its 14,000 rows/s in pages of 1,000
 * and 98,000 in pages of 10,000 (timebase-webadmin, 4.1). Our gateway takes none of it.
 */
const webadminPageMs = 68

const startMs = Date.UTC(2026, 0, 1)
const symbols = Array.from({ length: 50 }, (_, i) => `s${String(i).padStart(3, '0')}`)
const stepsPerPage = pageRows / symbols.length
const pages = Array.from({ length: Math.ceil(records / pageRows) }, (_, i) =>
  new Date(startMs + (i * stepsPerPage + 1) * 2000).toISOString(),
)
const args = ['--stream', stream, '--since', '2025-12-31', '--no-follow']

/** A backlog in every format against curl, from a gateway at full speed and at WebAdmin's. */
export async function past(bench: Bench): Promise<Row[]> {
  const fast = await startServer(bench)
  const found: Row[] = []
  try {
    await fill(bench, fast)
    found.push(...(await formats(bench, fast)))
  } finally {
    await fast.stop()
  }
  const slow = await startServer(bench, { pageMs: webadminPageMs })
  try {
    found.push(...(await paced(bench, slow)))
  } finally {
    await slow.stop()
  }
  return found
}

async function fill(bench: Bench, server: Server): Promise<void> {
  await createStream(server, stream)
  bench.say(`writing ${records} records`)
  const perWrite = 100
  for (let step = 0; step < records / symbols.length; step += perWrite)
    await write(server, stream, batch(symbols, startMs + (step + perWrite) * 2000, perWrite))
}

async function formats(bench: Bench, server: Server): Promise<Row[]> {
  const curl = await curlOf(bench, server)
  const discarding = await curlOf(bench, server, { keeps: false })
  const token = await bearer(server)
  const pretty = [...args, '--format', 'pretty']
  const [curlMs, discardingMs, bareMs] = [[] as number[], [] as number[], [] as number[]]
  const runs = { NDJSON: [] as TimedTail[], pretty: [] as TimedTail[] }
  bench.say('reading them: curl, a bare reader, tail')
  // In turns, so that whatever else the computer does falls on all of them.
  for (let round = 0; round < rounds; round++) {
    curlMs.push(await timed(curl))
    discardingMs.push(await timed(discarding))
    runs.NDJSON.push(await timedTail(bench, server, args, records))
    runs.pretty.push(await timedTail(bench, server, pretty, records + 1))
    bareMs.push(await timed(() => bareReader(server, token)))
  }
  const found: Row[] = []
  for (const [name, goal] of [
    ['NDJSON', 'ratio <= 1.25'],
    ['pretty', 'ratio <= 2'],
  ] as const) {
    found.push(
      row('tail', `${records} records of the past as ${name}`, {
        value: median(runs[name].map(({ ms }) => ms)) / 1000,
        unit: 's',
        peer: { name: 'curl, same pages', value: median(curlMs) / 1000 },
        goal,
      }),
      row('tail', 'the same, memory', {
        value: Math.max(...runs[name].map(({ peakMb }) => peakMb)),
        unit: 'MB',
        goal: 'value <= 150',
      }),
    )
  }
  const ndjsonMs = median(runs.NDJSON.map(({ ms }) => ms))
  return [
    ...found,
    row('tail', 'records of the past', {
      value: (records / ndjsonMs) * 1000,
      unit: 'records/s',
      peer: { name: 'bare select reader', value: (records / median(bareMs)) * 1000 },
    }),
    row('tail', 'the same against the real server’s own speed', {
      value: (records / ndjsonMs) * 1000,
      unit: 'records/s',
      // Measured on WebAdmin 1.1.4 with pages of 10000: what no client can be faster than.
      peer: { name: 'WebAdmin 1.1.4, fastest page', value: 98_000 },
      goal: 'ratio >= 0.8',
    }),
    row('tail', 'NDJSON again, beside a curl that keeps nothing', {
      value: ndjsonMs / 1000,
      unit: 's',
      peer: { name: 'curl to /dev/null', value: median(discardingMs) / 1000 },
    }),
  ]
}

async function paced(bench: Bench, server: Server): Promise<Row[]> {
  const curl = await curlOf(bench, server)
  const [curlMs, tailMs] = [[] as number[], [] as number[]]
  bench.say(`reading them in pages of ${webadminPageMs} ms more: curl, tail`)
  for (let round = 0; round < pacedRounds; round++) {
    curlMs.push(await timed(curl))
    tailMs.push((await timedTail(bench, server, args, records)).ms)
  }
  return [
    row('tail', `${records} records of the past as NDJSON, pages paced as WebAdmin's`, {
      value: median(tailMs) / 1000,
      unit: 's',
      peer: { name: 'curl, same pages', value: median(curlMs) / 1000 },
      goal: 'ratio <= 1.25',
    }),
  ]
}

/** curl with everything in a file, as tail's run has it, or with nothing kept. */
async function curlOf(
  bench: Bench,
  server: Server,
  { keeps } = { keeps: true },
): Promise<() => Promise<void>> {
  const token = await bearer(server)
  const config = join(bench.folder, `curl-${keeps}.cfg`)
  const output = keeps ? '' : 'output = "/dev/null"\n'
  const page = (from: string): string => `${curlPage(server, from, token)}${output}`
  writeFileSync(config, pages.map(page).join('next\n'))
  return async () => {
    const { code } = await startToFile(join(bench.folder, 'out-curl'), 'curl', ['-s', '-K', config])
      .done
    if (code !== 0) throw new Error(`curl ended with ${code}`)
  }
}

async function bearer({ url, client }: Server): Promise<string> {
  const address = new URL(`${url}/api/v0/streams`)
  const headers = await client.auth.headers({ method: 'GET', url: address, body: '' })
  return headers.authorization ?? headers.Authorization ?? ''
}

function curlPage({ url }: Server, from: string, token: string): string {
  const body = JSON.stringify({ from, rows: pageRows }).replaceAll('"', '\\"')
  return [
    `url = "${url}/api/v0/${stream}/select"`,
    `header = "Authorization: ${token}"`,
    'header = "Content-Type: application/json"',
    `data = "${body}"`,
    'fail',
    '',
  ].join('\n')
}

/** What the least program would do: fetch a page, parse it, print it. */
async function bareReader({ url }: Server, token: string): Promise<void> {
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

interface TimedTail {
  ms: number
  peakMb: number
}

async function timedTail(
  bench: Bench,
  server: Server,
  args: string[],
  lines: number,
): Promise<TimedTail> {
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
  const printed = Number.parseInt(stdout, 10)
  if (printed !== lines) throw new Error(`${printed} lines instead of ${lines}`)
  return { ms, peakMb }
}
