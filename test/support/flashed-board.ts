import { readPartitionTable, withQueue, writePartitionTable } from '../../src/device/partitions.js'
import type { BoardOptions, VirtualBoard } from '../../src/sandbox/board/board.js'
import { nodeSystem } from '../../src/system/node.js'

type BoardModule = typeof import('../../src/sandbox/board/board.js')
type BuilderModule = typeof import('../../src/sandbox/image-builder.js')

const built = <T>(path: string): Promise<T> =>
  import(/* @vite-ignore */ new URL(`../../dist/sandbox/${path}`, import.meta.url).href)

const imageOffset = 0x1000
const tableOffset = 0x8000
const flashBytes = 4 * 1024 * 1024

export interface FlashedBoardOptions extends BoardOptions {
  /** Partitions as `wxstation flash` lays them out: 256 KB for files, the rest for the queue. */
  hasQueue?: boolean
}

/** A virtual board with MicroPython in its flash, running; from the build, whose workers can load. */
export async function flashedBoard(options: FlashedBoardOptions = {}): Promise<VirtualBoard> {
  const { hasQueue, ...boardOptions } = options
  const { startBoard } = await built<BoardModule>('board/board.js')
  const board = await startBoard(boardOptions, nodeSystem())
  await putMicroPython(board, hasQueue)
  return board
}

/** Programs MicroPython past the loader and starts the board with it. */
export async function putMicroPython(board: VirtualBoard, hasQueue = false): Promise<void> {
  const { buildImage } = await built<BuilderModule>('image-builder.js')
  const image = buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' })
  const at = tableOffset - imageOffset
  const table = withQueue(readPartitionTable(image.subarray(at), 'image'), flashBytes)
  if (hasQueue && table) image.set(writePartitionTable(table.partitions), at)
  board.flash.program(imageOffset, image)
  await board.powerCycle()
}
