import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { writePartitionTable } from '../../../src/device/partitions.js'
import { findQueue } from '../../../src/station/queue-image.js'
import { readQueueLog } from '../../../src/station/queue-log.js'
import { keyEntry, queuePage } from '../../support/queue-page.js'

const pageOf = (number: number, count: number, acknowledged = 0): Uint8Array =>
  queuePage(
    { number, first: number * 10, acknowledged, isSet: true, zeroSeconds: 100, lastSeconds: 100 },
    Array.from({ length: count }, (_, i) =>
      keyEntry(i, 1000 * (number + 1) + 2 * i, true, 1, [215, 480, -2048, 101325]),
    ),
  )
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
/** Entries of every kind with any content, so that the seal lets them through. */
const entry = fc
  .tuple(
    fc.constantFrom(
      ...[0x00, 0x01, 0x20, 0x3f, 0x40, 0x41, 0x7f, 0x80, 0x95, 0xa0, 0xb3, 0xc1, 0xc2, 0xc3, 0xd0],
    ),
    fc.uint8Array({ minLength: 18, maxLength: 18 }),
  )
  .map(([byte, rest]) => {
    const kind = byte >> 4
    const sizes: { [kind: number]: number } = { 8: 7, 9: 9, 10: 17, 11: 3 }
    const others: { [byte: number]: number } = { 193: 7, 194: 13, 195: 9 }
    const size = others[byte] ?? sizes[kind] ?? (byte > 0x40 ? 3 : 2)
    return Uint8Array.from([byte, ...rest]).subarray(0, size)
  })
const hostilePage = fc
  .record({
    number: fc.oneof(fc.nat(8), fc.integer({ min: 0, max: 0x3fffffff })),
    first: int32,
    acknowledged: int32,
    boot: fc.nat(3),
    isSet: fc.boolean(),
    intervalMs: int32,
    seconds: int32,
    zeroSeconds: int32,
    lastSeconds: int32,
    estimated: fc.nat(3),
  })
  .chain((head) => fc.array(entry, { maxLength: 60 }).map((entries) => queuePage(head, entries)))
const page = fc.oneof(
  hostilePage,
  fc.uint8Array({ minLength: 4096, maxLength: 4096 }),
  fc.constant(new Uint8Array(4096).fill(0xff)),
)

describe('a saved queue', () => {
  it('never crashes the reader, which sees nothing beside it, whatever its bytes', () => {
    fc.assert(
      fc.property(
        fc.array(page, { maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 100 }),
        fc.boolean(),
        fc.boolean(),
        (pages, hurts, rest, isPartition, all) => {
          const bytes = join(...pages, rest)
          for (const [at, byte] of hurts) if (bytes.length > 0) bytes[at % bytes.length] = byte
          const log = readQueueLog(bytes, { isPartition, all })
          for (const record of log.records) {
            expect(new Date(record.atMs).toISOString()).toMatch(/^\d{4}-/)
            expect(Number.isInteger(record.number)).toBe(true)
          }
          expect(Math.min(log.damaged, log.untimed, log.damagedPlaces)).toBeGreaterThanOrEqual(0)
          // The same bytes among others that look like entries.
          const among = join(pageOf(5, 3), bytes, pageOf(6, 3))
          const inside = among.subarray(4096, 4096 + bytes.length)
          expect(readQueueLog(inside, { isPartition, all })).toEqual(log)
        },
      ),
      { numRuns: 150 },
    )
  }, 60_000)

  it('is counted where its records cannot be read', () => {
    const bytes = join(pageOf(0, 10), pageOf(1, 10), pageOf(2, 5, 3))
    bytes[52 + 4 * 19 + 3] = 0
    bytes.fill(0x5a, 4096, 8192)
    const log = readQueueLog(bytes, { isPartition: true })
    expect(log.records.map(({ number }) => number)).toEqual([3, 5, 6, 7, 8, 9, 20, 21, 22, 23, 24])
    expect(log).toMatchObject({ acknowledged: 3, damaged: 11, damagedPlaces: 2, pages: 2 })
    expect(log.records[0]).toEqual({
      number: 3,
      atMs: Date.UTC(2020, 0, 1) + 1_006_000,
      isEstimated: false,
      ...{ temperature: 21.5, humidity: 48, pressure: 1013.25, caseTemperature: null },
    })
  })

  it('leaves out and counts records when no clock was ever set', () => {
    const bytes = queuePage({ number: 0 }, [keyEntry(0, 4, false, 1, [1, 2, 3, 90000])])
    const log = readQueueLog(bytes, { isPartition: true })
    expect(log).toMatchObject({ records: [], untimed: 1, damaged: 0 })
  })
})

describe('where the queue lies', () => {
  const queue = join(pageOf(4, 2), pageOf(5, 2), pageOf(2, 2), pageOf(3, 2))
  const flash = new Uint8Array(0x14000).fill(0xff)
  const data = { type: 'data', subtype: 0x40, flags: 0 } as const
  const table = (label: string, size = 0x4000): Uint8Array => {
    const bytes = flash.slice()
    bytes.set(writePartitionTable([{ label, ...data, offset: 0x10000, size }]), 0x8000)
    bytes.set(queue, 0x10000)
    return bytes
  }

  it('is told by the partition table, or by the pages of a file without one', () => {
    expect(findQueue(table('wxqueue'), 'a').bytes).toEqual(queue)
    expect(findQueue(queue, 'a')).toEqual({ bytes: queue, isPartition: true })
    const piece = join(new Uint8Array(4096).fill(7), queue)
    const found = findQueue(piece, 'a')
    expect(found.isPartition).toBe(false)
    const log = readQueueLog(found.bytes, { isPartition: false, all: true })
    expect(log).toMatchObject({ pages: 4, damagedPlaces: 0 })
  })

  it.each([
    ['no queue', new Uint8Array(9000), /no queue/],
    ['an empty file', new Uint8Array(0), /no queue/],
    ['another table', table('records'), /no partition "wxqueue"/],
    ['half of it', table('wxqueue', 0x8000), /ends within/],
  ])('is missed clearly in a file with %s', (_, bytes, message) => {
    expect(() => findQueue(bytes, 'a.bin')).toThrow(message)
  })
})
