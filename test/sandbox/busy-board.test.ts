import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { wxstation } from '../support/program.js'
import { builtSandbox } from '../support/sandbox.js'

const system = nodeSystem()
const folder = mkdtempSync(join(tmpdir(), 'wxstation-busy-'))
let sandbox: Sandbox

beforeAll(async () => {
  const { startSandbox } = await builtSandbox()
  sandbox = await startSandbox({ folder, boards: 1, firstPort: 0, faults: {} }, system)
  const env = { ...sandbox.environment, WXSTATION_HOME: join(folder, 'home') }
  expect((await wxstation(['flash', 'micropython'], env)).code).toBe(0)
})
afterAll(async () => {
  await sandbox?.stop()
  rmSync(folder, { recursive: true, force: true })
})

it('lets us in although its main.py prints, computes and catches Ctrl-C', async () => {
  const [board] = sandbox.boards
  if (!board) throw new Error('no board')
  board.faults.busyMain = true
  await board.powerCycle()
  const link = await openLink(board.rfc2217Url, { baud: 115_200 }, system)
  try {
    let heard = ''
    while (!heard.includes('busy')) heard += new TextDecoder().decode(await link.read(5000))
    const repl = await enterRawRepl(
      link,
      { signal: AbortSignal.timeout(50_000), report: () => {} },
      system,
    )
    expect(await repl.exec('print(6 * 7)')).toBe('42\n')
    await repl.leave()
    heard = ''
    while (!heard.includes('busy')) heard += new TextDecoder().decode(await link.read(5000))
  } finally {
    await link.close()
  }
})
