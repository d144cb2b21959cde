import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readLayout } from '../../../src/device/chip-layout.js'
import { planTarget } from '../../../src/device/flash-target.js'
import { readImage } from '../../../src/device/image.js'
import type { Loader } from '../../../src/device/loader.js'
import { findLosses } from '../../../src/device/losses.js'
import { writePartitionTable } from '../../../src/device/partitions.js'
import { buildImage } from '../../../src/sandbox/image-builder.js'
import { facts } from '../../support/large-image.js'

const flashSizeBytes = 4 * 1024 * 1024
const image = readImage(buildImage('esp32', facts), 'x.bin')

/** A chip that refuses what lies outside its flash, as the stub does. */
function chipWith(memory: Uint8Array): Loader {
  const piece = (at: number, size: number): Uint8Array => {
    if (at < 0 || size <= 0 || at + size > memory.length) throw new Error(`${size} at ${at}`)
    return memory.slice(at, at + size)
  }
  return {
    facts: { flashSizeBytes: memory.length },
    md5: async (at: number, size: number) =>
      createHash('md5').update(piece(at, size)).digest('hex'),
    readAll: async (at: number, size: number) => piece(at, size),
  } as unknown as Loader
}

const partition = fc.record({
  label: fc.constantFrom('nvs', 'vfs', 'wxqueue', 'storage', 'spiffs', 'ota_0'),
  type: fc.constantFrom<'app' | 'data' | number>('app', 'data', 'data', 0x40),
  subtype: fc.nat(255),
  offset: fc.oneof(
    fc.integer({ min: 9, max: 1030 }).map((n) => n * 0x1000),
    fc.nat(0xffffffff),
  ),
  size: fc.oneof(
    fc.nat(600).map((n) => n * 0x1000),
    fc.nat(0xffffffff),
  ),
  flags: fc.constant(0),
})

it('looks for losses inside the flash only, whatever table the chip has', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(partition, { maxLength: 5 }),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
      async (partitions, fill, stockPartitions) => {
        const memory = new Uint8Array(flashSizeBytes).fill(fill)
        memory.set(writePartitionTable(partitions), 0x8000)
        const loader = chipWith(memory)
        const layout = await readLayout(loader)
        const target = planTarget(image, flashSizeBytes, { stockPartitions, keepData: true })
        const { losses } = await findLosses(loader, target, layout, [], () => {})
        if (fill === 0xff) expect(losses).toEqual([])
        for (const { label, offset, files } of losses) {
          expect(layout.partitions.map((one) => [one.label, one.offset])).toContainEqual([
            label,
            offset,
          ])
          expect(offset).toBeLessThan(flashSizeBytes)
          expect(files).toBeUndefined()
        }
      },
    ),
    {
      numRuns: 150,
      examples: [
        [
          [
            {
              label: 'vfs',
              type: 'data',
              subtype: 0x81,
              offset: 0x3ff000,
              size: 0x200000,
              flags: 0,
            },
          ],
          1,
          false,
        ],
      ],
    },
  )
})
