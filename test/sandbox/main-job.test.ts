import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { type Bench, mainJob } from '../support/main-job.js'
import { builtSandbox } from '../support/sandbox.js'

describe('the main job in the sandbox', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-main-'))
  let sandbox: Sandbox
  let bench: Bench

  beforeAll(async () => {
    const { startSandbox } = await builtSandbox()
    sandbox = await startSandbox({ folder, boards: 1, firstPort: 0, faults: {} }, nodeSystem())
    bench = {
      env: { ...sandbox.environment, WXSTATION_HOME: join(folder, 'home') },
      firmware: 'micropython',
      // Not the default: the record's class keeps its name whatever the stream is called.
      stream: 'garden_weather',
    }
  })
  afterAll(async () => {
    await sandbox?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const { name, run } of mainJob) it(name, () => run(bench))
})
