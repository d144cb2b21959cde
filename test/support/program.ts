import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const binary = fileURLToPath(new URL('../../bin/wxstation.js', import.meta.url))

export interface Ran {
  code: number | null
  out: string
  err: string
}

export interface Program {
  child: ChildProcess
  done: Promise<Ran>
}

/**
 * Starts the real program in a process of its own; `env` replaces every WXSTATION_ variable.
 * `ownGroup` lets the test signal it and its children at once, as a terminal does.
 */
export function start(
  argv: string[],
  env: Record<string, string>,
  cwd?: string,
  { ownGroup = false, input }: { ownGroup?: boolean; input?: string } = {},
): Program {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('WXSTATION_'))
  const child = spawn(process.execPath, [binary, ...argv], {
    env: { ...Object.fromEntries(clean), NO_COLOR: '1', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(cwd && { cwd }),
    detached: ownGroup,
  })
  child.stdin?.end(input)
  const chunks = { out: '', err: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    chunks.out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    chunks.err += text
  })
  const done = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, ...chunks }))
  })
  return { child, done }
}

export function wxstation(argv: string[], env: Record<string, string>, cwd?: string): Promise<Ran> {
  return start(argv, env, cwd).done
}
