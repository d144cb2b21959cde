import { expect, it } from 'vitest'
import { pack } from '../../../src/device/pack.js'
import { stubChip } from '../../support/stub-chip.js'

/** A stub whose flash chip is slow. */
const slowChip = (workMs: (usualMs: number) => number, patience?: number) =>
  stubChip({ isPaced: false, workMs, stepMs: 1000, patience })

it('waits half a minute for an erase', async () => {
  const { loader, done, flash } = await slowChip(() => 30_000)
  flash.program(0x10000, new Uint8Array(16))
  await done(loader.eraseRegion(0x10000, 0x1000))
  expect(flash.read(0x10000, 16)).toEqual(new Uint8Array(16).fill(0xff))
})

it('learns from one block that a chip needs half a minute, and writes the rest without a loss', async () => {
  const { loader, done, flash } = await slowChip((ms) => 60 * ms)
  const bytes = Uint8Array.from({ length: 0xd000 }, (_, i) => (i * i * 2654435761) >>> 24)
  const packed = await pack(bytes, 0x10000)
  expect(packed.deflated.length).toBeGreaterThan(2 * 0x4000)
  await expect(done(loader.write(0x10000, packed, () => {}))).rejects.toMatchObject({
    code: 'BOARD_SILENT',
    details: { wasBusy: true },
  })
  await done(loader.resync())
  await done(loader.write(0x10000, packed, () => {}))
  expect(Buffer.from(flash.read(0x10000, bytes.length)).equals(bytes)).toBe(true)
})

it.each([
  ['as long as a slow chip of the usual kind needs', undefined, false],
  ['ten times as long for an emulated one', 10, true],
])('waits for the erase of 1 MB %s', async (_, patience, isErased) => {
  const { loader, done, flash } = await slowChip(() => 300_000, patience)
  flash.program(0x10000, new Uint8Array(16))
  const erased = done(loader.eraseRegion(0, 0x100000))
  if (isErased) await erased
  else await expect(erased).rejects.toMatchObject({ code: 'BOARD_SILENT' })
})
