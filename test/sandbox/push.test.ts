import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { isEmptyPlan, planFiles, surveyFiles } from '../../src/device/files.js'
import type { Link } from '../../src/device/link.js'
import { openLink } from '../../src/device/links/open.js'
import { applyFiles } from '../../src/device/push.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { nodeSystem } from '../../src/system/node.js'
import { flashedBoard } from '../support/flashed-board.js'
import { compiledCode } from '../support/station-code.js'

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

/** Loses a byte of a block and one of an answer, and is late with every seventh answer. */
function poor(link: Link): { link: Link; lost: string[] } {
  const lost: string[] = []
  let reads = 0
  const without = (bytes: Uint8Array, at: number, what: string): Uint8Array => {
    lost.push(what)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  }
  const wrapped: Link = Object.create(link, {
    write: {
      value: (bytes: Uint8Array) =>
        link.write(
          bytes.length > 1000 && !lost.includes('block') ? without(bytes, 700, 'block') : bytes,
        ),
    },
    read: {
      async value(ms: number) {
        if (++reads % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 300))
        const bytes = await link.read(ms)
        const taken = bytes.indexOf(0x06)
        if (taken < 0 || !lost.includes('block') || lost.includes('answer')) return bytes
        return without(bytes, taken, 'answer')
      },
    },
    unread: { value: (bytes: Uint8Array) => link.unread(bytes) },
    setLines: { value: (lines: Parameters<Link['setLines']>[0]) => link.setLines(lines) },
    drain: { value: () => link.drain() },
    discardInput: { value: () => link.discardInput() },
  })
  return { link: wrapped, lost }
}

it('pushes over a wire that loses and delays bytes', async () => {
  const system = nodeSystem()
  const board = await flashedBoard({ wiring: { pacing: false }, hasQueue: true })
  const real = await openLink(board.rfc2217Url, { baud: 115_200 }, system)
  const { link, lost } = poor(real)
  try {
    const repl = await enterRawRepl(link, {}, system)
    const wanted = compiledCode.files.filter(({ name }) => /^[a-i]/.test(name))
    const rules = { retired: [], data: [] }
    await applyFiles(repl, planFiles(wanted, await surveyFiles(repl, wanted), rules))
    expect(lost).toEqual(['block', 'answer'])
    expect(isEmptyPlan(planFiles(wanted, await surveyFiles(repl, wanted), rules))).toBe(true)
    await repl.leave()
  } finally {
    await real.close()
    await board.stop()
  }
})
