import { describe, expect, it } from 'vitest'
import type { Link } from '../../../src/device/link.js'
import { selfReset } from '../../../src/device/self-reset.js'
import { fakeClock } from '../../support/clock.js'

/** A chip that obeys one register and greets when it is written; answers to commands are left out. */
function chip(register: number) {
  const clock = fakeClock()
  const writes: number[] = []
  let input: Uint8Array[] = []
  const link = {
    kind: 'socket',
    hasControlLines: false,
    async read(timeoutMs: number) {
      if (input.length === 0) await Promise.all([clock.sleep(timeoutMs), clock.advance(timeoutMs)])
      const bytes = Buffer.concat(input)
      input = []
      return new Uint8Array(bytes)
    },
    unread: (bytes: Uint8Array) => void input.unshift(bytes),
    async write(frame: Uint8Array) {
      // END, direction, opcode 9, size, checksum, then the register.
      if (frame[2] !== 9) return
      const address = new DataView(frame.buffer, frame.byteOffset).getUint32(9, true)
      writes.push(address)
      if (address === register)
        input.push(Buffer.from('ets\r\n\r\nrst:0x10 (RTCWDT_RTC_RESET)\r\n'))
    },
    discardInput: () => {
      input = []
    },
  } as unknown as Link
  return { clock, link, writes }
}

describe('a chip resets itself', () => {
  it.each([
    ['esp32', 0x3ff4808c, [0x3ff480a4, 0x3ff48090, 0x3ff4808c]],
    ['esp32c3', 0x60008090, [0x600080a8, 0x60008094, 0x60008090]],
    ['esp32s2', 0x3f408094, [0x3f408128, 0x3f4080ac, 0x3f408098, 0x3f408094]],
    ['esp32s3', 0x60008098, [0x6000812c, 0x600080b0, 0x6000809c, 0x60008098]],
    ['esp32p4', 0x50116000, [0x50110008, 0x50116018, 0x50116004, 0x50116000]],
    ['esp32h2', 0x600b1c00, [0x600b1c1c, 0x600b1c04, 0x600b1c00]],
  ] as const)(
    '%s: unlocks its watchdog, sets it, lets it bite',
    async (name, register, expected) => {
      const { clock, link, writes } = chip(register)
      await selfReset(link, name, clock)
      expect(writes).toEqual(expected)
      expect(Buffer.from(await link.read(0)).toString()).toMatch(/rst:0x10/)
    },
  )

  it('an ESP32 whose watchdog does not bite gets a system reset', async () => {
    const { clock, link, writes } = chip(0x3ff48000)
    await selfReset(link, 'esp32', clock)
    expect(writes.at(-1)).toBe(0x3ff48000)
  })
})
