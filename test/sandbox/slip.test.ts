import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BadEscape, SlipReader, slipFrame } from '../../src/sandbox/board/slip.js'

const packet = fc.uint8Array({ minLength: 1, maxLength: 300 })
const badEscapes: BadEscape[] = ['deaf', 'skip', 'spoil']

describe('SLIP', () => {
  it('frames and unframes any packets, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 6 }),
        fc.integer({ min: 1, max: 50 }),
        (all, cut) => {
          const stream = Buffer.concat(all.map(slipFrame))
          for (const badEscape of badEscapes) {
            const reader = new SlipReader(badEscape)
            const seen: Uint8Array[] = []
            for (let at = 0; at < stream.length; at += cut) {
              seen.push(...reader.read(stream.subarray(at, at + cut)))
            }
            expect(seen.map((one) => [...one])).toEqual(all.map((one) => [...one]))
          }
        },
      ),
    )
  })

  it('escapes the two bytes and no other', () => {
    expect(Buffer.from(slipFrame(Uint8Array.of(0xc0, 0xdb, 1))).toString('hex')).toBe(
      'c0dbdcdbdd01c0',
    )
  })

  it('drops empty frames and what lies between frames', () => {
    const stream = Buffer.from('6869c0c0c001c07a7ac0c002c0', 'hex')
    expect(new SlipReader('skip').read(stream).map((one) => [...one])).toEqual([[1], [2]])
  })

  it.each<[BadEscape, number[][]]>([
    ['deaf', []],
    ['skip', [[1, 2], [3]]],
    ['spoil', [[], [3]]],
  ])('an escape that stands for nothing: %s', (badEscape, expected) => {
    const stream = Buffer.from('c001db0002c0c003c0', 'hex')
    expect(new SlipReader(badEscape).read(stream).map((one) => [...one])).toEqual(expected)
  })

  it('cuts off a frame that never ends', () => {
    const reader = new SlipReader('skip')
    reader.read(Uint8Array.of(0xc0))
    for (let i = 0; i < 40; i++) reader.read(new Uint8Array(4096))
    expect(reader.read(Uint8Array.of(0xc0))[0]?.length).toBe(0x1_0000)
  })

  it('finds the next frame after any noise that holds no end and no escape', () => {
    const noise = fc
      .uint8Array()
      .map((bytes) => bytes.filter((one) => one !== 0xc0 && one !== 0xdb))
    fc.assert(
      fc.property(noise, packet, (junk, wanted) => {
        const reader = new SlipReader('deaf')
        reader.read(junk)
        expect(reader.read(slipFrame(wanted)).map((one) => [...one])).toEqual([[...wanted]])
      }),
    )
  })
})
