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
 * do; another seed gives other bytes.
 */
export function largeImage(appBytes: number, { chip = 'esp32' as SiliconName, seed = 1 } = {}) {
  const small = buildImage(chip, facts)
  const appAt = 0x10000 - chips[chip].bootloaderOffset
  const app = Buffer.from(small.subarray(appAt))
  const firstBytes = app.readUInt32LE(28)
  const body = new Uint8Array(appBytes)
  let state = seed
  for (let i = 0; i < appBytes; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    body[i] = (i >> 5) % 3 === 0 ? 0 : state >>> 24
  }
  // The header and the segment with the descriptor stay; the second one is replaced.
  const kept = app.subarray(0, 32 + firstBytes)
  const second = Buffer.from(app.subarray(32 + firstBytes, 40 + firstBytes))
  second.writeUInt32LE(appBytes, 4)
  let checksum = 0xef
  for (const byte of kept.subarray(32)) checksum ^= byte
  for (const byte of body) checksum ^= byte
  const length = kept.length + second.length + body.length
  const padding = new Uint8Array(16 - (length % 16))
  padding[padding.length - 1] = checksum
  const whole = Buffer.concat([kept, second, body, padding])
  const digest = createHash('sha256').update(whole).digest()
  return new Uint8Array(Buffer.concat([small.subarray(0, appAt), whole, digest]))
}
