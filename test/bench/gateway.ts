import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import WebSocket from 'ws'
import { loadStations } from '../support/gateway-load.js'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.js'
import type { Bench } from './context.js'
import { median, type Row, row } from './row.js'

// The real WebAdmin on two cores, loopback (timebase-webadmin 3.4, 4.1): a sandbox that is slower
// than it would hide what our own tools can do.
const realPageRate = 98_000
const realWriteRate = 72_000

const start = Date.UTC(2026, 10, 1)
const stepMs = 2000
const stations = 1000
const pageRows = 10_000

/** The local gateway: pages, writes, an idle monitor, memory. */
export async function rows(bench: Bench): Promise<Row[]> {
  const records = 1_000_000
  bench.say(`loading ${records} records of ${stations} stations`)
  const folder = join(bench.folder, 'gateway')
  await loadStations(folder, { stations, records, start, stepMs }, bench.system)
  const opened = performance.now()
  const gateway = await gatewayProcess({ folder, password: 'bench' })
  const openMs = performance.now() - opened
  try {
    const token = await login(gateway)
    const pageRate = await pages(gateway, token, records / pageRows)
    const writeRate = await writes(gateway, token)
    const { residentBytes } = await gateway.usage()
    bench.say('idle for 10 s with a monitor open')
    return [
      row('gateway', 'open 1 million records', { value: openMs, unit: 'ms' }),
      row('gateway', 'select pages of 10000', {
        value: pageRate,
        unit: 'records/s',
        goal: `value >= ${realPageRate}`,
      }),
      row('gateway', 'write batches of 5000', {
        value: writeRate,
        unit: 'records/s',
        goal: `value >= ${realWriteRate}`,
      }),
      row('gateway', 'memory, 1 million records', { value: residentBytes / 1e6, unit: 'MB' }),
      row('gateway', 'idle with a monitor', {
        value: await idle(gateway, token),
        unit: '% of a core',
        goal: 'value <= 1',
      }),
    ]
  } finally {
    await gateway.stop()
  }
}

async function login({ url, password }: GatewayProcess): Promise<string> {
  const form = { grant_type: 'password', username: 'admin', password }
  const body = new URLSearchParams({ ...form, client_id: 'web', client_secret: 'secret' })
  const response = await fetch(`${url}/oauth/token`, { method: 'POST', body })
  return ((await response.json()) as { access_token: string }).access_token
}

async function pages({ url }: GatewayProcess, token: string, count: number): Promise<number> {
  const headers = { Authorization: `Bearer ${token}` }
  const rates: number[] = []
  for (let i = 0; i < count; i++) {
    const from = new Date(start + (i * pageRows * stepMs) / stations).toISOString()
    const began = performance.now()
    const response = await fetch(
      `${url}/api/v0/weather_record/select?rows=${pageRows}&from=${from}`,
      { headers },
    )
    await response.arrayBuffer()
    rates.push(pageRows / ((performance.now() - began) / 1000))
  }
  return median(rates)
}

async function writes({ url }: GatewayProcess, token: string): Promise<number> {
  const rates: number[] = []
  for (let i = 0; i < 20; i++) {
    const messages = Array.from({ length: 5000 }, (_, n) => ({
      symbol: `write-${n % 100}`,
      timestamp: new Date(start + (i * 5000 + n) * 1000).toISOString(),
      temperature: 21.5,
      humidity: 40 + (n % 10),
      pressure: 1013.2,
    }))
    const began = performance.now()
    const response = await fetch(`${url}/api/v0/weather_record/write`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(messages),
    })
    const refused = (await response.json()) as unknown[]
    if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`)
    rates.push(messages.length / ((performance.now() - began) / 1000))
  }
  return median(rates)
}

async function idle(gateway: GatewayProcess, token: string): Promise<number> {
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/stomp/v0`)
  await new Promise((resolve) => socket.once('open', resolve))
  const frame = (...lines: string[]): void => socket.send(`${lines.join('\n')}\n\n\0`)
  frame('CONNECT', 'accept-version:1.2', 'heart-beat:10000,10000', `authorization:${token}`)
  frame(
    'SUBSCRIBE',
    'id:1',
    'destination:/user/topic/monitor/weather_record',
    'fromTimestamp:2100-01-01T00\\c00\\c00.000Z',
  )
  const seconds = 10
  const before = await gateway.usage()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const after = await gateway.usage()
  socket.terminate()
  return (after.cpuMs - before.cpuMs) / (seconds * 10)
}
