import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { flashedBoard } from '../support/flashed-board.js'
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

describe('lets us in whatever its files do', { timeout: 200_000 }, () => {
  const catchAll = 'while 1:\n try:print("busy");time.sleep_ms(20)\n except BaseException:pass\n'
  const programs = {
    'catches everything': catchAll,
    'catches everything, behind a watchdog': `import machine
w=machine.WDT(timeout=3000)
while 1:
 try:print("busy");w.feed();time.sleep_ms(20)
 except BaseException:pass
`,
    'restarts the chip at once': 'print("busy")\nimport machine\nmachine.reset()\n',
    // What these lines take a chip, of which this computer needs a fiftieth.
    'restarts the chip after 20 ms':
      'print("busy")\nimport machine\ntime.sleep_ms(20)\nmachine.reset()\n',
  }
  let board: VirtualBoard
  beforeAll(async () => {
    board = await flashedBoard({ wiring: { pacing: false } })
  })
  afterAll(() => board?.stop())

  // A program that cannot be interrupted needs a reset from outside: over a socket there is none.
  it.each([
    ['main.py', 'catches everything', 'rfc2217'],
    ['main.py', 'catches everything, behind a watchdog', 'rfc2217'],
    ['main.py', 'restarts the chip at once', 'rfc2217'],
    ['main.py', 'restarts the chip after 20 ms', 'socket'],
    ['boot.py', 'restarts the chip after 20 ms', 'socket'],
  ] as const)('%s %s, over %s', async (file, name, kind) => {
    const url = kind === 'socket' ? board.socketUrl : board.rfc2217Url
    const link = await openLink(url, { baud: 115_200 }, system)
    const options = { signal: AbortSignal.timeout(100_000) }
    try {
      const before = await enterRawRepl(link, options, system)
      const program = JSON.stringify(`import time\n${programs[name]}`)
      await before.exec(`with open('${file}','w')as f:f.write(${program})`)
      await before.leave()
      let heard = ''
      while (!heard.includes('busy')) heard += new TextDecoder().decode(await link.read(5000))
      const repl = await enterRawRepl(link, options, system)
      expect(await repl.exec('print(6 * 7)')).toBe('42\n')
      // The next case finds a board that is at rest.
      await repl.exec(`import os;os.remove('${file}')`)
      await repl.leave()
    } finally {
      await link.close()
    }
  })
})
