import { once } from 'node:events'
import { constants, createDeflate } from 'node:zlib'

/** Bytes the stub takes in one block; more makes its buffers overflow (esptool's FLASH_WRITE_SIZE). */
export const blockBytes = 0x4000
/** What the stub gathers before it writes: the dictionary of its inflater. */
export const windowBytes = 0x8000
/** What the stub erases at once, where as much is to be written (64 KB), and else. */
const eraseBytes = { block: 0x10000, sector: 0x1000 } as const
/**
 * The last block of a window, where one would hold it all. The stub begins an erase with each block
 * that finds the flash chip idle: one that takes less of the wire than an erase lasts finds it busy.
 */
const lastBlockBytes = 5500

/** Bytes of a region as they go over the wire. */
export interface Packed {
  bytes: Uint8Array
  deflated: Uint8Array
  /** Where in `deflated` the first windows end. */
  windowEnds: number[]
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
  const windowEnds: number[] = []
  const windows = eraseSteps(address, bytes.length)
  let at = 0
  for (; windowEnds.length < windows && at + windowBytes < bytes.length; at += windowBytes) {
    deflate.write(bytes.subarray(at, at + windowBytes))
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
    windowEnds.push(size)
  }
  deflate.end(bytes.subarray(at))
  await once(deflate, 'end')
  return { bytes, deflated: Buffer.concat(chunks), windowEnds }
}

/** Where the blocks end that go over the wire, each of `limit` bytes at most. */
export function blockEnds({ deflated, windowEnds }: Packed, limit: number): number[] {
  const ends: number[] = []
  let at = 0
  for (const end of windowEnds) {
    if (end - at <= limit) ends.push(end - Math.min(lastBlockBytes, (end - at) >> 1))
    else for (at += limit; at < end; at += limit) ends.push(at)
    ends.push(end)
    at = end
  }
  for (at += limit; at < deflated.length; at += limit) ends.push(at)
  // A window of a byte has no half.
  return [...new Set([...ends, deflated.length])]
}

/** Erases that a region takes: whole blocks where it covers them, sectors before and behind. */
function eraseSteps(address: number, size: number): number {
  const { block, sector } = eraseBytes
  const from = Math.ceil(address / block) * block
  const blocks = Math.max(0, Math.floor((address + size - from) / block))
  return blocks + Math.ceil((size - blocks * block) / sector)
}
