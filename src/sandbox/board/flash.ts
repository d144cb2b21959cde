import type { SharedFlash } from './runtime.js'

export const sectorSize = 4096
export const blockSize = 65_536
const pageSize = 256

/** Typical times of a W25Q32 (Winbond datasheet, AC characteristics), milliseconds. */
export const flashTimesMs = { page: 0.7, sector: 45, block: 150, chip: 10_000 } as const

/** Cells of `SharedFlash.control`; one bit a sector follows: changed since it was last saved. */
const cells = { done: 0, cutAt: 1, powerGone: 2, tear: 3, changed: 4 } as const
const halfWay = 128

/** The power went away in the middle of a flash operation, or was already gone. */
export class PowerLost extends Error {
  override readonly name = 'PowerLost'
  constructor() {
    super('the power is gone')
  }
}

/** An address outside the chip, or an erase that does not begin on its unit. */
export class FlashRangeError extends RangeError {
  override readonly name = 'FlashRangeError'
}

/** A new chip: all ones, or the content of an earlier life. */
export function makeSharedFlash(size: number, content?: Uint8Array): SharedFlash {
  const memory = new SharedArrayBuffer(size)
  const bytes = new Uint8Array(memory).fill(0xff)
  if (content) bytes.set(content.subarray(0, size))
  const words = cells.changed + Math.ceil(size / sectorSize / 32)
  const control = new SharedArrayBuffer(4 * words)
  new Int32Array(control)[cells.tear] = halfWay
  return { memory, control }
}

export interface FlashOptions {
  /** Spends the time an operation takes on the real chip: sleeps in a worker, books it elsewhere. */
  spend?: (ms: number) => void
}

/**
 * NOR flash: programs only clear bits, erases set whole sectors to ones. The chip's thread and the
 * interpreter's worker each make one over the same memory; operations and the power cut are counted
 * for both together. Every page program (256 bytes at most) and every erase is one operation.
 */
export class Flash {
  readonly size: number
  readonly #bytes: Uint8Array
  readonly #control: Int32Array
  readonly #spend: (ms: number) => void

  constructor(
    readonly shared: SharedFlash,
    options: FlashOptions = {},
  ) {
    this.#bytes = new Uint8Array(shared.memory)
    this.#control = new Int32Array(shared.control)
    this.#spend = options.spend ?? (() => {})
    this.size = shared.memory.byteLength
  }

