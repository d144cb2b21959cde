import { sectorSize } from './flash.js'
import { BlockInflater } from './inflate.js'
import { eraseNext, type StubFlash } from './stub-flash.js'

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

/** What inflates is written when this much has come, or the stream is over (both stubs' dictionary). */
const windowBytes = 32_768

/** One FLASH_BEGIN or FLASH_DEFL_BEGIN and the blocks that follow it. */
export class StubWrite {
  #address: number
  /** Bytes that were announced and are not written. */
  missing: number
  #eraseAt: number
  readonly #eraseEnd: number
  readonly #inflater: BlockInflater | undefined
  #window: Uint8Array = new Uint8Array(0)

  constructor(
    private readonly chip: StubFlash,
    { address, size, isDeflated }: { address: number; size: number; isDeflated: boolean },
  ) {
    this.#address = address
    this.missing = size
    this.#eraseAt = Math.floor(address / sectorSize) * sectorSize
    this.#eraseEnd = Math.ceil((address + size) / sectorSize) * sectorSize
    this.#inflater = isDeflated ? new BlockInflater() : undefined
  }

  /**
   * Begins the next erase, wherever the data are by now, if the chip is idle: it goes on while the
   * next bytes inflate or arrive (esp-flasher-stub's "opportunistic erase").
   */
  #eraseAhead(): void {
    if (this.#eraseAt >= this.#eraseEnd || this.chip.isErasing) return
    this.chip.begin((flash) => {
      this.#eraseAt = eraseNext(flash, this.#eraseAt, this.#eraseEnd)
    })
  }

  async eraseFirst(): Promise<undefined> {
    this.#eraseAhead()
  }

  /** Writes a block; bytes beyond the announced ones are dropped. Answers an error code or nothing. */
  async take(block: Uint8Array): Promise<number | undefined> {
    const inflater = this.#inflater
    if (!inflater) {
      await this.#write(block)
      return undefined
    }
    this.#eraseAhead()
    const bytes = await inflater.feed(block)
    if (!bytes) return stubError.inflate
    this.#window = Buffer.concat([this.#window, bytes])
    while (this.#window.length >= windowBytes) {
      const full = this.#window.subarray(0, windowBytes)
      this.#window = this.#window.subarray(windowBytes)
      await this.#write(full)
      if (this.#window.length > 0) this.#eraseAhead()
    }
    if (inflater.isWhole) {
      await this.#write(this.#window)
      this.#window = new Uint8Array(0)
    }
    return undefined
  }

  get isDeflated(): boolean {
    return this.#inflater !== undefined
  }

  close(): void {
    this.#inflater?.close()
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const fitting = bytes.subarray(0, this.missing)
    while (this.#eraseAt < Math.min(this.#address + fitting.length, this.#eraseEnd)) {
      await this.chip.rest()
      this.#eraseAhead()
    }
    await this.chip.rest()
    this.chip.flash.program(this.#address, fitting)
    this.#address += fitting.length
    this.missing -= fitting.length
    await this.chip.rest()
  }
}
