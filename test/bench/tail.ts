import { createReadStream, statSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import type { Area, Bench } from './context.js'
import { type Row, row } from './row.js'
import { past } from './tail-past.js'
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
 * WXSTATION_BENCH_SECONDS makes the runs longer or shorter. _FLOOD=10000000 adds the figure over ten
 * million records, followed as fast as the gateway takes them: some minutes.
 */
const seconds = Number(process.env.WXSTATION_BENCH_SECONDS ?? 60)
const flood = Number(process.env.WXSTATION_BENCH_FLOOD ?? 0)
const stations = 1000
const retired = 300

/** Tail against curl, a bare reader and the clock, on a local gateway in its own process. */
export const rows: Area = async (bench) => [...(await present(bench)), ...(await past(bench))]

async function present(bench: Bench): Promise<Row[]> {
  const server = await startServer(bench)
  try {
    return [
      ...(await idle(bench, server)),
      ...(await following(bench, server)),
      ...(flood > 0 ? await flooded(bench, server) : []),
    ]
  } finally {
    await server.stop()
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
