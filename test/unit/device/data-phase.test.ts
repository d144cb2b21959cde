import { expect, it } from 'vitest'
import { blockBytes, blockEnds, type Packed, pack, windowBytes } from '../../../src/device/pack.js'
import { largeImage } from '../../support/large-image.js'
import { stubChip } from '../../support/stub-chip.js'

const large = largeImage(400_000).subarray(0xf000, 0xf000 + 96 * 4096)
/** Nine blocks on the wire. */
const image = large.subarray(0, 48 * 4096)

// In virtual time nothing counts but what the protocol itself waits for, on a chip whose flash
// takes no time of its own: what is left are escapes, heads and one turnaround a block.
it.each([115_200, 460_800, 921_600])(
  'the data phase keeps the wire busy at %i baud',
  async (baud) => {
    const stepMs = 2_000_000 / baud
    const { clock, loader, done, flash } = await stubChip({
      isPaced: true,
      workMs: () => 0,
      stepMs,
    })
    expect(await done(loader.changeBaud(baud))).toBe(true)
    const packed = await pack(image, 0x10000)
    const startMs = clock.monotonic()
    let sentMs = 0
    await done(
      loader.write(0x10000, packed, () => {
        sentMs = clock.monotonic() - startMs
      }),
    )
    expect(Buffer.from(flash.read(0x10000, image.length)).equals(image)).toBe(true)
    const wireMs = (packed.deflated.length * 10_000) / baud
    expect(wireMs / sentMs).toBeGreaterThanOrEqual(0.97)
  },
)

it('waits for no erase that a window ending with its block would have spared', async () => {
  const measure = async (packed: Packed): Promise<number> => {
    const { clock, loader, done } = await stubChip({ isPaced: true, workMs: (ms) => ms, stepMs: 2 })
    await done(loader.changeBaud(921_600))
    const startMs = clock.monotonic()
    await done(loader.write(0x10000, packed, () => {}))
    return clock.monotonic() - startMs
  }
  const packed = await pack(large, 0x10000)
  const uncut = { ...packed, windows: [] }
  const [cutMs, uncutMs] = [await measure(packed), await measure(uncut)]
  expect(cutMs).toBeLessThan(uncutMs - 150)
})

it('ends no stream with a block that the stub would refuse: all is written before its last bytes', async () => {
  const { loader, done, flash } = await stubChip({ isPaced: false, workMs: () => 0, stepMs: 1 })
  const bytes = large.subarray(0, windowBytes)
  const packed = await pack(bytes, 0x10000)
  // The checksum alone, were blocks cut without a look at it.
  const cut = { ...packed, windows: [{ end: packed.deflated.length - 4, blocks: 1 }] }
  expect(blockEnds(cut, blockBytes).at(-2)).toBe(packed.deflated.length - 16)
  await done(loader.write(0x10000, cut, () => {}))
  expect(Buffer.from(flash.read(0x10000, bytes.length)).equals(bytes)).toBe(true)
})
