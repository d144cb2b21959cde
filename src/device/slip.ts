/** SLIP framing of the ROM loader: C0 … C0, C0 -> DB DC, DB -> DB DD (esptool's serial protocol). */
const END = 0xc0
const ESC = 0xdb
const ESC_END = 0xdc
const ESC_ESC = 0xdd

export function slipEncode(packet: Uint8Array): Uint8Array {
  let extra = 0
  for (const byte of packet) if (byte === END || byte === ESC) extra++
  const frame = new Uint8Array(packet.length + extra + 2)
  let at = 0
  frame[at++] = END
  for (const byte of packet) {
    if (byte === END || byte === ESC) {
      frame[at++] = ESC
      frame[at++] = byte === END ? ESC_END : ESC_ESC
    } else {
      frame[at++] = byte
    }
  }
  frame[at] = END
  return frame
}

/** No answer is longer: 64 KB of flash data and its head. What is longer is noise and is dropped. */
const longestPacket = 70_000

/** Takes bytes however they come and gives whole packets; keeps what stood outside of frames. */
export class SlipReader {
  #packet = new Uint8Array(1024)
  #length = 0
  #inFrame = false
  #escaped = false
  #broken = false
  /** Text between frames: the ROM's boot log. Bounded. */
  #outside: number[] = []

  push(chunk: Uint8Array): Uint8Array[] {
    const packets: Uint8Array[] = []
    for (const byte of chunk) {
      if (!this.#inFrame) {
        if (byte === END) this.#begin()
        else if (this.#outside.length < 4096) this.#outside.push(byte)
        continue
      }
      if (byte === END) {
        // Two ENDs in a row: the first closed a frame that noise had opened.
        if (this.#length === 0) continue
        if (!this.#broken) packets.push(this.#packet.slice(0, this.#length))
        this.#inFrame = false
        continue
      }
      this.#take(byte)
    }
    return packets
  }

  /** What came outside of frames since the last call. */
  takeOutside(): Uint8Array {
    const bytes = Uint8Array.from(this.#outside)
    this.#outside = []
    return bytes
  }

  #begin(): void {
    this.#inFrame = true
    this.#length = 0
    this.#escaped = false
    this.#broken = false
  }

  #take(byte: number): void {
    if (this.#escaped) {
      this.#escaped = false
      if (byte === ESC_END) this.#append(END)
      else if (byte === ESC_ESC) this.#append(ESC)
      else this.#broken = true
    } else if (byte === ESC) {
      this.#escaped = true
    } else {
      this.#append(byte)
    }
  }

  #append(byte: number): void {
    if (this.#length >= longestPacket) {
      this.#broken = true
      return
    }
    if (this.#length === this.#packet.length) {
      const larger = new Uint8Array(this.#packet.length * 2)
      larger.set(this.#packet)
      this.#packet = larger
    }
    this.#packet[this.#length++] = byte
  }
}
