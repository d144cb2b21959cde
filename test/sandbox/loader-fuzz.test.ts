import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silicon } from '../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../src/sandbox/board/flash.js'
import { type LoaderPins, ops, type Receiver } from '../../src/sandbox/board/loader.js'
import { Registers } from '../../src/sandbox/board/registers.js'
import { RomLoader } from '../../src/sandbox/board/rom.js'
import { SlipReader, slipFrame } from '../../src/sandbox/board/slip.js'
import { Stub } from '../../src/sandbox/board/stub.js'

const size = 512 * 1024
const sync = Buffer.from(`0008240000000000070712205555${'55'.repeat(30)}`, 'hex')
const codes = [...Object.values(ops), 0x00, 0x42, 0xff]

/** A loader on pins that go nowhere. */
function loader(make: (pins: LoaderPins) => Receiver) {
  const shared = makeSharedFlash(size)
  const flash = new Flash(shared)
  const part = silicon.esp32s3
  let sent = Buffer.alloc(0)
  let hasLeft = false
  const receiver = make({
    silicon: part,
    flash: shared,
    registers: new Registers(part, flash, new Uint8Array(6)),
    transmit: (bytes) => {
      sent = Buffer.concat([sent, bytes])
    },
    setBaud: () => {},
    busy: async () => {},
    leave: () => {
      hasLeft = true
    },
  })
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  return {
    hasLeft: () => hasLeft,
    sent: () => sent.length,
    async send(bytes: Uint8Array): Promise<string[]> {
      sent = Buffer.alloc(0)
      receiver.receive(bytes, true)
      for (let i = 0; i < 6; i++) await settle()
      return new SlipReader('skip').read(sent).map((one) => Buffer.from(one).toString('hex'))
    },
  }
}

/** Frames that look like commands: a known code, words that are near what matters, or anything. */
const word = fc.oneof(
  fc.constantFrom(
    0,
    1,
    0x10,
    0x400,
    0x1000,
    0x1800,
    0x4000,
    size - 1,
    size,
    0x7fff_ffff,
    0xffff_ffff,
  ),
  fc.integer({ min: 0, max: 0xffff_ffff }),
)
const command = fc
  .record({
    op: fc.constantFrom(...codes),
    words: fc.array(word, { maxLength: 8 }),
    wrongLength: fc.boolean(),
    checksum: fc.nat(255),
  })
  .map(({ op, words, wrongLength, checksum }) => {
    const body = new Uint8Array(Uint32Array.from(words).buffer)
    const length = body.length + (wrongLength ? 3 : 0)
    return slipFrame(Buffer.concat([Uint8Array.of(0, op, length, 0, checksum, 0, 0, 0), body]))
  })
const hostile = fc.array(fc.oneof({ weight: 4, arbitrary: command }, fc.uint8Array()), {
  maxLength: 12,
})

describe.each<[string, (pins: LoaderPins) => Receiver, string]>([
  ['ROM', (pins) => new RomLoader(pins), '010804000707122000'],
  ['older stub', (pins) => new Stub(pins, 1), '0108020000000000'],
  ['newer stub', (pins) => new Stub(pins, 2), '0108020000000000'],
])('%s and a hostile host', (name, make, answer) => {
  it('never throws, never floods, and answers SYNC afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (packets) => {
        const one = loader(make)
        for (const packet of packets) {
          await one.send(packet)
          // The most there is for one command: a whole flash in one READ_FLASH, every byte escaped.
          expect(one.sent()).toBeLessThanOrEqual(3 * size)
        }
        if (one.hasLeft()) return
        // A READ_FLASH that was begun takes acknowledgements and nothing else.
        await one.send(slipFrame(Uint8Array.of(0xff, 0xff, 0xff, 0x7f)))
        await one.send(slipFrame(Uint8Array.of(0xff, 0xff, 0xff, 0x7f)))
        const isDeaf = name === 'ROM' && packets.some((packet) => hasBadEscape(packet))
        if (isDeaf) return
        // Noise may have left a frame open: the first SYNC ends it.
        await one.send(slipFrame(sync))
        const answers = await one.send(slipFrame(sync))
        expect(answers.length).toBe(8)
        expect(answers[0]?.startsWith(answer)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })
})

function hasBadEscape(bytes: Uint8Array): boolean {
  return bytes.some((byte, i) => byte === 0xdb && bytes[i + 1] !== 0xdc && bytes[i + 1] !== 0xdd)
}
