import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { nodeSystem } from '../../src/system/node.js'
import type { System } from '../../src/system.js'
import type { Row } from './row.js'

export interface Run {
  code: number
  stdout: string
  stderr: string
  ms: number
}

/** What an area gets: the real System, a folder that goes away, and a way to run programs. */
export interface Bench {
  system: System
  /** The package's root: firmware/, bin/ and dist/ lie in it. */
  root: string
  folder: string
  /** Runs a program to its end and times it, wall clock. */
  run(command: string, args: string[], env?: Record<string, string>): Promise<Run>
  /** The same for our own command line, with settings, data and cache in `folder`. */
  wxstation(args: string[], env?: Record<string, string>): Promise<Run>
  /** Says on stderr what is being measured. */
  say(text: string): void
}

/** An area file exports `rows`. */
export type Area = (bench: Bench) => Promise<Row[]>

export function openBench(): Bench & { close(): void } {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-bench-'))
  const home = { WXSTATION_HOME: join(folder, 'home') }
  const run: Bench['run'] = (command, args, env = {}) =>
    new Promise((resolve, reject) => {
      const started = performance.now()
      const child = spawn(command, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let stdout = ''
      let stderr = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text
      })
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
      })
      child.once('error', reject)
      child.once('close', (code) =>
        resolve({ code: code ?? 128, stdout, stderr, ms: performance.now() - started }),
      )
    })
  return {
    system: nodeSystem(),
    root,
    folder,
    run,
    wxstation: (args, env = {}) =>
      run(process.execPath, [join(root, 'bin/wxstation.js'), ...args], { ...home, ...env }),
    say: (text) => void process.stderr.write(`  ${text}\n`),
    close: () => rmSync(folder, { recursive: true, force: true }),
  }
}
