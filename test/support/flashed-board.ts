import type { BoardOptions, VirtualBoard } from '../../src/sandbox/board/board.js'
import { nodeSystem } from '../../src/system/node.js'

type BoardModule = typeof import('../../src/sandbox/board/board.js')
type BuilderModule = typeof import('../../src/sandbox/image-builder.js')

const built = <T>(path: string): Promise<T> =>
  import(/* @vite-ignore */ new URL(`../../dist/sandbox/${path}`, import.meta.url).href)

/** A virtual board with MicroPython in its flash, running; from the build, whose workers can load. */
export async function flashedBoard(options: BoardOptions = {}): Promise<VirtualBoard> {
  const { startBoard } = await built<BoardModule>('board/board.js')
  const board = await startBoard(options, nodeSystem())
  await putMicroPython(board)
  return board
}

/** Programs MicroPython past the loader and starts the board with it. */
export async function putMicroPython(board: VirtualBoard): Promise<void> {
  const { buildImage } = await built<BuilderModule>('image-builder.js')
  board.flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
  await board.powerCycle()
}
