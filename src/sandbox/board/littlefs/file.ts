import { inlineMax } from './device.js'
import { appendBlock, blockAt, blocksOf, capacityOf, readBlocks } from './list.js'
import type { LittleFs, Place } from './littlefs.js'
import { types } from './tags.js'

/** An open file. What is written reaches the folder, all or nothing, at sync() or close(). */
export class OpenFile {
  position = 0
  #content: Uint8Array
  #size: number
  /** Blocks in flash that already hold the beginning of the content. */
  #blocks: number[]
  #isDirty = false
  #hasFailed = false
  isOpen = true

  constructor(
    private readonly fs: LittleFs,
    /** Undefined once the file was removed: it can be used on, nothing of it is kept. */
    public place: Place | undefined,
    private readonly mode: { append: boolean; truncate: boolean },
  ) {
    const { struct } = fs.entryOf(place!)
    const isList = struct.type === types.listStruct
    const view = new DataView(struct.data.buffer, struct.data.byteOffset, struct.data.length)
    this.#size = isList ? view.getUint32(4, true) : struct.data.length
    this.#blocks = isList ? blocksOf(fs.device, view.getUint32(0, true), this.#size) : []
    this.#content = isList ? readBlocks(fs.device, this.#blocks, this.#size) : struct.data.slice()
    if (mode.truncate) {
      this.#size = 0
      this.#blocks = []
      this.#isDirty = true
    }
  }

  get size(): number {
    return this.#size
  }

  /** Blocks that no folder may know yet. */
  get blocks(): readonly number[] {
    return this.#blocks
  }

  read(size: number): Uint8Array {
    const end = Math.min(this.#size, this.position + size)
    const bytes = this.#content.slice(this.position, Math.max(end, this.position))
    this.position += bytes.length
    return bytes
  }

  /** Also in a file opened to read, as on the chip. Throws FileSystemError ENOSPC; it then keeps what it had at the last sync. */
  write(bytes: Uint8Array): void {
    if (this.mode.append) this.position = this.#size
    const end = this.position + bytes.length
    this.#reserve(end)
    // A hole that a seek left behind the end reads as zeros.
    const from = Math.min(this.position, this.#size)
    this.#content.fill(0, this.#size, Math.max(this.#size, this.position))
    this.#content.set(bytes, this.position)
    this.#size = Math.max(this.#size, end)
    this.position = end
    this.#isDirty = true
    this.#keepBlocksBefore(from)
    this.#guarded(() => this.#writeWholeBlocks())
  }

  truncate(size: number): void {
    this.#reserve(size)
    this.#content.fill(0, Math.min(size, this.#size), size)
    this.#keepBlocksBefore(Math.min(size, this.#size))
    this.#size = size
    this.#isDirty = true
  }

  /** Makes what was written durable. */
  sync(): void {
    if (!this.#isDirty || this.#hasFailed) return
    const { place } = this
    if (!place) return
    this.#guarded(() => {
      this.fs.commitFile(place, this.#store())
    })
    this.#isDirty = false
  }

  close(): void {
    if (!this.isOpen) return
    try {
      this.sync()
    } finally {
      this.isOpen = false
      this.fs.forget(this)
    }
  }

  #store(): { type: number; data: Uint8Array } {
    if (this.#size <= inlineMax) {
      this.#blocks = []
      return { type: types.inlineStruct, data: this.#content.slice(0, this.#size) }
    }
    this.#writeWholeBlocks()
    const done = this.#startOf(this.#blocks.length)
    if (done < this.#size) this.#append(this.#content.subarray(done, this.#size))
    const data = new Uint8Array(8)
    new DataView(data.buffer).setUint32(0, this.#blocks.at(-1)!, true)
    new DataView(data.buffer).setUint32(4, this.#size, true)
    return { type: types.listStruct, data }
  }

  /** Blocks that are complete go to flash at once, so a full disk shows at the write. */
  #writeWholeBlocks(): void {
    if (this.#size <= inlineMax) return
    const { blockSize } = this.fs.device
    for (let start = this.#startOf(this.#blocks.length); ; ) {
      const end = start + capacityOf(this.#blocks.length, blockSize)
      if (end > this.#size) return
      this.#append(this.#content.subarray(start, end))
      start = end
    }
  }

  #append(content: Uint8Array): void {
    appendBlock(this.fs.device, this.#blocks, this.fs.takeBlock(), content)
  }

  #startOf(index: number): number {
    let start = 0
    for (let i = 0; i < index; i++) start += capacityOf(i, this.fs.device.blockSize)
    return start
  }

  /** Forgets the blocks that the change at `position` touches: they are written anew elsewhere. */
  #keepBlocksBefore(position: number): void {
    const { index } = blockAt(position, this.fs.device.blockSize)
    if (this.#blocks.length > index) this.#blocks = this.#blocks.slice(0, index)
  }

  #reserve(size: number): void {
    if (size <= this.#content.length) return
    const larger = new Uint8Array(Math.max(size, 2 * this.#content.length, 256))
    larger.set(this.#content.subarray(0, this.#size))
    this.#content = larger
  }

  #guarded(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.#hasFailed = true
      throw error
    }
  }
}
