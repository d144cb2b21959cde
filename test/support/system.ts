import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { run } from '../../src/cli/main.js'
import { nodeSystem } from '../../src/system/node.js'
import type { System, Terminal } from '../../src/system.js'

export interface TestSystem extends System {
  /** What was printed so far. */
  out(): string
  err(): string
  /** What the user types. */
  type(text: string): void
  interrupt(signal?: string): void
}

export interface TestSystemOptions extends Partial<System> {
  /** Whether stdin, stdout and stderr are terminals; false by default. */
  tty?: boolean
  width?: number
}

/** The real System with a terminal, folders, environment and signals of the test's own. */
export function testSystem({
  tty = false,
  width = 80,
  ...overrides
}: TestSystemOptions = {}): TestSystem {
  const folder = temporaryFolder()
  const stdin = Object.assign(new PassThrough(), { isTTY: tty, setRawMode: () => stdin })
  const stdout = capture(tty, width)
  const stderr = capture(tty, width)
  const terminal: Terminal = {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout.stream,
    stderr: stderr.stream,
    canAsk: tty,
    isTerminal: tty,
    columns: () => width,
  }
  const onSignals = new Set<(signal: string) => void>()
  return {
    ...nodeSystem(),
    env: { NO_COLOR: '1' },
    cwd: folder,
    folders: {
      config: join(folder, 'config'),
      data: join(folder, 'data'),
      cache: join(folder, 'cache'),
    },
    packageFolder: fileURLToPath(new URL('../../', import.meta.url)),
    terminal,
    onSignal(fn) {
      onSignals.add(fn)
      return () => onSignals.delete(fn)
    },
    ...overrides,
    out: stdout.text,
    err: stderr.text,
    type: (text) => void stdin.write(text),
    interrupt: (signal = 'SIGINT') => {
      for (const fn of onSignals) fn(signal)
    },
  }
}

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs one command line in process. */
export async function cli(
  argv: string[],
  options: TestSystemOptions | TestSystem = {},
): Promise<{ code: number; out: string; err: string }> {
  const system = 'out' in options ? options : testSystem(options)
  const code = await run(argv, system)
  return { code, out: system.out(), err: system.err() }
}

function capture(
  isTTY: boolean,
  columns: number,
): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return {
    stream: Object.assign(stream, {
      isTTY,
      columns,
      _isStdio: true,
    }) as unknown as NodeJS.WriteStream,
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}
