import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { Secret } from '../../src/secret.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import type { Bench } from './context.js'

const password = 'bench'

export interface Server {
  url: string
  child: ChildProcess
  client: TimebaseClient
  env: Record<string, string>
}

export async function startServer({ system, folder }: Bench): Promise<Server> {
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

export async function createStream({ client }: Server, stream: string): Promise<void> {
  await applyStreams(client, await planStreams(client, [{ stream, schema: weatherSchema }]))
}

export interface Followed {
  child: ChildProcess
  lines: string
  /** Resolves with exit code and what stderr said. */
  done: Promise<{ code: number | null; err: string }>
}

export function startTail({ root, folder }: Bench, { env }: Server, args: string[]): Followed {
  const lines = join(folder, `out-${args.join('').replace(/\W/g, '')}`)
  // Anew: ext4 writes a file that was emptied and filled again to the disk before it is closed.
  rmSync(lines, { force: true })
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

/** Processor time in ms, and memory in MB, largest so far and now, as Linux counts them. */
export function usage({ pid }: ChildProcess): {
  cpuMs: number
  peakMb: number
  residentMb: number
} {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Fields 14 and 15 after the name in parentheses, in ticks of 10 ms (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const memory = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024
  return {
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
    peakMb: memory('VmHWM'),
    residentMb: memory('VmRSS'),
  }
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function share(
  processes: ChildProcess[],
  work: () => Promise<void>,
): Promise<number[]> {
  const before = processes.map((one) => usage(one).cpuMs)
  const started = performance.now()
  await work()
  const elapsedMs = performance.now() - started
  return processes.map((one, i) => ((usage(one).cpuMs - (before[i] ?? 0)) / elapsedMs) * 100)
}

export type Message = { symbol: string; timestamp: string; [field: string]: unknown }

export function batch(symbols: string[], endMs: number, each: number): Message[] {
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

export async function write(
  { client }: Server,
  stream: string,
  messages: Message[],
): Promise<void> {
  const refused = await client.post<unknown[]>([stream, 'write'], { body: messages })
  if (refused.length > 0) throw new Error(`refused: ${JSON.stringify(refused[0])}`)
}
