import { type Pair, pairBytes, pairOf } from './device.js'
import { makeTag, noId, types } from './tags.js'

const stateSize = 12
const orphanBit = 0x8000_0000

/**
 * What concerns more than one pair: a move under way, and whether orphans may exist. It is the XOR
 * of a share that each pair holds (littlefs SPEC.md, "0x7ff LFS_TYPE_MOVESTATE").
 */
export class GlobalState {
  #now = new Uint8Array(stateSize)
  #onDisk = new Uint8Array(stateSize)

  read(shares: Uint8Array[]): void {
    this.#onDisk = shares.reduce<Uint8Array<ArrayBuffer>>(xor, new Uint8Array(stateSize))
    this.#now = this.#onDisk.slice()
  }

  get hasOrphans(): boolean {
    return (this.#tag & orphanBit) !== 0
  }

  get move(): { pair: Pair; id: number } | undefined {
    const tag = this.#tag
    if (((tag >>> 20) & 0x7ff) !== types.delete) return undefined
    return { pair: pairOf(this.#now.subarray(4)), id: (tag >>> 10) & noId }
  }

  setOrphans(value: boolean): void {
    const tag = this.#tag & ~orphanBit
    this.#setTag((value ? tag | orphanBit : tag) >>> 0)
  }

  setMove(move: { pair: Pair; id: number } | undefined): void {
    const orphans = this.#tag & orphanBit
    this.#setTag(((move ? makeTag(types.delete, move.id, 0) : 0) | orphans) >>> 0)
    this.#now.set(move ? pairBytes(move.pair) : new Uint8Array(8), 4)
  }

  /** The share of a pair that goes away moves into the next commit. */
  inherit(share: Uint8Array): void {
    this.#onDisk = xor(this.#onDisk, share)
  }

  /** What a pair's share becomes so that the whole is what it should be; undefined = as it is. */
  changeFor(share: Uint8Array): Uint8Array | undefined {
    const difference = xor(this.#now, this.#onDisk)
    return difference.some((byte) => byte !== 0) ? xor(difference, share) : undefined
  }

  committed(): void {
    this.#onDisk = this.#now.slice()
  }

  get #tag(): number {
    return new DataView(this.#now.buffer).getUint32(0, true)
  }

  #setTag(tag: number): void {
    new DataView(this.#now.buffer).setUint32(0, tag, true)
  }
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (byte, i) => byte ^ (b[i] ?? 0))
}
