import { join } from 'node:path'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { builtSandbox } from './sandbox.js'
import { type TestSystem, testSystem } from './system.js'

type BuilderModule = typeof import('../../src/sandbox/image-builder.js')

export interface Bench {
  sandbox: Sandbox
  /** What a shell in front of the sandbox has, the tool's own folders included. */
  env: Record<string, string>
  /** A computer whose inventory and logins stay from one command to the next. */
  computer(options?: {
    tty?: boolean
    without?: string[]
    env?: Record<string, string>
  }): TestSystem
  stop(): Promise<void>
}

/** A sandbox whose boards run MicroPython already. */
export async function provisionBench(boards = 1): Promise<Bench> {
  const system = nodeSystem()
  const folder = await system.files.temporaryFolder('wxstation-bench-')
  const { startSandbox } = await builtSandbox()
  const options = { folder: join(folder, 'sandbox'), boards, firstPort: 0, faults: {} }
  const sandbox = await startSandbox(options, system)
  const built = new URL('../../dist/sandbox/image-builder.js', import.meta.url).href
  const { buildImage } = (await import(/* @vite-ignore */ built)) as BuilderModule
  for (const board of sandbox.boards) {
    board.flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
    await board.powerCycle()
  }
  const env = { ...sandbox.environment, NO_COLOR: '1' }
  const folders = {
    config: join(folder, 'config'),
    data: join(folder, 'data'),
    cache: join(folder, 'cache'),
  }
  return {
    sandbox,
    env,
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

/** Answers questions as they come up: waits for each text on the screen, then types. */
export async function converse(system: TestSystem, dialog: [RegExp, string][]): Promise<void> {
  let from = 0
  for (const [question, keys] of dialog) {
    while (!question.test(system.err().slice(from)))
      await new Promise((resolve) => setTimeout(resolve, 20))
    from = system.err().length
    // One key at a time, as a person's terminal sends them: inquirer draws between two.
    for (const key of keys.match(/\u001b\[[A-D]|[^\u001b\r]+|\r/g) ?? []) {
      system.type(key)
      await new Promise((resolve) => setTimeout(resolve, 60))
    }
  }
}
