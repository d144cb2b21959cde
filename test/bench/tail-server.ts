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
  /** Ends the process, its data kept for the next one. */
  stop(): Promise<void>
}

/** A gateway in its own process; every page that is selected waits `pageMs` first. */
export async function startServer(bench: Bench, { pageMs = 0 } = {}): Promise<Server> {
  const { system, folder } = bench
  const script = fileURLToPath(new URL('gateway-process.mjs', import.meta.url))
  const options = [join(folder, 'data'), password, String(pageMs)]
  const child = spawn(process.execPath, [script, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    child.once('exit', () => reject(new Error('the gateway did not start')))
  })
  const auth = passwordAuth({ url, user: 'admin', password: new Secret(password) }, system)
  // A login that is kept, as whoever tails every day has it, and as curl has its token.
  const login = await bench.wxstation(['login', url, '--user', 'admin'], {
    WXSTATION_TIMEBASE_PASSWORD: password,
  })
  if (login.code !== 0) throw new Error(`no login: ${login.stderr}`)
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('exit', resolve))
  }
  const env = { WXSTATION_HOME: join(folder, 'home') }
  return { url, child, client: makeClient({ url, auth }, system), env, stop }
}

export async function createStream({ client }: Server, stream: string): Promise<void> {
  await applyStreams(client, await planStreams(client, [{ stream, schema: weatherSchema }]))
}

export interface ToFile {
  child: ChildProcess
  /** Resolves with exit code and what stderr said. */
  done: Promise<{ code: number | null; err: string }>
}

/** Runs a program straight into a file: a pipe through this process would time this process too. */
export function startToFile(
  path: string,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): ToFile {
  // Anew: ext4 writes a file that was emptied and filled again to the disk before it is closed.
  rmSync(path, { force: true })
  const file = openSync(path, 'w')
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', file, 'pipe'],
  })
  closeSync(file)
  let err = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  const done = new Promise<{ code: number | null; err: string }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, err }))
  })
  return { child, done }
}

export interface Followed extends ToFile {
  lines: string
}

export function startTail({ root, folder }: Bench, { env }: Server, args: string[]): Followed {
  const lines = join(folder, `out-${args.join('').replace(/\W/g, '')}`)
  const argv = [join(root, 'bin/wxstation.js'), 'tail', ...args]
  return { ...startToFile(lines, process.execPath, argv, env), lines }
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
