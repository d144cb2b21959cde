import { createHash } from 'node:crypto'
import { chips } from '../../src/device/boards.js'
import type { SiliconName } from '../../src/sandbox/board/chips.js'
import type { StartRuntime } from '../../src/sandbox/board/runtime.js'
import { buildImage } from '../../src/sandbox/image-builder.js'

export const facts = { version: 'v1.27.0', date: '2025-12-09' }

/** Firmware that only says who it is, as MicroPython does at its prompt. */
export const speaks: StartRuntime = (machine) => {
  const { version, date } = machine.app
  machine.transmit(
    Buffer.from(`MicroPython ${version} on ${date}; Generic ESP32 module with ESP32\r\n>>> `),
  )
  return { receive: () => {}, halt: async () => {} }
}

/**
 * A combined image whose app carries this many bytes that compress to two thirds, as a firmware's
 * do, behind a bootloader that does too; another seed gives other bytes.
 */
export function largeImage(appBytes: number, { chip = 'esp32' as SiliconName, seed = 1 } = {}) {
  const small = buildImage(chip, facts)
  const appAt = 0x10000 - chips[chip].bootloaderOffset
  const next = code(seed)
  fillLoader(small, next)
  const app = Buffer.from(small.subarray(appAt))
  const firstBytes = app.readUInt32LE(28)
  const body = Uint8Array.from({ length: appBytes }, next)
  // The header and the segment with the descriptor stay; the second one is replaced.
  const kept = app.subarray(0, 32 + firstBytes)
  const second = Buffer.from(app.subarray(32 + firstBytes, 40 + firstBytes))
  second.writeUInt32LE(appBytes, 4)
  const whole = sealed([kept, second, body], checksumOf(checksumOf(0xef, kept.subarray(32)), body))
  return new Uint8Array(Buffer.concat([small.subarray(0, appAt), whole]))
}

/** Bytes that compress as machine code does: every third run of 32 is empty. */
function code(seed: number): () => number {
  let state = seed
  let made = 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (made++ >> 5) % 3 === 0 ? 0 : state >>> 24
  }
}

/** Gives the empty segments of an image's bootloader a content, its checksum and digest made anew. */
function fillLoader(image: Uint8Array, next: () => number): void {
  const view = Buffer.from(image.buffer, image.byteOffset, image.length)
  const segments = image[1] ?? 0
  let checksum = 0xef
  let at = 24
  for (let n = 0; n < segments; n++) {
    const size = view.readUInt32LE(at + 4)
    const data = Uint8Array.from({ length: size }, next)
    image.set(data, at + 8)
    checksum = checksumOf(checksum, data)
    at += 8 + size
  }
  image.set(sealed([image.slice(0, at)], checksum))
}

function checksumOf(before: number, bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => sum ^ byte, before)
}

/** The end of every image: padding with the checksum as its last byte, then the SHA-256 of it all. */
function sealed(parts: Uint8Array[], checksum: number): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const padding = new Uint8Array(16 - (length % 16))
  padding[padding.length - 1] = checksum
  const whole = Buffer.concat([...parts, padding])
  return Buffer.concat([whole, createHash('sha256').update(whole).digest()])
}
