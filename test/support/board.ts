import { onTestFinished } from 'vitest'
import { type BoardOptions, startBoard, type VirtualBoard } from '../../src/sandbox/board/board.js'
import { nodeSystem } from '../../src/system/node.js'
import type { System } from '../../src/system.js'

/** A virtual board that stops with the test; unpaced unless told. */
export async function testBoard(
  options: BoardOptions = {},
  system: System = nodeSystem(),
): Promise<VirtualBoard> {
  const board = await startBoard(
    { ...options, wiring: { pacing: false, ...options.wiring } },
    system,
  )
  onTestFinished(() => board.stop())
  return board
}
