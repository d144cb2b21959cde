import { describe, expect, it } from 'vitest'
import { type ChipName, chips } from '../../../src/device/boards.js'
import { checkImage, type Image } from '../../../src/device/image.js'

/** Chip ids of Espressif's image header and where the ROM looks for the bootloader (shared/firmware.md). */
const facts: [ChipName, id: number, offset: number][] = [
  ['esp32', 0, 0x1000],
  ['esp32s2', 2, 0x1000],
  ['esp32c3', 5, 0x0],
  ['esp32s3', 9, 0x0],
  ['esp32c2', 12, 0x0],
  ['esp32c6', 13, 0x0],
  ['esp32h2', 16, 0x0],
  ['esp32p4', 18, 0x2000],
  ['esp32c61', 20, 0x0],
  ['esp32c5', 23, 0x2000],
]

describe('chips', () => {
  it('are all ten', () => {
    expect(facts.map(([chip]) => chip).sort()).toEqual(Object.keys(chips).sort())
  })

  it.each(facts)('%s has id %i and its bootloader at %i', (chip, id, offset) => {
    expect(chips[chip]).toMatchObject({ imageId: id, bootloaderOffset: offset })
  })

  it('share no magic word', () => {
    const magics = Object.values(chips).flatMap(({ magic }) => [...magic])
    expect(new Set(magics).size).toBe(magics.length)
  })

  it.each([
    [299, false],
    [300, true],
    [399, true],
    [400, false],
  ])('revision %i under an image for 3.0 to 3.99: %s', (revision, isTaken) => {
    const header = { chip: 'esp32p4', minRevision: 300, maxRevision: 399 }
    const image = { kind: 'app', offset: 0x10000, bytes: new Uint8Array(64), header } as Image
    const board = { chip: 'esp32p4' as const, flashSizeBytes: 0x400000, revision }
    const check = (): void => checkImage(image, board, 'x.bin')
    if (isTaken) expect(check).not.toThrow()
    else expect(check).toThrow(/needs chip revision/)
  })
})
