import { createHash } from 'node:crypto'
import { type Flash, FlashRangeError, sectorSize } from './flash.js'
import { type LoaderPins, ops, securityInfo, xorChecksum } from './loader.js'
import { eraseNext, type StubFlash } from './stub-flash.js'
import { StubRead } from './stub-read.js'
import { StubWrite, stubError } from './stub-write.js'

/** esptool ships two: 1 is the older one, 2 the one it uploads by default since 5.1. */
export type StubVersion = 1 | 2

const largestBlock = 0x4000
/** They read or erase the flash before they answer. */
const flashOps: number[] = [ops.md5, ops.eraseFlash, ops.eraseRegion, ops.readFlash]

export interface StubOutcome {
  error?: number
  value?: number
  data?: Uint8Array
  times?: number
  silent?: boolean
  /** Runs after the answer has been sent. */
  after?: () => void | Promise<void>
}

/** What the stub does for each command; rom.jsonl has an exchange for nearly every branch. */
export class StubCommands {
  /** What failed after an answer was sent; it comes with the next one. */
  lateError: number | undefined
  /** A READ_FLASH under way takes every frame for an acknowledgement. */
  reading: StubRead | undefined
  private readonly flash: Flash
  #flashSize: number
  #write: StubWrite | undefined
  #memoryAt: number | undefined
  #pieces: { address: number; size: number }[] = []

  constructor(
    private readonly pins: LoaderPins,
    private readonly chip: StubFlash,
    private readonly version: StubVersion,
  ) {
    this.flash = chip.flash
    this.#flashSize = this.flash.size
  }

  execute(op: number, view: DataView, body: Uint8Array): StubOutcome {
    const word = (index: number): number => view.getUint32(8 + 4 * index, true)
    const needs = (size: number): StubOutcome | undefined =>
      body.length < size ? { error: stubError.length } : undefined
    switch (op) {
      case ops.sync:
        return { times: 8 }
      case ops.readReg:
        return needs(4) ?? { value: this.pins.registers.read(word(0)) }
      case ops.writeReg:
        for (let i = 0; i + 16 <= body.length; i += 16) {
          this.pins.registers.write(word(i / 4), word(i / 4 + 1), word(i / 4 + 2))
        }
        return {}
      case ops.spiAttach:
        if (body.length !== 4) return { error: this.#plain(stubError.length) }
        return {}
      case ops.spiSetParams:
        if (body.length === 24) this.#flashSize = Math.min(word(1), this.flash.size)
        return needs(24) ?? {}
      case ops.changeBaud:
        return needs(8) ?? { after: () => this.pins.setBaud(word(0)) }
      case ops.md5:
        return needs(16) ?? this.#md5(word(0), word(1))
      case ops.securityInfo:
        if (!this.pins.silicon.hasSecurityInfo) return { error: stubError.missing }
        return { data: securityInfo(this.pins.silicon) }
      case ops.flashBegin:
      case ops.deflBegin:
        return needs(16) ?? this.#begin(op === ops.deflBegin, word)
      case ops.flashData:
      case ops.deflData:
        return needs(16) ?? this.#data(word(0), view.getUint8(4), body.subarray(16))
      case ops.flashEnd:
      case ops.deflEnd:
        return this.#end(word(0))
      case ops.memBegin:
        this.#memoryAt = word(3)
        return needs(16) ?? {}
      case ops.memData:
        return needs(16) ?? this.#memData(view.getUint8(4), body.subarray(16))
      case ops.memEnd:
        return this.#memEnd(word(0), word(1))
      case ops.eraseFlash:
        this.flash.eraseChip()
        return {}
      case ops.eraseRegion:
        return needs(8) ?? this.#eraseRegion(word(0), word(1))
      case ops.readFlash:
        return needs(16) ?? this.#startRead(word)
      case ops.runUserCode:
        return this.#runUserCode()
      default:
        return { error: this.version === 1 ? stubError.missing : stubError.command }
    }
  }

  /** Whether an answer comes only when the flash chip has nothing to do; data is taken while it erases. */
  waitsForFlash(op: number): boolean {
    const begins = op === ops.flashBegin || op === ops.deflBegin
    return begins ? this.version === 1 : flashOps.includes(op)
  }

  /** Where the newer stub says what is wrong, the older one often only says 1. */
  #plain(code: number): number {
    return this.version === 1 ? stubError.failed : code
  }

