import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Rfc2217 } from '../../src/sandbox/board/rfc2217.js'
import type { SerialLine } from '../../src/sandbox/board/serial-line.js'

/** A telnet server over a line that writes down what is done to it. */
function server() {
  const acts: string[] = []
  const written: number[] = []
  const sent: number[] = []
  const line = {
    baud: 115_200,
    write: (bytes: Uint8Array) => written.push(...bytes),
    setBaud(baud: number) {
      this.baud = baud
      acts.push(`baud ${baud}`)
    },
    setLines: (dtr: boolean, rts: boolean) => acts.push(`dtr ${Number(dtr)} rts ${Number(rts)}`),
    setBreak: (isOn: boolean) => acts.push(`break ${isOn}`),
    purge: (which: object) => acts.push(`purge ${JSON.stringify(which)}`),
  }
  const telnet = new Rfc2217(line as unknown as SerialLine, (bytes) => sent.push(...bytes))
  return {
    telnet,
    acts,
    written,
    receive: (...bytes: number[]) => telnet.receive(Uint8Array.from(bytes)),
    /** What was sent since the last call, as hex. */
    sent: () => Buffer.from(sent.splice(0)).toString('hex'),
  }
}
const sub = (...body: number[]): number[] => [255, 250, 44, ...body, 255, 240]
const hexOf = (bytes: number[]): string => Buffer.from(bytes).toString('hex')

describe('RFC 2217', () => {
  it('greets as pyserial does and agrees with what it asks for, once', () => {
    const { telnet, receive, sent } = server()
    telnet.greet()
    expect(sent()).toBe('fffb01fffb03fffd00fffb2c')
    // DO ECHO, WILL SGA, DO SGA, DO COM-PORT, WILL COM-PORT: what was offered needs no second word.
    receive(255, 253, 1, 255, 251, 3, 255, 253, 3, 255, 253, 44, 255, 251, 44)
    expect(sent()).toBe('fffd03fffd2c')
    receive(255, 253, 44, 255, 251, 44, 255, 251, 0)
    expect(sent()).toBe('')
  })

  it('refuses what it does not know, and answers no refusal of it', () => {
    const { telnet, receive, sent } = server()
    telnet.greet()
    sent()
    receive(255, 253, 31, 255, 251, 24)
    expect(sent()).toBe('fffc1ffffe18')
    receive(255, 254, 31, 255, 252, 24)
    expect(sent()).toBe('')
  })

  it('tells a client that knows no offer about the modem lines', () => {
    const { receive, sent } = server()
    receive(255, 253, 44)
    expect(sent()).toBe(`fffb2c${hexOf(sub(107, 0))}`)
  })

  it('sets and tells the baud rate', () => {
    const { receive, sent, acts } = server()
    receive(...sub(1, 0, 7, 8, 0))
    expect(sent()).toBe(hexOf(sub(101, 0, 7, 8, 0)))
    receive(...sub(1, 0, 0, 0, 0))
    expect(sent()).toBe(hexOf(sub(101, 0, 7, 8, 0)))
    expect(acts).toEqual(['baud 460800'])
  })

  it.each([
    [8, ['dtr 1 rts 0']],
    [9, ['dtr 0 rts 0']],
    [11, ['dtr 0 rts 1']],
    [12, ['dtr 0 rts 0']],
    [5, ['break true']],
    [6, ['break false']],
    [1, []],
  ])('SET-CONTROL %i is done and acknowledged with its own value', (value, expected) => {
    const { receive, sent, acts } = server()
    receive(...sub(5, value))
    expect(acts).toEqual(expected)
    expect(sent()).toBe(hexOf(sub(105, value)))
  })

  it.each([
    [0, 1],
    [4, 6],
    [7, 9],
    [10, 12],
    [13, 14],
  ])('SET-CONTROL %i asks and is answered %i', (question, answer) => {
    const { receive, sent, acts } = server()
    receive(...sub(5, question))
    expect([sent(), acts]).toEqual([hexOf(sub(105, answer)), []])
  })

  it('acknowledges format, masks and purges', () => {
    const { receive, sent, acts } = server()
    receive(...sub(2, 8), ...sub(3, 1), ...sub(4, 1), ...sub(10, 7), ...sub(11, 255, 255))
    expect(sent()).toBe(
      [sub(102, 8), sub(103, 1), sub(104, 1), sub(110, 7), sub(111, 255, 255)].map(hexOf).join(''),
    )
    receive(...sub(12, 1), ...sub(12, 2), ...sub(12, 3))
    expect(sent()).toBe([sub(112, 1), sub(112, 2), sub(112, 3)].map(hexOf).join(''))
    expect(acts).toEqual([
      'purge {"toHost":true,"toChip":false}',
      'purge {"toHost":false,"toChip":true}',
      'purge {"toHost":true,"toChip":true}',
    ])
  })

  it('holds its output while it is suspended', () => {
    const { telnet, receive, sent } = server()
    receive(...sub(8))
    telnet.deliver(Uint8Array.of(1, 255, 2))
    expect(sent()).toBe('')
    receive(...sub(9))
    expect(sent()).toBe('01ffff02')
  })

  it('carries any bytes both ways, however they are cut', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.array(fc.integer({ min: 1, max: 9 })), (data, cuts) => {
        const { telnet, receive, sent, written } = server()
        const wire = [...data].flatMap((byte) => (byte === 255 ? [255, 255] : [byte]))
        for (let at = 0, i = 0; at < wire.length; i++) {
          const size = cuts[i % Math.max(1, cuts.length)] ?? 3
          receive(...wire.slice(at, at + size))
          at += size
        }
        expect(written).toEqual([...data])
        telnet.deliver(data)
        expect(sent()).toBe(hexOf(wire))
      }),
    )
  })

  it('keeps the order of data and commands in one segment', () => {
    const { receive, acts, written } = server()
    receive(1, 2, ...sub(12, 2), 3)
    expect([written, acts]).toEqual([[1, 2, 3], ['purge {"toHost":false,"toChip":true}']])
  })

  it('survives anything: no throw, no flood, and it still obeys', () => {
    const spice = fc.constantFrom(255, 250, 240, 251, 252, 253, 254, 44, 0, 1, 5, 8, 12)
    const noise = fc.array(fc.oneof(spice, fc.nat(255)), { maxLength: 300 })
    fc.assert(
      fc.property(noise, (bytes) => {
        const { receive, sent } = server()
        receive(...bytes)
        // An answer is never longer than three times what caused it, plus the signature.
        expect(sent().length / 2).toBeLessThanOrEqual(3 * bytes.length + 32)
        receive(0, 255, 240, ...sub(5, 8))
        expect(sent().endsWith(hexOf(sub(105, 8)))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('does not let an endless suboption fill the memory', () => {
    const { receive, sent } = server()
    receive(255, 250, 44, 5, 8, ...Array.from({ length: 5000 }, () => 7), 255, 240)
    expect(sent()).toBe(hexOf(sub(105, 8)))
  })
})
