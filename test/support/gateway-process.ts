import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { GatewayOptions } from '../../src/sandbox/gateway/gateway.js'

export interface GatewayProcess {
  child: ChildProcess
  url: string
  user: string
  password: string
  users: { username: string; password: string }[]
  /** Processor time and memory of the gateway's own process so far. */
  usage(): Promise<{ cpuMs: number; residentBytes: number }>
  /** As `kill -9`. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** Starts the built gateway in a process of its own. */
export async function gatewayProcess(options: GatewayOptions): Promise<GatewayProcess> {
  const script = fileURLToPath(new URL('gateway-child.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`the gateway's process ended with ${child.exitCode}`)
    return JSON.parse(value) as T
  }
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await gone
  }
  const address = await next<Pick<GatewayProcess, 'url' | 'user' | 'password' | 'users'>>()
  return {
    child,
    ...address,
    async usage() {
      child.stdin.write('usage\n')
      return next()
    },
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
  }
}
