import { join } from 'node:path'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { noFaults } from '../../src/sandbox/faults.js'
import type { Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { putMicroPython } from './flashed-board.js'
import { type Ran, wxstation } from './program.js'
import { builtSandbox } from './sandbox.js'
import { type TestSystem, testSystem } from './system.js'

export interface Bench {
  sandbox: Sandbox
  /** For the test's own files; goes away with the bench. */
  folder: string
  /** What a shell in front of the sandbox has, the tool's own folders included. */
  env: Record<string, string>
  /** Runs the real program in a process of its own. */
  wxstation(...argv: string[]): Promise<Ran>
  /** A file of the data folder: inventory.json, failed.json. */
  data(name: string): string
  /** Runs code at the first board's prompt; the station starts again afterwards. */
  atPrompt(code: string): Promise<string>
  /** Lets things go wrong at the first board for as long as `work` takes. */
  withFaults<T>(faults: object, work: () => Promise<T>): Promise<T>
  /** A computer whose inventory and logins stay from one command to the next. */
  computer(options?: {
    tty?: boolean
    without?: string[]
    env?: Record<string, string>
  }): TestSystem
  stop(): Promise<void>
}

/** A sandbox whose boards run MicroPython already. */
export async function provisionBench(
  boards = 1,
  given: Partial<SandboxOptions> = {},
): Promise<Bench> {
  const system = nodeSystem()
  const folder = await system.files.temporaryFolder('wxstation-bench-')
  const { startSandbox } = await builtSandbox()
  const options = { folder: join(folder, 'sandbox'), boards, firstPort: 0, faults: {}, ...given }
  const sandbox = await startSandbox(options, system)
  await Promise.all(sandbox.boards.map((board) => putMicroPython(board)))
  const home = join(folder, 'home')
  const env = { ...sandbox.environment, NO_COLOR: '1', WXSTATION_HOME: home }
  const folders = {
    config: join(home, 'config'),
    data: join(home, 'data'),
    cache: join(home, 'cache'),
  }
  return {
    sandbox,
    folder,
    env,
    wxstation: (...argv) => wxstation(argv, env),
    data: (name) => join(folders.data, name),
    async atPrompt(code) {
      const port = sandbox.boards[0]?.rfc2217Url ?? ''
      const link = await openLink(port, { baud: 115_200 }, system)
      try {
        const repl = await enterRawRepl(link, {}, system)
        const answer = await repl.exec(code)
        await repl.leave()
        return answer
      } finally {
        await link.close()
      }
    },
    async withFaults(faults, work) {
      const live = sandbox.boards[0]?.faults ?? {}
      Object.assign(live, faults)
      try {
        return await work()
      } finally {
        Object.assign(live, noFaults())
      }
    },
    computer({ tty = false, without = [], env: more = {} } = {}) {
      const kept = Object.entries({ ...env, ...more }).filter(([name]) => !without.includes(name))
      return testSystem({ tty, width: 100, env: Object.fromEntries(kept), folders, cwd: folder })
    },
    async stop() {
      await sandbox.stop()
      await system.files.remove(folder)
    },
  }
}
