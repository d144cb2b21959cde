import { WxError } from '../errors.js'

/** RFC 6455, section 5.2. */
export const opcodes = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface Frame {
  opcode: number
  payload: Uint8Array
}

/** A whole message from client to server: at most 65,535 bytes, masked with four bytes. */
export function clientFrame(opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  if (payload.length > 0xffff) throw new RangeError(`${payload.length} bytes are no short frame`)
  const isShort = payload.length < 126
  const head = isShort
    ? [0x80 | opcode, 0x80 | payload.length]
    : [0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 0xff]
  const masked = payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0))
  return Uint8Array.from([...head, ...mask.subarray(0, 4), ...masked])
}

/** Cuts what a server sends into frames, wherever the bytes were parted on their way. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0)
  #opcode: number = opcodes.text

  /**
   * The frames that are complete with these bytes; a continuation carries the opcode of its
   * message. Throws ANSWER_INVALID for a masked or a 64-bit frame, which a board never sends.
   */
  push(bytes: Uint8Array): Frame[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const frames: Frame[] = []
    while (true) {
      const frame = this.#take()
      if (!frame) return frames
      frames.push(frame)
    }
  }

  #take(): Frame | undefined {
    const [first, second] = this.#rest
    if (first === undefined || second === undefined) return undefined
    if (second > 126)
      throw new WxError('ANSWER_INVALID', 'What answers there is no WebREPL of a board.')
    const isLong = second === 126
    if (isLong && this.#rest.length < 4) return undefined
    const length = isLong ? ((this.#rest[2] ?? 0) << 8) | (this.#rest[3] ?? 0) : second
    const from = isLong ? 4 : 2
    if (this.#rest.length < from + length) return undefined
    const payload = this.#rest.slice(from, from + length)
    this.#rest = this.#rest.subarray(from + length)
    const opcode = first & 0x0f
    // Control frames (8 and up) may stand between the parts of a message.
    if (opcode !== opcodes.more && opcode < 8) this.#opcode = opcode
    return { opcode: opcode === opcodes.more ? this.#opcode : opcode, payload }
  }
}
