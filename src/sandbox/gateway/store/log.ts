import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Files } from '../../../system.js'

// File: magic, then frames of length (u32), CRC-32 (u32) and entries. A frame is what one flush
// made durable; one that was torn by a kill or a power cut is cut off when the log is opened.
const magic = Buffer.from('wxlog 1\n')
const frameHead = 8

// A page of rows that lie together needs some ten blocks; 256 of them are 18 MB a stream.
const blockSize = 65_536
const blockOverlap = 8192
const maxBlocks = 256

/** An append-only file of checked frames, read back in blocks that stay in memory for a while. */
export class RecordLog {
  private readonly blocks = new Map<number, Buffer>()
  private readonly large = new Map<number, Buffer>()

  private constructor(
    private readonly handle: FileHandle,
    /** Bytes that are durable. */
    public size: number,
  ) {}

  /**
   * Opens or makes the file and hands each whole frame's entries, with their place, to `replay`.
   * Whatever follows the last whole frame was never acknowledged and is cut off.
   */
  static async open(
    files: Files,
    path: string,
    replay: (entries: Buffer, offset: number) => void,
  ): Promise<RecordLog> {
    const handle = await files.open(path, (await files.stat(path)) ? 'r+' : 'w+')
    const { size: fileSize } = await handle.stat()
    const log = new RecordLog(handle, magic.length)
    const start = await readAt(handle, 0, magic.length)
    if (!start.equals(magic)) {
      await handle.truncate(0)
      await handle.write(magic, 0, magic.length, 0)
      await handle.sync()
      return log
    }
    while (true) {
      const head = await readAt(handle, log.size, frameHead)
      if (head.length < frameHead) break
      const length = head.readUInt32LE(0)
      // A power cut can leave zeros behind the end, whose checksum would be right.
      if (length === 0 || log.size + frameHead + length > fileSize) break
      const entries = await readAt(handle, log.size + frameHead, length)
      if (crc32(entries) !== head.readUInt32LE(4)) break
      replay(entries, log.size + frameHead)
      log.size += frameHead + length
    }
    if (log.size < fileSize) {
      await handle.truncate(log.size)
      await handle.sync()
    }
    return log
  }

  /** Writes the entries as one frame and flushes; gives the place of the first entry. */
  async append(entries: Buffer): Promise<number> {
    const head = Buffer.alloc(frameHead)
    head.writeUInt32LE(entries.length, 0)
    head.writeUInt32LE(crc32(entries), 4)
    try {
      await this.handle.writev([head, entries], this.size)
      await this.handle.datasync()
    } catch (error) {
      await this.handle.truncate(this.size)
      throw error
    }
    const offset = this.size + frameHead
    this.size = offset + entries.length
    return offset
  }

  /** Brings the entries at these places into memory, so that `find` has them. */
  async load(offsets: ArrayLike<number>): Promise<void> {
    const wanted = new Set<number>()
    for (let i = 0; i < offsets.length; i++) {
      const block = Math.floor((offsets[i] ?? 0) / blockSize)
      if (!this.has(offsets[i] ?? 0)) wanted.add(block)
    }
    this.evict(wanted.size)
    await Promise.all(
      [...wanted].map(async (block) => {
        const bytes = await readAt(this.handle, block * blockSize, blockSize + blockOverlap)
        this.blocks.set(block, bytes)
      }),
    )
    this.large.clear()
    for (let i = 0; i < offsets.length; i++) {
      const offset = offsets[i] ?? 0
      if (this.has(offset)) continue
      const head = await readAt(this.handle, offset, 4)
      this.large.set(offset, await readAt(this.handle, offset, 4 + head.readUInt32LE(0)))
    }
  }

  /** Where a loaded entry lies in memory. */
  find(offset: number): { bytes: Buffer; at: number } {
    const block = Math.floor(offset / blockSize)
    const bytes = this.blocks.get(block)
    const at = offset - block * blockSize
    if (bytes && fits(bytes, at)) return { bytes, at }
    const large = this.large.get(offset)
    if (!large) throw new Error(`entry ${offset} of the log was not loaded`)
    return { bytes: large, at: 0 }
  }

  private has(offset: number): boolean {
    const block = Math.floor(offset / blockSize)
    const bytes = this.blocks.get(block)
    return bytes !== undefined && fits(bytes, offset - block * blockSize)
  }

  private evict(coming: number): void {
    for (const block of this.blocks.keys()) {
      if (this.blocks.size + coming <= maxBlocks) break
      this.blocks.delete(block)
    }
  }

  close(): Promise<void> {
    return this.handle.close()
  }
}

/** A block read before the log grew holds the beginning of an entry only. */
function fits(bytes: Buffer, at: number): boolean {
  return at + 4 <= bytes.length && at + 4 + bytes.readUInt32LE(at) <= bytes.length
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}
