import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { differingRuns } from '../../../src/device/compare.js'

const sector = 4096

function chip(flash: Uint8Array): {
  md5: (at: number, size: number) => Promise<string>
  asked: () => number
} {
  let asked = 0
  return {
    asked: () => asked,
    md5: async (at, size) => {
      asked++
      return createHash('md5')
        .update(flash.subarray(at, at + size))
        .digest('hex')
    },
  }
}

describe('differingRuns', () => {
  it('covers every sector that differs, whichever they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 90 }),
        fc.array(fc.nat(89), { maxLength: 90 }),
        async (sectors, changed) => {
          const flash = new Uint8Array(sectors * sector)
          const wanted = flash.slice()
          for (const one of changed) if (one < sectors) wanted[one * sector + 7] = 1
          const runs = await differingRuns({ address: 0, bytes: wanted }, chip(flash).md5, () => {})
          for (const { address, size } of runs)
            flash.set(wanted.subarray(address, address + size), address)
          expect(Buffer.from(flash).equals(wanted)).toBe(true)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('asks once about what is identical, and little about what is all different', async () => {
    const bytes = new Uint8Array(400 * sector)
    const same = chip(bytes.slice())
    expect(await differingRuns({ address: 0, bytes }, same.md5, () => {})).toEqual([])
    expect(same.asked()).toBe(1)
    const other = chip(new Uint8Array(400 * sector).fill(0xff))
    expect(await differingRuns({ address: 0, bytes }, other.md5, () => {})).toHaveLength(1)
    expect(other.asked()).toBeLessThan(50)
  })

  it.each([
    ['one sector', [200], 35],
    ['a changed module', [40, 41, 42, 43, 44, 45, 46, 47], 50],
    ['every nineteenth', Array.from({ length: 22 }, (_, i) => 3 + 19 * i), 170],
  ])('finds exactly what differs with few questions: %s', async (_, changed, most) => {
    const flash = new Uint8Array(407 * sector)
    const wanted = flash.slice()
    for (const one of changed) wanted[one * sector] = 1
    const asked = chip(flash)
    const runs = await differingRuns({ address: 0, bytes: wanted }, asked.md5, () => {})
    const found = runs.flatMap(({ address, size }) =>
      Array.from({ length: size / sector }, (_, i) => address / sector + i),
    )
    expect(found).toEqual(changed)
    expect(asked.asked()).toBeLessThanOrEqual(most)
  })
})
