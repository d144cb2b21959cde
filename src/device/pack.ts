import { once } from 'node:events'
import { constants, createDeflate } from 'node:zlib'

/** Bytes the stub takes in one block; more makes its buffers overflow (esptool's FLASH_WRITE_SIZE). */
export const blockBytes = 0x4000
/** What the stub gathers before it writes: the dictionary of its inflater. */
export const windowBytes = 0x8000
/** What the stub erases at once, where as much is to be written (64 KB), and else. */
const eraseBytes = { block: 0x10000, sector: 0x1000 } as const
/**
 * The last of a window's two blocks. Each block that finds the flash chip idle begins an erase: one
 * that takes less of the wire than an erase lasts finds it busy, and its window is written sooner.
 */
const lastBlockBytes = 5500
/** Smaller blocks cost more turnarounds than the erases that they begin ahead. */
const leastBlockBytes = 1024

/**
 * The last block carries some data: after the last byte that is to be written the stub refuses any
 * other block, if it holds no more than the end code and the checksum (7 bytes at most).
 */
const leastLastBytes = 16

/** What the stub writes at once: where it ends in the stream, and in how many blocks it is best sent. */
interface Window {
  end: number
  blocks: number
}

/** Bytes of a region as they go over the wire. */
export interface Packed {
  bytes: Uint8Array
  deflated: Uint8Array
  /** As long as there is something to erase; what follows needs no thought. */
  windows: Window[]
}

/**
 * Compresses off the main thread, so that boards beside this one go on. As long as the stub has
 * something to erase, its windows end where blocks end: a block that goes on behind a window would
 * begin an erase, and the next window's write would wait for it (esp-flasher-stub, command_handler.c).
 */
export async function pack(bytes: Uint8Array, address: number): Promise<Packed> {
  const deflate = createDeflate({ level: 9, memLevel: 9 })
  const chunks: Uint8Array[] = []
  let size = 0
  deflate.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk)
    size += chunk.length
  })
  const windows: Window[] = []
  const erases = erasesOf(address, bytes.length)
  let at = 0
  for (; windows.length < erases.steps && at + windowBytes < bytes.length; at += windowBytes) {
    deflate.write(bytes.subarray(at, at + windowBytes))
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
    windows.push({ end: size, blocks: Math.max(2, erases.sectorsIn(at)) })
  }
  deflate.end(bytes.subarray(at))
  await once(deflate, 'end')
  if (bytes.length - at <= windowBytes) windows.push({ end: size, blocks: erases.sectorsIn(at) })
  return { bytes, deflated: Buffer.concat(chunks), windows }
}

/** Where the blocks end that go over the wire, each of `limit` bytes at most. */
export function blockEnds({ deflated, windows }: Packed, limit: number): number[] {
  const ends: number[] = []
  let at = 0
  for (const { end, blocks } of windows) {
    const step = Math.min(limit, stepOf(end - at, blocks))
    for (at += step; at < end; at += step) ends.push(at)
    ends.push(end)
    at = end
  }
  for (at += limit; at < deflated.length; at += limit) ends.push(at)
  if (ends.at(-1) !== deflated.length) ends.push(deflated.length)
  const before = ends.at(-2)
  if (before !== undefined && deflated.length - before < leastLastBytes)
    ends[ends.length - 2] = Math.max((ends.at(-3) ?? 0) + 1, deflated.length - leastLastBytes)
  return ends
}

function stepOf(size: number, blocks: number): number {
  if (blocks < 2) return size
  return blocks === 2
    ? Math.max(size - lastBlockBytes, Math.ceil(size / 2))
    : Math.max(leastBlockBytes, Math.ceil(size / blocks))
}

/** The erases of a region: whole blocks where it covers them, sectors before and behind. */
function erasesOf(address: number, size: number) {
  const { block, sector } = eraseBytes
  const from = Math.ceil(address / block) * block - address
  const blocks = Math.max(0, Math.floor((size - from) / block))
  const to = from + blocks * block
  const isSector = (at: number): boolean => at < size && (at < from || at >= to)
  return {
    steps: blocks + Math.ceil((size - blocks * block) / sector),
    /** Those in the window that begins here. */
    sectorsIn(window: number): number {
      let count = 0
      for (let at = window; at < window + windowBytes; at += sector) if (isSector(at)) count++
      return count
    },
  }
}
