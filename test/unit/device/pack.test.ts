import { constants, deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockBytes, blockEnds, type Packed, pack, windowBytes } from '../../../src/device/pack.js'
import { largeImage } from '../../support/large-image.js'

const image = largeImage(400_000).subarray(0xf000, 0xf000 + 97 * 4096)

/** What a loader has inflated when these bytes have come. */
function inflated({ deflated }: Packed, end: number): Buffer {
  return inflateSync(deflated.subarray(0, end), { finishFlush: constants.Z_SYNC_FLUSH })
}

describe('packing a region', () => {
  it('is one zlib stream of all its bytes', async () => {
    const { deflated } = await pack(image, 0x10000)
    expect(inflateSync(deflated).equals(image)).toBe(true)
  })

  it('ends a window where a block ends for as long as the stub erases', async () => {
    const packed = await pack(image, 0x10000)
    // Six blocks of 64 KB and a sector behind them.
    expect(packed.windows).toHaveLength(7)
    for (const [n, { end }] of packed.windows.entries())
      expect(inflated(packed, end)).toHaveLength((n + 1) * windowBytes)
    const ends = packed.windows.map(({ end }) => end)
    expect(blockEnds(packed, blockBytes)).toEqual(expect.arrayContaining(ends))
  })

  it.each([
    ['a sector', 0x10000, 4096, 1],
    ['two sectors', 0x10000, 8192, 2],
    ['seven sectors, a block for each erase', 0x1000, 7 * 4096, 7],
    ['a window of eight sectors', 0x10000, windowBytes, 8],
    ['half of a block of 64 KB, and eight sectors behind it', 0x10000, 3 * windowBytes, 2 + 2 + 8],
  ])('sends %s so that each erase can begin ahead', async (_, address, size, blocks) => {
    const packed = await pack(image.subarray(0, size), address)
    expect(blockEnds(packed, blockBytes)).toHaveLength(blocks)
  })

  it('costs next to nothing: under a hundredth more than the stream in one piece', async () => {
    const { deflated } = await pack(image, 0x10000)
    expect(deflated.length / deflateSync(image, { level: 9 }).length).toBeLessThan(1.01)
  })
})

describe('blocks of a packed region', () => {
  it.each([7, 6, 3, 1])('do not end with one of %i bytes, which may hold no data', (rest) => {
    const deflated = new Uint8Array(7 * 1024 + rest)
    const ends = blockEnds(
      { bytes: deflated, deflated, windows: [{ end: deflated.length, blocks: 8 }] },
      blockBytes,
    )
    expect(ends).toHaveLength(8)
    expect(deflated.length - (ends.at(-2) ?? 0)).toBe(16)
    const plain = new Uint8Array(2 * blockBytes + rest)
    expect(blockEnds({ bytes: plain, deflated: plain, windows: [] }, blockBytes)).toEqual([
      blockBytes,
      plain.length - 16,
      plain.length,
    ])
  })

  const cuts = fc
    .uniqueArray(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 20 })
    .map((ends) => ends.sort((a, b) => a - b))

  it('are in order, none too large or empty, and end where the windows do', () => {
    fc.assert(
      fc.property(cuts, fc.integer({ min: 512, max: blockBytes }), fc.nat(16), (ends, limit, n) => {
        const deflated = new Uint8Array(ends.at(-1) ?? 0)
        const windows = ends.slice(0, -1).map((end) => ({ end, blocks: n }))
        const blocks = blockEnds({ bytes: deflated, deflated, windows }, limit)
        expect(blocks.at(-1)).toBe(deflated.length)
        const missed = windows.filter(
          ({ end }) => end <= deflated.length - 16 && !blocks.includes(end),
        )
        expect(missed).toEqual([])
        for (const [n, end] of blocks.entries()) {
          const size = end - (blocks[n - 1] ?? 0)
          expect(size).toBeGreaterThan(0)
          expect(size).toBeLessThanOrEqual(limit)
        }
      }),
    )
  })
})
