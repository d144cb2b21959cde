import { expect, it } from 'vitest'
import { pack } from '../../../src/device/pack.js'
import { largeImage } from '../../support/large-image.js'
import { stubChip } from '../../support/stub-chip.js'

/** Nine blocks on the wire. */
const image = largeImage(200_000).subarray(0xf000, 0xf000 + 48 * 4096)

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
    const packed = await pack(image)
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
