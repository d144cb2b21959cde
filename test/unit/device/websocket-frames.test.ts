import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientFrame, FrameReader } from '../../../src/device/websocket-frames.js'

describe('WebSocket frames', () => {
  it('come out whole, wherever they are cut on the way', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 40 }), (payloads, step) => {
        const wire = Buffer.concat(payloads.flatMap((payload) => [head(payload.length), payload]))
        const reader = new FrameReader()
        const seen: Uint8Array[] = []
        for (let at = 0; at < wire.length; at += step)
          seen.push(...reader.push(wire.subarray(at, at + step)).map((frame) => frame.payload))
        expect(seen.map((one) => [...one])).toEqual(payloads.map((one) => [...one]))
      }),
      { numRuns: 60 },
    )
  })

  it('match the masked example of RFC 6455, section 5.7', () => {
    const mask = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d)
    const frame = clientFrame(1, Buffer.from('Hello'), mask)
    expect(Buffer.from(frame).toString('hex')).toBe('818537fa213d7f9f4d5158')
  })

  it('carry the opcode of the message in its continuation, past a ping between', () => {
    const reader = new FrameReader()
    const wire = Uint8Array.of(0x02, 1, 65, 0x89, 0, 0x80, 1, 66)
    expect(reader.push(wire).map(({ opcode }) => opcode)).toEqual([2, 9, 2])
  })

  it('are refused when they are masked or longer than a board sends', () => {
    expect(() => new FrameReader().push(Uint8Array.of(0x81, 0x85))).toThrow(/no WebREPL/)
    expect(() => new FrameReader().push(Uint8Array.of(0x81, 127))).toThrow(/no WebREPL/)
  })
})

function head(size: number): Buffer {
  return size < 126 ? Buffer.from([0x82, size]) : Buffer.from([0x82, 126, size >> 8, size & 255])
}
