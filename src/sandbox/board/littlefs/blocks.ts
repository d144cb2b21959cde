import { type BlockDevice, errno, FileSystemError } from './device.js'

/**
 * Hands out free blocks in turn over the whole device, so that wear spreads. What is in use is
 * asked anew each time a turn is over; blocks handed out since count as used until then.
 */
export class Blocks {
  #free: number[] = []
  #next: number

  constructor(
    private readonly device: BlockDevice,
    private readonly inUse: () => Set<number>,
    seed: number,
  ) {
    this.#next = seed % device.blockCount
  }

  /** A free block, erased, and not `other`, which no folder knows yet. Throws ENOSPC. */
  take(other?: number): number {
    if (this.#free.length === 0) this.#search(other)
    const block = this.#free.shift()
    if (block === undefined) throw new FileSystemError(errno.ENOSPC)
    this.#next = (block + 1) % this.device.blockCount
    this.device.erase(block)
    return block
  }

  #search(other: number | undefined): void {
    const used = this.inUse()
    const count = this.device.blockCount
    for (let i = 0; i < count; i++) {
      const block = (this.#next + i) % count
      if (block !== other && !used.has(block)) this.#free.push(block)
    }
  }
}
