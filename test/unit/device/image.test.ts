import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chips } from '../../../src/device/boards.js'
import { mergeParts, planTarget } from '../../../src/device/flash-target.js'
import { checkImage, readImage, withFlashSize } from '../../../src/device/image.js'
import {
  readPartitionTable,
  tableOffset,
  withQueue,
  writePartitionTable,
} from '../../../src/device/partitions.js'
import { WxError } from '../../../src/errors.js'
import { buildImage, imageChips } from '../../../src/sandbox/image-builder.js'

const megabyte = 1024 * 1024
const built = buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' })

/** Reading ends with a result or with our own error, whatever the bytes are. */
function readsOrRefuses(bytes: Uint8Array): void {
  try {
    readImage(bytes, 'x.bin')
  } catch (error) {
    expect(error).toBeInstanceOf(WxError)
  }
}

describe('readImage', () => {
  it.each(imageChips)('reads a combined image of the %s', (chip) => {
    const image = readImage(buildImage(chip, { version: 'v1.27.0', date: '2025-12-09' }), 'x.bin')
    expect(image).toMatchObject({ kind: 'combined', offset: chips[chip].bootloaderOffset })
    expect(image.header.chip).toBe(chip)
  })

  it.each(Object.keys(chips) as (keyof typeof chips)[])('tells the header of the %s', (chip) => {
    const bytes = new Uint8Array(48)
    bytes.set([0xe9, 1])
    bytes[12] = chips[chip].imageId
    // One empty segment; its checksum is the seed, at the end of the 16-byte line.
    bytes[47] = 0xef
    expect(readImage(bytes, 'x.bin').header.chip).toBe(chip)
  })

  it('refuses an image for another chip, and says both', () => {
    const image = readImage(built, 'x.bin')
    const board = { chip: 'esp32c3' as const, flashSizeBytes: 4 * megabyte, revision: 3 }
    expect(() => checkImage(image, board, 'x.bin')).toThrow(/ESP32, but the board has an ESP32-C3/)
  })

  it('refuses any single changed byte of bootloader or app, or reads it without harm', () => {
    fc.assert(
      fc.property(fc.nat(built.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = built.slice()
        bytes[at] = (bytes[at] ?? 0) ^ change
        readsOrRefuses(bytes)
      }),
      { numRuns: 60 },
    )
  })

  it('survives any cut and any bytes', () => {
    fc.assert(
      fc.property(fc.nat(built.length), (size) => readsOrRefuses(built.subarray(0, size))),
      { numRuns: 60 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (rest) =>
        readsOrRefuses(Uint8Array.from([0xe9, 2, ...rest])),
      ),
    )
  })
})

describe('partition tables', () => {
  const table = readImage(built, 'x.bin').table
  if (!table) throw new Error('the built image has no table')

  it('come back as they were written', () => {
    const bytes = writePartitionTable(table.partitions)
    expect(readPartitionTable(bytes, 'x').partitions).toEqual(table.partitions)
  })

  it.each([4, 8, 16])('give the queue the rest of %i MB', (size) => {
    const changed = withQueue(table, size * megabyte)
    const queue = changed?.partitions.find(({ label }) => label === 'wxqueue')
    expect(queue).toMatchObject({ type: 'data', subtype: 0x40, offset: 0x240000 })
    expect((queue?.offset ?? 0) + (queue?.size ?? 0)).toBe(size * megabyte)
    expect(() =>
      readPartitionTable(writePartitionTable(changed?.partitions ?? []), 'x'),
    ).not.toThrow()
  })

  it('refuse a wrong digest and overlaps', () => {
    const bytes = writePartitionTable(table.partitions)
    const spoiled = bytes.slice()
    spoiled[12] = (spoiled[12] ?? 0) ^ 1
    expect(() => readPartitionTable(spoiled, 'x')).toThrow('MD5')
    const [first, second] = table.partitions
    if (!first || !second) throw new Error('two partitions are needed')
    const overlapping = writePartitionTable([first, { ...second, offset: first.offset }])
    expect(() => readPartitionTable(overlapping, 'x')).toThrow('overlaps')
  })

  it('are read from any bytes without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3072 }), (bytes) => {
        try {
          readPartitionTable(bytes, 'x')
        } catch (error) {
          expect(error).toBeInstanceOf(WxError)
        }
      }),
    )
  })
})

describe('planTarget', () => {
  const image = readImage(built, 'x.bin')
  const options = { stockPartitions: false, keepData: true }

  it('leaves nvs and vfs alone and writes whole sectors', () => {
    const { regions, hasQueue } = planTarget(image, 4 * megabyte, options)
    expect(hasQueue).toBe(true)
    for (const { address, bytes } of regions) {
      expect(address % 4096).toBe(0)
      expect(bytes.length % 4096).toBe(0)
      const end = address + bytes.length
      expect(end <= 0x9000 || address >= 0x10000).toBe(true)
    }
  })

  it('keeps the official bytes with stock partitions', () => {
    const { regions, hasQueue } = planTarget(image, 4 * megabyte, {
      stockPartitions: true,
      keepData: false,
    })
    expect(hasQueue).toBe(false)
    expect(regions[0]?.bytes.subarray(0, built.length)).toEqual(built)
  })

  it('states a larger flash in a header whose digest is right again', () => {
    const larger = withFlashSize(image, 16 * megabyte)
    expect(readImage(larger.bytes, 'x.bin').header.flashSizeBytes).toBe(16 * megabyte)
    const table = planTarget(image, 16 * megabyte, options).image.bytes
    const at = tableOffset - image.offset
    expect(readPartitionTable(table.subarray(at, at + 0xc00), 'x').partitions.at(-1)?.label).toBe(
      'wxqueue',
    )
  })

  it('merges parts with erased flash between them', () => {
    const parts = [
      { offset: 0x8000, bytes: Uint8Array.of(2) },
      { offset: 0x1000, bytes: Uint8Array.of(1) },
    ]
    const merged = mergeParts(parts)
    expect([merged[0], merged[1], merged[0x7000]]).toEqual([1, 0xff, 2])
  })
})