  /** Operations since the chip was made. */
  get operations(): number {
    return Atomics.load(this.#control, cells.done)
  }

  get powerIsGone(): boolean {
    return Atomics.load(this.#control, cells.powerGone) !== 0
  }

  /** A copy of `size` bytes. Throws PowerLost, FlashRangeError. */
  read(offset: number, size: number): Uint8Array {
    this.#check(offset, size)
    return this.#bytes.slice(offset, offset + size)
  }

  /** Clears the bits that are 0 in `bytes`, page by page. Throws PowerLost, FlashRangeError. */
  program(offset: number, bytes: Uint8Array): void {
    this.#check(offset, bytes.length)
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done
      const size = Math.min(pageSize - (at % pageSize), bytes.length - done)
      const torn = this.#begin()
      const whole = torn ? Math.floor((size * this.#tear()) / 256) : size
      for (let i = 0; i < whole; i++) this.#bytes[at + i]! &= bytes[done + i]!
      // The byte under way when the power went has lost some of its bits only.
      if (torn && whole < size) this.#bytes[at + whole]! &= bytes[done + whole]! | 0x5a
      this.#markChanged(at, size)
      this.#finish(torn, flashTimesMs.page)
      done += size
    }
  }

  /** Sets the 4 KB at `offset` to ones. Throws PowerLost, FlashRangeError. */
  eraseSector(offset: number): void {
    this.#erase(offset, sectorSize, flashTimesMs.sector)
  }

  /** Sets the 64 KB at `offset` to ones; one operation. Throws PowerLost, FlashRangeError. */
  eraseBlock(offset: number): void {
    this.#erase(offset, blockSize, flashTimesMs.block)
  }

  eraseChip(): void {
    this.#erase(0, this.size, flashTimesMs.chip)
  }

  /**
   * Lets the power fail in the n-th operation from now (0 = never).
   * `tear` is how much of that operation is done, in 256ths.
   */
  cutPowerAt(operation: number, tear = halfWay): void {
    Atomics.store(this.#control, cells.tear, tear)
    Atomics.store(this.#control, cells.cutAt, operation > 0 ? this.operations + operation : 0)
  }

  powerOn(): void {
    Atomics.store(this.#control, cells.powerGone, 0)
    Atomics.notify(this.#control, cells.powerGone)
  }

  /** The sectors written since this was last asked. */
  takeChangedSectors(): number[] {
    const sectors: number[] = []
    for (let word = cells.changed; word < this.#control.length; word++) {
      const bits = Atomics.exchange(this.#control, word, 0)
      for (let bit = 0; bits !== 0 && bit < 32; bit++) {
        if (bits & (1 << bit)) sectors.push((word - cells.changed) * 32 + bit)
      }
    }
    return sectors
  }

  #erase(offset: number, size: number, ms: number): void {
    this.#check(offset, size)
    if (offset % size !== 0) throw new FlashRangeError(`erase at 0x${offset.toString(16)}`)
    const torn = this.#begin()
    const whole = torn ? Math.floor((size * this.#tear()) / 256) : size
    this.#bytes.fill(0xff, offset, offset + whole)
    // Cells in the middle of a broken-off erase read as anything; here every other bit has risen.
    if (torn) for (let i = whole; i < whole + size / 8 && i < size; i++) this.#mix(offset + i)
    this.#markChanged(offset, size)
    this.#finish(torn, ms)
  }

  #mix(at: number): void {
    this.#bytes[at]! |= 0xaa
  }

  #check(offset: number, size: number): void {
    if (this.powerIsGone) throw new PowerLost()
    if (offset < 0 || size < 0 || offset + size > this.size) {
      throw new FlashRangeError(`0x${offset.toString(16)} + ${size} is outside the flash`)
    }
  }

  #begin(): boolean {
    const number = Atomics.add(this.#control, cells.done, 1) + 1
    return number === Atomics.load(this.#control, cells.cutAt)
  }

  #tear(): number {
    return Atomics.load(this.#control, cells.tear)
  }

  #finish(torn: boolean, ms: number): void {
    if (torn) {
      Atomics.store(this.#control, cells.cutAt, 0)
      Atomics.store(this.#control, cells.powerGone, 1)
      Atomics.notify(this.#control, cells.powerGone)
      throw new PowerLost()
    }
    this.#spend(ms)
  }

  #markChanged(offset: number, size: number): void {
    const last = Math.floor((offset + Math.max(size, 1) - 1) / sectorSize)
    for (let sector = Math.floor(offset / sectorSize); sector <= last; sector++) {
      Atomics.or(this.#control, cells.changed + (sector >> 5), 1 << (sector & 31))
    }
  }
}

type WaitAsync = (
  cells: Int32Array,
  index: number,
  value: number,
) => { async: boolean; value: Promise<string> | string }

/** Calls `fn` whenever either thread runs into the power cut, until the answer is called. */
export function onPowerLost(shared: SharedFlash, fn: () => void): () => void {
  const control = new Int32Array(shared.control)
  // In V8 since 8.7, in TypeScript's libraries only from ES2024 on.
  const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync }
  let stopped = false
  const watch = async (): Promise<void> => {
    while (!stopped) {
      await waitAsync(control, cells.powerGone, 0).value
      if (stopped) return
      if (Atomics.load(control, cells.powerGone)) fn()
      // The next wait begins when the power is back; fn() or a caller later puts it on again.
      await waitAsync(control, cells.powerGone, 1).value
    }
  }
  void watch()
  return () => {
    stopped = true
    Atomics.notify(control, cells.powerGone)
  }
}
