import { blockSize, type Flash, sectorSize } from './flash.js'
import { BlockInflater } from './inflate.js'

/** Two status bytes, the first one tells (shared/serial-flash.md 3.2). */
export const stubError = {
  failed: 0x01,
  length: 0xc0,
  checksum: 0xc1,
  blockSize: 0xc2,
  command: 0xc3,
  flash: 0xc4,
  noDownload: 0xc6,
  inflate: 0xc7,
  tooLittle: 0xc8,
  tooMuch: 0xc9,
  missing: 0xff,
} as const

/** Erases flash just ahead of what is written, by 64 KB where a whole block is to go. */
export class StubErase {
  #next: number
  readonly #end: number

  constructor(
    private readonly flash: Flash,
    from: number,
    to: number,
  ) {
    this.#next = Math.floor(from / sectorSize) * sectorSize
    this.#end = Math.ceil(to / sectorSize) * sectorSize
  }

  /** Erases as far as `address` needs it. */
  to(address: number): void {
    while (this.#next < Math.min(address, this.#end)) {
      if (this.#next % blockSize === 0 && this.#end - this.#next >= blockSize) {
        this.flash.eraseBlock(this.#next)
        this.#next += blockSize
      } else {
        this.flash.eraseSector(this.#next)
        this.#next += sectorSize
      }
    }
  }
}

/** One FLASH_BEGIN or FLASH_DEFL_BEGIN and the blocks that follow it. */
export class StubWrite {
  #address: number
  /** Bytes that were announced and have not come. */
  missing: number
  readonly #erase: StubErase
  readonly #inflater: BlockInflater | undefined

  constructor(
    private readonly flash: Flash,
    { address, size, isDeflated }: { address: number; size: number; isDeflated: boolean },
  ) {
    this.#address = address
    this.missing = size
    this.#erase = new StubErase(flash, address, address + size)
    this.#inflater = isDeflated ? new BlockInflater() : undefined
  }

  async eraseFirst(): Promise<undefined> {
    if (this.missing > 0) this.#erase.to(this.#address + 1)
  }

  /** Writes a block; bytes beyond the announced ones are dropped. Answers an error code or nothing. */
  async take(block: Uint8Array): Promise<number | undefined> {
    const bytes = this.#inflater ? await this.#inflater.feed(block) : block
    if (!bytes) return stubError.inflate
    const fitting = bytes.subarray(0, this.missing)
    this.#erase.to(this.#address + fitting.length)
    this.flash.program(this.#address, fitting)
    this.#address += fitting.length
    this.missing -= fitting.length
    return undefined
  }

  close(): void {
    this.#inflater?.close()
  }
}
