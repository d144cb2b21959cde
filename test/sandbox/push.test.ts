import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { isEmptyPlan, planFiles, surveyFiles } from '../../src/device/files.js'
import { openLink } from '../../src/device/links/open.js'
import { applyFiles } from '../../src/device/push.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { nodeSystem } from '../../src/system/node.js'
import { flashedBoard } from '../support/flashed-board.js'

/** Text that deflates to more than the chip's input buffer holds. */
function noise(size: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return 32 + ((state >>> 24) % 90)
  })
}

// An emulated chip's wire has no baud that would slow it: what the input buffer cannot hold is lost.
it('pushes over a wire without a pace', async () => {
  const system = nodeSystem()
  const board = await flashedBoard({ wiring: { pacing: false } })
  const notes: string[] = []
  const link = await openLink(board.socketUrl, { baud: 115_200 }, system)
  try {
    const repl = await enterRawRepl(link, { report: (event) => notes.push(event.type) }, system)
    const files = [
      { name: 'a.py', data: noise(20_000) },
      { name: 'b.py', data: noise(3000) },
    ]
    const rules = { retired: [], data: [] }
    const install = new URL('../../firmware/micropython/install.py', import.meta.url)
    const wanted = [...files, { name: 'install.py', data: readFileSync(install) }]
    await applyFiles(repl, planFiles(wanted, await surveyFiles(repl, wanted), rules))
    expect(isEmptyPlan(planFiles(wanted, await surveyFiles(repl, wanted), rules))).toBe(true)
    expect(notes).not.toContain('debug')
    await repl.leave()
  } finally {
    await link.close()
    await board.stop()
  }
})
