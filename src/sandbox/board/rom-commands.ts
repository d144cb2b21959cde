import { createHash } from 'node:crypto'
import { type Flash, sectorSize } from './flash.js'
import { BlockInflater } from './inflate.js'
import { type LoaderPins, ops, securityInfo, xorChecksum } from './loader.js'

/** Error codes of the ROM (shared/serial-flash.md 3.2). */
export const romError = {
  format: 0x05,
  failed: 0x06,
  checksum: 0x07,
  flashRead: 0x09,
  readLength: 0x0a,
  inflate: 0x0b,
  adler: 0x0c,
} as const

const largestBlock = 0x1800
const slowRead = 64
/** 24 address bits: what SPI_SET_PARAMS may claim at most. */
const largestFlash = 0x100_0000
const syncWord = 0x2012_0707
/** The ROM inflates into a 32 KB window and writes it when it is full or the stream ends. */
const windowSize = 0x8000
interface Download {
  kind: 'flash' | 'memory' | 'deflate'
  blocksLeft: number
  sequence: number
  address: number
  pending: Uint8Array
  inflater?: BlockInflater
}

export interface RomOutcome {
  error?: number
  data?: Uint8Array
  /** The status' second byte keeps the last download error, as recorded. */
  keepsError?: boolean
  times?: number
  after?: () => void
}

/** What the ROM does for each command; rom.jsonl has an exchange for every branch. */
export class RomCommands {
  #download: Download | undefined
  #attached = false
  #flashSize = 4 * 1024 * 1024
  #pieces: { address: number; size: number }[] = []

  constructor(
    private readonly pins: LoaderPins,
    private readonly flash: Flash,
    /** The request buffer: header, then the words and data of the command. */
    private readonly request: Uint8Array,
    private readonly setValue: (value: number) => void,
  ) {}

