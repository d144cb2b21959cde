import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  comPort,
  escapeData,
  subnegotiation,
  type TelnetItem,
  TelnetParser,
} from '../../../../src/device/links/telnet.js'

/** Feeds bytes in the given pieces and joins data that lies side by side. */
function parsed(bytes: Uint8Array, cuts: number[]): TelnetItem[] {
  const parser = new TelnetParser()
  const items: TelnetItem[] = []
  let from = 0
  for (const to of [
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]) {
    for (const item of parser.parse(bytes.subarray(from, to))) {
      const last = items.at(-1)
      if (item.type === 'data' && last?.type === 'data')
        last.bytes = Uint8Array.from([...last.bytes, ...item.bytes])
      else items.push(item)
    }
    from = to
  }
  return items
}

describe('telnet', () => {
  it('gives data back however it is cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.array(fc.nat()), (data, cuts) => {
        expect(parsed(escapeData(data), cuts)).toEqual([{ type: 'data', bytes: data }])
      }),
    )
  })

  it('finds suboptions and negotiation between data', () => {
    const frame = subnegotiation(comPort.SET_BAUDRATE, [0, 1, 0xff, 0])
    const wire = Uint8Array.from([65, ...frame, 255, 253, 44, 66])
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        expect(parsed(wire, cuts)).toEqual([
          { type: 'data', bytes: Uint8Array.of(65) },
          { type: 'suboption', bytes: Uint8Array.of(44, 1, 0, 1, 255, 0) },
          { type: 'negotiate', verb: 253, option: 44 },
          { type: 'data', bytes: Uint8Array.of(66) },
        ])
      }),
    )
  })

  it('takes any bytes without failing, and never gives more data than came', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat()), (bytes, cuts) => {
        const data = parsed(bytes, cuts).flatMap((item) =>
          item.type === 'data' ? [...item.bytes] : [],
        )
        expect(data.length).toBeLessThanOrEqual(bytes.length)
      }),
    )
  })

  it('bounds a suboption that never ends', () => {
    const parser = new TelnetParser()
    const items = [
      ...parser.parse(Uint8Array.of(255, 250, 44)),
      ...parser.parse(new Uint8Array(100_000).fill(7)),
      ...parser.parse(Uint8Array.of(255, 240)),
    ]
    expect(items).toHaveLength(1)
    expect((items[0] as { bytes: Uint8Array }).bytes.length).toBeLessThanOrEqual(1024)
  })
})