  #begin(isDeflated: boolean, word: (index: number) => number): StubOutcome {
    const [size, blockSize, address] = [word(0), word(2), word(3)]
    if (this.version === 1 && blockSize > largestBlock) return { error: stubError.blockSize }
    if (this.version === 2 && address + size > this.#flashSize) return { error: stubError.flash }
    this.#write?.close()
    this.#write = new StubWrite(this.chip, { address, size, isDeflated })
    const { version } = this
    const write = this.#write
    // The newer stub begins to erase at once, the older one before it writes.
    return { after: () => (version === 2 ? this.#late(() => write.eraseFirst()) : undefined) }
  }

  #data(size: number, checksum: number, block: Uint8Array): StubOutcome {
    const write = this.#write
    if (!write) return { error: stubError.noDownload }
    if (size !== block.length) {
      if (this.version === 1) return { error: stubError.length }
      return { error: block.length > size ? stubError.tooMuch : stubError.tooLittle }
    }
    // esp-flasher-stub, s_flash_defl_data: not even the rest of a stream may follow.
    if (this.version === 2 && write.isDeflated && write.missing === 0)
      return { error: stubError.tooMuch }
    if (xorChecksum(block) !== checksum) return { error: stubError.checksum }
    return { after: () => this.#late(() => write.take(block)) }
  }

  /** Work after the answer: what goes wrong is told later. */
  async #late(work: () => Promise<number | undefined>): Promise<void> {
    try {
      this.lateError = (await work()) ?? this.lateError
    } catch (error) {
      if (!(error instanceof FlashRangeError)) throw error
      this.lateError = stubError.flash
    }
  }

  #end(flag: number): StubOutcome {
    const write = this.#write
    if (!write) return { error: stubError.noDownload }
    // The older stub counts bytes first, the newer one first tells what went wrong.
    if (this.version === 2 && this.lateError !== undefined) return {}
    if (write.missing > 0)
      return { error: this.version === 1 ? stubError.tooLittle : stubError.length }
    write.close()
    this.#write = undefined
    return this.version === 1 && flag === 0 ? { after: () => this.pins.leave({ to: 'reset' }) } : {}
  }

  #memData(checksum: number, block: Uint8Array): StubOutcome {
    if (this.#memoryAt === undefined) return { error: stubError.noDownload }
    if (xorChecksum(block) !== checksum) return { error: stubError.checksum }
    this.pins.registers.writeMemory(this.#memoryAt, block)
    this.#pieces.push({ address: this.#memoryAt, size: block.length })
    this.#memoryAt += block.length
    return {}
  }

  #memEnd(flag: number, entry: number): StubOutcome {
    const pieces = this.#pieces
    this.#pieces = []
    return flag === 0 ? { after: () => this.pins.leave({ to: 'program', entry, pieces }) } : {}
  }

  #md5(address: number, size: number): StubOutcome {
    if (address + size > this.flash.size) return { error: this.#plain(stubError.flash) }
    return { data: createHash('md5').update(this.flash.read(address, size)).digest() }
  }

  #eraseRegion(address: number, size: number): StubOutcome {
    const isCrooked = address % sectorSize !== 0 || size % sectorSize !== 0
    const isOutside = address + size > this.flash.size
    if (isCrooked) return { error: this.#plain(stubError.length) }
    if (isOutside) return this.version === 1 ? { error: stubError.failed } : {}
    const end = address + size
    for (let at = address; at < end; ) at = eraseNext(this.flash, at, end)
    return {}
  }

  #startRead(word: (index: number) => number): StubOutcome {
    const [address, size, block] = [word(0), word(1), Math.max(1, word(2))]
    if (address + size > this.flash.size) return { error: this.#plain(stubError.flash) }
    // The newer stub waits for each block's acknowledgement, whatever the host allows.
    const inFlight = this.version === 1 ? word(3) : 1
    return {
      after: () => {
        this.reading = new StubRead(this.flash, this.pins.transmit, {
          address,
          size,
          block,
          inFlight,
        })
      },
    }
  }

  #runUserCode(): StubOutcome {
    if (this.version === 2) return { silent: true }
    // The older stub returns into the ROM in the middle of its own answer.
    const cut = Uint8Array.from([0xc0, 1, ops.runUserCode, 2, 0, 0, 0, 0, 0])
    return {
      silent: true,
      after: () => {
        this.pins.transmit(cut)
        this.pins.transmit(new TextEncoder().encode('user code done\r\n'))
        this.pins.leave({ to: 'nothing' })
      },
    }
  }
}