  async execute(
    op: number,
    size: number,
    word: (index: number) => number,
  ): Promise<RomOutcome | 'unknown'> {
    switch (op) {
      case ops.sync:
        this.setValue(syncWord)
        return { times: 8 }
      case ops.readReg:
        this.setValue(this.pins.registers.read(word(0)))
        return {}
      case ops.writeReg:
        for (let i = 0; i + 16 <= size; i += 16) {
          this.pins.registers.write(word(i / 4), word(i / 4 + 1), word(i / 4 + 2))
        }
        return {}
      case ops.spiAttach:
        this.#attached = true
        this.pins.registers.attachFlash()
        return {}
      case ops.spiSetParams:
        if (size < 24) return { error: romError.format }
        this.#flashSize = Math.min(word(1), largestFlash)
        return {}
      case ops.changeBaud:
        return size < 4 ? { error: romError.format } : { after: () => this.pins.setBaud(word(0)) }
      case ops.md5:
        return this.#md5(word(0), word(1))
      case ops.readFlashSlow:
        return this.#readSlow(word(0), word(1))
      case ops.securityInfo:
        if (!this.pins.silicon.hasSecurityInfo) return 'unknown'
        return { data: securityInfo(this.pins.silicon) }
      case ops.flashBegin:
      case ops.memBegin:
      case ops.deflBegin:
        return { keepsError: true, ...this.#begin(op, size, word) }
      case ops.flashData:
      case ops.memData:
      case ops.deflData:
        return { keepsError: true, ...(await this.#data(op, word)) }
      case ops.flashEnd:
      case ops.deflEnd:
        return { keepsError: true, ...this.#flashEnd(op, word(0)) }
      case ops.memEnd:
        return { keepsError: true, ...this.#memEnd(word(0), word(1)) }
      default:
        return 'unknown'
    }
  }

  #begin(op: number, size: number, word: (index: number) => number): RomOutcome {
    this.#download?.inflater?.close()
    this.#download = undefined
    const [total, blocksLeft, blockSize, address] = [word(0), word(1), word(2), word(3)]
    if (size < 16 || blockSize > largestBlock) return { error: romError.format }
    const kind = op === ops.memBegin ? 'memory' : op === ops.deflBegin ? 'deflate' : 'flash'
    if (kind !== 'memory') {
      if (address % sectorSize !== 0 || address + total > this.#flashSize || !this.#attached) {
        return { error: romError.failed }
      }
      for (let at = 0; at < total; at += sectorSize)
        this.flash.eraseSector(this.#wrap(address + at))
    }
    const download: Download = {
      kind,
      blocksLeft,
      sequence: 0,
      address,
      pending: new Uint8Array(0),
    }
    this.#download = kind === 'deflate' ? { ...download, inflater: new BlockInflater() } : download
    return {}
  }

  async #data(op: number, word: (index: number) => number): Promise<RomOutcome> {
    const kind = op === ops.memData ? 'memory' : op === ops.deflData ? 'deflate' : 'flash'
    // MEM_DATA works without MEM_BEGIN: its variables begin as zeros (rom.jsonl).
    if (kind === 'memory') this.#download ??= newDownload(kind, 0, 0)
    const download = this.#download
    if (download?.kind !== kind || word(1) !== download.sequence) return { error: romError.format }
    const block = this.request.slice(24, 24 + Math.min(word(0), this.request.length - 24))
    // A block with a bad checksum still uses up its number (rom.jsonl).
    download.sequence++
    if (xorChecksum(block) !== this.request[4]) return { error: romError.checksum }
    download.blocksLeft--
    if (kind === 'deflate') return this.#inflate(download, block)
    if (kind === 'flash') this.#program(download.address, block)
    else {
      this.pins.registers.writeMemory(download.address, block)
      this.#pieces.push({ address: download.address, size: block.length })
    }
    download.address += block.length
    return {}
  }

  async #inflate(download: Download, block: Uint8Array): Promise<RomOutcome> {
    const bytes = await download.inflater?.feed(block)
    if (!bytes) return { error: romError.inflate }
    download.pending = Buffer.concat([download.pending, bytes])
    const isWhole = download.blocksLeft <= 0 && download.inflater?.isWhole === true
    if (!isWhole && download.blocksLeft <= 0) return { error: romError.adler }
    const rest = isWhole ? 0 : download.pending.length % windowSize
    const ready = download.pending.subarray(0, download.pending.length - rest)
    this.#program(download.address, ready)
    download.address += ready.length
    download.pending = download.pending.subarray(ready.length)
    return {}
  }

  #flashEnd(op: number, flag: number): RomOutcome {
    const isComplete = this.#download?.blocksLeft === 0
    this.#download?.inflater?.close()
    this.#download = undefined
    // FLASH_END leaves the loader even when asked to stay; the deflate variant stays.
    const leaves = op === ops.flashEnd || flag === 0
    return {
      ...(isComplete ? {} : { error: romError.failed }),
      ...(leaves && { after: () => this.pins.leave({ to: 'flash' }) }),
    }
  }

  #memEnd(flag: number, entry: number): RomOutcome {
    const pieces = this.#pieces
    this.#pieces = []
    this.#download = undefined
    return flag === 0 ? { after: () => this.pins.leave({ to: 'program', entry, pieces }) } : {}
  }

  #md5(address: number, size: number): RomOutcome {
    if (!this.#attached || address + size > this.#flashSize) return { error: romError.flashRead }
    const hex = createHash('md5').update(this.#read(address, size)).digest('hex')
    return { data: new TextEncoder().encode(hex) }
  }

  #readSlow(address: number, size: number): RomOutcome {
    const data = this.#read(address, slowRead)
    return size > slowRead ? { data, error: romError.readLength } : { data }
  }

  /** Addresses beyond the chip begin again at its start: the flash ignores upper address bits. */
  #wrap(address: number): number {
    return address % this.flash.size
  }

  #read(address: number, size: number): Uint8Array {
    const at = this.#wrap(address)
    const bytes = this.flash.read(at, Math.min(size, this.flash.size - at))
    return bytes.length === size
      ? bytes
      : Buffer.concat([bytes, this.#read(0, size - bytes.length)])
  }

  #program(address: number, bytes: Uint8Array): void {
    const at = this.#wrap(address)
    const fits = Math.min(bytes.length, this.flash.size - at)
    this.flash.program(at, bytes.subarray(0, fits))
    if (fits < bytes.length) this.#program(0, bytes.subarray(fits))
  }
}

function newDownload(kind: Download['kind'], blocksLeft: number, address: number): Download {
  return { kind, blocksLeft, sequence: 0, address, pending: new Uint8Array(0) }
}
