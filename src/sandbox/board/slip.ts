const end = 0xc0
const esc = 0xdb
const escapedEnd = 0xdc
const escapedEscape = 0xdd

/** Frames longer than any command are cut off; a hostile host must not fill the memory. */
const longestFrame = 0x1_0000

/** `payload` between two ends, ends and escapes inside it escaped. */
export function slipFrame(payload: Uint8Array): Uint8Array {
  const frame = [end]
  for (const byte of payload) {
    if (byte === end) frame.push(esc, escapedEnd)
    else if (byte === esc) frame.push(esc, escapedEscape)
    else frame.push(byte)
  }
  frame.push(end)
  return Uint8Array.from(frame)
}

/**
 * What a loader does after an escape that stands for nothing (rom.jsonl "bad escape"): the ROM is
 * `deaf` from then on, the older stub will `skip` the two bytes, the newer one will `spoil` the
 * frame, which then ends as an empty one.
 */
export type BadEscape = 'deaf' | 'skip' | 'spoil'

/** Takes a byte stream apart into frames; bytes outside frames and empty frames are dropped. */
export class SlipReader {
  #frame = new Uint8Array(256)
  #length = 0
  #state: 'outside' | 'inside' | 'escaped' | 'spoiled' | 'deaf' = 'outside'

  constructor(private readonly badEscape: BadEscape) {}

  /** The frames that are complete with these bytes; an empty one was spoiled. */
  read(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = []
    for (const byte of bytes) {
      const frame = this.#take(byte)
      if (frame) frames.push(frame)
    }
    return frames
  }

  #take(byte: number): Uint8Array | undefined {
    switch (this.#state) {
      case 'deaf':
        return undefined
      case 'outside':
        if (byte === end) this.#begin()
        return undefined
      case 'spoiled':
        if (byte !== end) return undefined
        this.#state = 'outside'
        return new Uint8Array(0)
      case 'escaped':
        return this.#unescape(byte)
      case 'inside':
        if (byte === end) return this.#finish()
        if (byte === esc) this.#state = 'escaped'
        else this.#push(byte)
        return undefined
    }
  }

  #unescape(byte: number): undefined {
    this.#state = 'inside'
    if (byte === escapedEnd) this.#push(end)
    else if (byte === escapedEscape) this.#push(esc)
    else if (this.badEscape === 'deaf') this.#state = 'deaf'
    else if (this.badEscape === 'spoil') this.#state = 'spoiled'
  }

  #begin(): void {
    this.#state = 'inside'
    this.#length = 0
  }

  #finish(): Uint8Array | undefined {
    // Two ends in a row: the second one begins the next frame.
    if (this.#length === 0) return undefined
    this.#state = 'outside'
    return this.#frame.slice(0, this.#length)
  }

  #push(byte: number): void {
    if (this.#length >= longestFrame) return
    if (this.#length === this.#frame.length) {
      const larger = new Uint8Array(2 * this.#length)
      larger.set(this.#frame)
      this.#frame = larger
    }
    this.#frame[this.#length++] = byte
  }
}
