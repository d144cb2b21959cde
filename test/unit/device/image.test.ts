import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chips } from '../../../src/device/boards.js'
import { differingRuns } from '../../../src/device/compare.js'
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

/** One segment of 256 bytes, which begins with the magic of an app descriptor or does not. */
function appOf(chip: keyof typeof chips, descriptorMagic: number[]): Uint8Array {
  const bytes = new Uint8Array(304)
  bytes.set([0xe9, 1])
  bytes[12] = chips[chip].imageId
  bytes[29] = 1
  bytes.set(descriptorMagic, 32)
  bytes[303] = descriptorMagic.reduce((sum, byte) => sum ^ byte, 0xef)
  return bytes
}

describe('readImage', () => {
  it.each(imageChips)('reads a combined image of the %s', (chip) => {
    const image = readImage(buildImage(chip, { version: 'v1.27.0', date: '2025-12-09' }), 'x.bin')
    expect(image).toMatchObject({ kind: 'combined', offset: chips[chip].bootloaderOffset })
    expect(image.header.chip).toBe(chip)
  })

  it.each(Object.keys(chips) as (keyof typeof chips)[])('tells the header of the %s', (chip) => {
    expect(readImage(appOf(chip, [0x32, 0x54, 0xcd, 0xab]), 'x.bin').header.chip).toBe(chip)
  })

  it('refuses what has the header of an app and is none, as a bootloader alone', () => {
    expect(() => readImage(appOf('esp32', []), 'bootloader.bin')).toThrow('names no project')
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

  it.each([
    ['off a sector border', { offset: 0x9100 }, 'does not begin on a sector'],
    ['without a size', { size: 0 }, 'has no size'],
  ])('refuse a partition %s', (_, change, text) => {
    const hostile = table.partitions.map((one, i) => (i === 0 ? { ...one, ...change } : one))
    expect(() => readPartitionTable(writePartitionTable(hostile), 'x')).toThrow(text)
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
  const partitions = image.table?.partitions ?? []
  const withTable = (changed: typeof partitions): ReturnType<typeof readImage> => {
    const bytes = built.slice()
    bytes.set(writePartitionTable(changed), tableOffset - image.offset)
    return readImage(bytes, 'x.bin')
  }
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

  it('refuses partitions beyond the flash, and shrinks a vfs that would be', () => {
    expect(() => planTarget(image, 2 * megabyte, options)).toThrow('partition vfs ends at')
    const vfs = { offset: 0x200000, size: 14 * megabyte }
    const large = withTable(
      partitions.map((one) => (one.label === 'vfs' ? { ...one, ...vfs } : one)),
    )
    const { table, image: changed } = planTarget(large, 4 * megabyte, options)
    expect(table?.partitions.at(-1)).toMatchObject({ label: 'wxqueue', size: 0x1c0000 })
    expect(readImage(changed.bytes, 'x.bin').header.flashSizeBytes).toBe(4 * megabyte)
    expect(() => planTarget(large, 4 * megabyte, { ...options, stockPartitions: true })).toThrow(
      'partition vfs ends at',
    )
  })

  it('writes the OTA selection as blank, so that the new app starts', () => {
    const parts = partitions.map((one) =>
      one.label === 'phy_init' ? { ...one, label: 'otadata', subtype: 0 } : one,
    )
    const { regions } = planTarget(withTable(parts), 4 * megabyte, options)
    const holds = regions.find(
      ({ address, bytes }) => address <= 0xf000 && address + bytes.length > 0xf000,
    )
    expect(holds?.bytes.subarray(0xf000 - holds.address, 0x10000 - holds.address)).toEqual(
      new Uint8Array(0x1000).fill(0xff),
    )
  })

  it('makes whole sectors inside the chip of any table with a right digest, or refuses', async () => {
    const partition = fc.record({
      label: fc.constantFrom('nvs', 'vfs', 'wxqueue', 'factory', 'x'),
      type: fc.constantFrom<'app' | 'data' | number>('app', 'data', 0x40),
      subtype: fc.nat(255),
      offset: fc.oneof(
        fc.nat(5000).map((n) => n * 0x1000),
        fc.nat(0xffffffff),
      ),
      size: fc.oneof(
        fc.nat(600).map((n) => n * 0x1000),
        fc.nat(0xffffffff),
      ),
      flags: fc.constant(0),
    })
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(partition, { maxLength: 6 }),
        fc.constantFrom(1, 2, 4, 8, 16),
        async (hostile, size) => {
          const whole = [...hostile, ...partitions.filter(({ type }) => type === 'app')]
          let target: ReturnType<typeof planTarget>
          try {
            const read = withTable(whole)
            checkImage(read, { chip: 'esp32', flashSizeBytes: size * megabyte }, 'x.bin')
            target = planTarget(read, size * megabyte, options)
          } catch (error) {
            expect(error).toBeInstanceOf(WxError)
            return
          }
          accepted++
          for (const { address, bytes } of target.regions) {
            expect([address % 4096, bytes.length % 4096]).toEqual([0, 0])
            expect(address + bytes.length).toBeLessThanOrEqual(size * megabyte)
            const runs = await differingRuns(
              { address, bytes },
              async () => 'other',
              () => {},
            )
            expect(runs).toEqual([{ address, size: bytes.length }])
          }
          for (const { offset, size: sizeBytes } of target.table?.partitions ?? [])
            expect(offset + sizeBytes).toBeLessThanOrEqual(size * megabyte)
        },
      ),
      { numRuns: 150 },
    )
    expect(accepted).toBeGreaterThan(0)
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
