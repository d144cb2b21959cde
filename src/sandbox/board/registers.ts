import type { Silicon } from './chips.js'
import type { Flash } from './flash.js'

const magicWord = 0x40001000
const go = 1 << 18
/** RTC_CNTL_OPTIONS0 of the ESP32 and its SW_SYS_RST. */
const options0 = 0x3ff48000
const systemReset = 0x8000_0000
const watchdogKey = 0x50d83aa1
const watchdogEnable = 0x8000_0000

export type RegisterReset = 'software' | 'watchdog'

/**
 * The chip's address space as a loader sees it: eFuses, the flash controller, and memory that keeps
 * what is written. Everything else reads 0.
 */
export class Registers {
  readonly #words = new Map<number, number>()
  readonly #fixed: Map<number, number>

  constructor(
    private readonly silicon: Silicon,
    private readonly flash: Flash,
    mac: Uint8Array,
    private readonly onReset: (how: RegisterReset) => void = () => {},
  ) {
    this.#fixed = new Map(Object.entries(silicon.words).map(([key, value]) => [Number(key), value]))
    this.#fixed.set(magicWord, silicon.magic)
    this.#fixed.set(silicon.macWord, big(mac, 2))
    this.#fixed.set(silicon.macWord + 4, (crc8(mac) << 16) | (mac[0]! << 8) | mac[1]!)
    this.reset()
  }

  /** After a reset; `strap` is what the strapping pins said. */
  reset(strap = this.silicon.straps.flash): void {
    this.#words.clear()
    this.#words.set(this.silicon.strapWord, strap)
    // USR_COMMAND is set after a reset of the chip (the emulator of the recordings had 0 here).
    this.write(this.silicon.spi.base + this.silicon.spi.user, 0x8000_0000)
  }

  /** The state the ROM leaves the flash controller in once SPI_ATTACH is done (rom.jsonl). */
  attachFlash(): void {
    this.write(this.silicon.spi.base + this.silicon.spi.user, 0x5000_0000)
    this.write(this.silicon.spi.base + this.silicon.spi.user2, 0x7000_0003)
  }

  read(address: number): number {
    return this.#words.get(address) ?? this.#fixed.get(address) ?? 0
  }

  write(address: number, value: number, mask = 0xffff_ffff): void {
    const word = ((this.read(address) & ~mask) | (value & mask)) >>> 0
    if (address === this.silicon.spi.base && word & go) {
      this.#runFlashCommand()
      // The controller clears the bit when the command is done.
      this.#words.set(address, (word & ~go) >>> 0)
    } else if (!this.#fixed.has(address)) this.#words.set(address, word)
    this.#mayReset(address, word)
  }

  /** A reset that a program asks for; the watchdog takes no orders while it is locked. */
  #mayReset(address: number, word: number): void {
    const { config, protect } = this.silicon.watchdog
    const isUnlocked = this.read(protect) === watchdogKey
    if (address === config && word & watchdogEnable && isUnlocked) this.onReset('watchdog')
    else if (address === options0 && word & systemReset) this.onReset('software')
  }

  /** As code of the CPU reads: undefined where the chip has no memory. */
  load(address: number): number | undefined {
    return this.#areaOf(address) ? this.read(address) : undefined
  }

  /** As code of the CPU writes: false where it may not. */
  store(address: number, value: number, mask: number): boolean {
    if (!this.#areaOf(address)?.isWritable) return false
    this.write(address, value, mask)
    return true
  }

  #areaOf(address: number): Silicon['memory'][number] | undefined {
    return this.silicon.memory.find(({ from, to }) => address >= from && address < to)
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const shift = 8 * ((address + i) & 3)
      this.write((address + i) & ~3, bytes[i]! << shift, 0xff << shift)
    }
  }

  #runFlashCommand(): void {
    const { base, user2, address, user1, data, misoLength, addressFromTop } = this.silicon.spi
    const command = this.read(base + user2) & 0xff
    const addressBits = (this.read(base + user1) >>> 26) + 1
    const word = this.read(base + address)
    const at = addressFromTop ? word >>> (32 - addressBits) : word
    const bits = (this.read(base + misoLength) & 0x3ff) + 1
    const answer = this.#answer(command, at)
    const value = answer.reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0)
    this.#words.set(base + data, bits >= 32 ? value : value % 2 ** bits)
  }

  /** Up to four bytes of what the flash chip shifts out. */
  #answer(command: number, address: number): number[] {
    const { size } = this.flash
    if (command === 0x9f) return [...jedecId(size)]
    if (command === 0x5a) return [...sfdp(size).subarray(address, address + 4)]
    if (command === 0x03) return [...this.flash.read((address % size) & ~3, 4)]
    return [0]
  }
}

/** GigaDevice GD25Q: the capacity byte is the exponent of the size in bytes. */
export function jedecId(size: number): [number, number, number] {
  return [0xc8, 0x40, Math.round(Math.log2(size))]
}

/** JESD216: header, one parameter header, the basic table as far as the density. */
function sfdp(size: number): Uint8Array {
  const table = new Uint8Array(0x80).fill(0xff)
  const view = new DataView(table.buffer)
  table.set([0x53, 0x46, 0x44, 0x50, 0x00, 0x01, 0x00, 0xff])
  table.set([0x00, 0x00, 0x01, 0x09, 0x30, 0x00, 0x00, 0xff], 8)
  // 4 KB erase with opcode 20h, 3-byte addresses; then the size in bits, less one.
  view.setUint32(0x30, 0xff_f1_20_e5, true)
  view.setUint32(0x34, size * 8 - 1, true)
  return table
}

function big(mac: Uint8Array, from: number): number {
  return mac.subarray(from, from + 4).reduce((word, byte) => ((word << 8) | byte) >>> 0, 0)
}

/** CRC-8 that the factory burns next to the MAC: polynomial 0x31 reflected, start 0. */
function crc8(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8c : crc >> 1
  }
  return crc
}
