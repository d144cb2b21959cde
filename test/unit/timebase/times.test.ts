import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { timeReader } from '../../../src/timebase/times.js'

describe('timeReader', () => {
  it('reads what Date.parse reads, whatever it read before', () => {
    const part = (max: number): fc.Arbitrary<string> =>
      fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'))
    const stamp = fc
      .tuple(fc.constantFrom('2026-01-01', '2024-02-29', '2026-13-01', '0099-12-31', '2026-02-30'))
      .chain(([day]) => fc.tuple(fc.constant(day), part(25), part(61), part(61), part(99)))
      .map(([day, hour, minute, second, part]) => `${day}T${hour}:${minute}:${second}.0${part}Z`)
    fc.assert(
      fc.property(fc.array(stamp), (stamps) => {
        const read = timeReader()
        expect(stamps.map(read)).toEqual(stamps.map((one) => Date.parse(one)))
      }),
    )
  })
})
