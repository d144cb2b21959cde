import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { resample, Uart } from '../../src/sandbox/board/uart.js'
import { noFaults } from '../../src/sandbox/faults.js'
import { fakeClock } from '../support/clock.js'

const bytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i)

function pacedUart(faults = noFaults()) {
  const clock = fakeClock()
  const uart = new Uart({ clock, isPaced: true, faults })
  const atChip: number[] = []
  const atHost: number[] = []
  uart.onChipReceive = (received) => atChip.push(...received)
  uart.onHostReceive = (received) => atHost.push(...received)
  return { clock, uart, atChip, atHost }
}

describe('the wire', () => {
  it('carries ten bits a byte at the rate of the sender', async () => {
    const { clock, uart, atChip } = pacedUart()
    uart.sendFromHost(new Uint8Array(1152))
    await clock.advance(50)
    expect(atChip.length).toBeGreaterThan(500)
    expect(atChip.length).toBeLessThanOrEqual(576)
    await clock.advance(49)
    expect(atChip.length).toBeLessThan(1152)
    await clock.advance(2)
    expect(atChip.length).toBe(1152)
  })

  it('does not lose time between two writes, nor save it up', async () => {
    const { clock, uart, atHost } = pacedUart()
    uart.sendFromChip(new Uint8Array(576))
    uart.sendFromChip(new Uint8Array(576))
    await clock.advance(99)
    expect(atHost.length).toBeLessThan(1152)
    await clock.advance(2)
    expect(atHost.length).toBe(1152)
    await clock.advance(1000)
    uart.sendFromChip(new Uint8Array(1152))
    await clock.advance(50)
    expect(atHost.length).toBeLessThanOrEqual(1152 + 576)
  })

  it('finishes at the old rate what was sent before the rate changed', async () => {
    const { clock, uart, atHost } = pacedUart()
    uart.sendFromChip(bytes(100))
    uart.chipBaud = 460_800
    await clock.advance(20)
    expect(atHost).toEqual([...bytes(100)])
    uart.sendFromChip(bytes(100))
    uart.hostBaud = 460_800
    await clock.advance(3)
    expect(atHost.length).toBe(200)
  })

  it('stops in the middle when the chip is reset, and drops what the host purges', async () => {
    const { clock, uart, atHost, atChip } = pacedUart()
    uart.sendFromChip(new Uint8Array(1152))
    await clock.advance(50)
    uart.resetChip()
    const until = atHost.length
    await clock.advance(200)
    expect(atHost.length).toBe(until)
    uart.sendFromHost(new Uint8Array(1152))
    expect(uart.hostBacklog).toBe(1152)
    uart.purge({ toChip: true })
    await clock.advance(200)
    expect([atChip.length, uart.hostBacklog]).toEqual([0, 0])
  })

  it('loses one byte in so many, in every run the same ones', async () => {
    const lost = async (): Promise<number[]> => {
      const { clock, uart, atChip } = pacedUart({ ...noFaults(), loseOneByteIn: 50 })
      uart.sendFromHost(new Uint8Array(5000).map((_, i) => i))
      await clock.advance(1000)
      return atChip
    }
    const first = await lost()
    expect(5000 - first.length).toBeGreaterThan(50)
    expect(5000 - first.length).toBeLessThan(200)
    expect(await lost()).toEqual(first)
  })
})

describe('rates that differ', () => {
  it('are read right within the tolerance of a UART', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: -30, max: 30 }), (sent, perMille) => {
        expect(resample(sent, 115_200, 115_200 * (1 + perMille / 1000))).toEqual(sent)
      }),
    )
  })

  it('turn a SYNC into garbage of a plausible length', () => {
    const sync = Buffer.from(`c000082400000000000707122${'05'.repeat(32)}c0`, 'hex')
    for (const [from, to] of [
      [74_880, 115_200],
      [460_800, 115_200],
      [115_200, 460_800],
      [9600, 115_200],
    ] as const) {
      const seen = resample(sync, from, to)
      expect(Buffer.compare(seen, sync)).not.toBe(0)
      expect(Buffer.from(seen).includes(Buffer.from('07071220', 'hex'))).toBe(false)
      expect(seen.length).toBeLessThanOrEqual(Math.ceil(sync.length * Math.max(1, (2 * to) / from)))
    }
  })

  it('never break the receiver', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.integer({ min: 300, max: 5_000_000 }),
        fc.integer({ min: 300, max: 5_000_000 }),
        (sent, from, to) => resample(sent, from, to).length >= 0,
      ),
      { numRuns: 200 },
    )
  })
})
