import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/python', import.meta.url))
const scripts = process.platform === 'win32' ? 'Scripts' : 'bin'

// Five minutes: a slow registry is no reason to skip, a dead one is.
const ceilingMs = 300_000

export interface PythonTools {
  /** Path of the interpreter of the virtual environment. */
  python: string
  /** Path of a command one of the packages installed, for example `esptool`. */
  command(name: string): string
}

/** What could not be had, and why; tests put it into the name of the skipped test. */
export interface MissingPython {
  missing: string
}

/**
 * A Python virtual environment with these PyPI packages (`esptool==5.3.0` or bare names), made on
 * first use and kept under node_modules/.cache. Never throws: without python3 or a registry it
 * says what is missing, so that a test can skip visibly.
 */
export function pythonTools(packages: string[]): PythonTools | MissingPython {
  // Its commands name the interpreter by its whole path: a checkout that has moved makes a new one.
  const key = createHash('sha256')
    .update([cache, ...packages].join(' '))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cache, key)
  const tools: PythonTools = {
    python: join(folder, scripts, 'python'),
    command: (name) => join(folder, scripts, name),
  }
  // The marker is written last: a half-made environment is made again.
  const ready = join(folder, 'ready')
  if (existsSync(ready)) return tools
  return oneAtATime(`${folder}.lock`, () => {
    if (existsSync(ready)) return tools
    rmSync(folder, { recursive: true, force: true })
    const missing =
      attempt('python3', ['-m', 'venv', folder]) ??
      attempt(tools.python, ['-m', 'pip', 'install', '--quiet', '--no-input', ...packages])
    if (missing !== undefined) return { missing }
    writeFileSync(`${ready}.new`, packages.join('\n'))
    renameSync(`${ready}.new`, ready)
    return tools
  })
}

/** Test files run in parallel and may want the same environment at the same moment. */
function oneAtATime<T>(lock: string, work: () => T): T {
  mkdirSync(cache, { recursive: true })
  // A holder that was killed leaves its lock: after the install's own ceiling it no longer counts.
  const isStale = (): boolean => Date.now() - statSync(lock).mtimeMs > ceilingMs
  while (true) {
    try {
      mkdirSync(lock)
      break
    } catch {
      if (existsSync(lock) && isStale()) rmSync(lock, { recursive: true, force: true })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
    }
  }
  try {
    return work()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

export function isMissing(tools: PythonTools | MissingPython): tools is MissingPython {
  return 'missing' in tools
}

/** Runs a program; undefined when it went well, else one line of why not. */
function attempt(program: string, args: string[]): string | undefined {
  const { error, status, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: ceilingMs,
  })
  if (error) return `${program}: ${error.message}`
  if (status === 0) return undefined
  const lines = stderr.trim().split('\n')
  return lines.find((line) => /^ERROR/.test(line)) ?? lines.at(-1) ?? `${program} failed`
}
