import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ahead } from '../../../src/timebase/ahead.js'
import { asRows } from '../../../src/timebase/row.js'
import { fakeClock } from '../../support/clock.js'

const floats = new Map([['weather_record', ['temperature', 'humidity']]])
const head = { $type: 'weather_record', symbol: 'a', timestamp: '2026-11-23T00:00:00.000Z' }

describe('rows', () => {
  it.each([
    [
      { temperature: '21.5', humidity: '0' },
      { temperature: 21.5, humidity: 0 },
    ],
    [{ temperature: '1.2345678E7' }, { temperature: 12_345_678 }],
    [{ temperature: 'NaN', humidity: 'x' }, {}],
    [
      { temperature: 5, note: '12' },
      { temperature: 5, note: '12' },
    ],
  ])('%j -> %j', (fields, expected) => {
    expect(asRows([{ ...head, ...fields }], floats)).toEqual([{ ...head, ...expected }])
  })

  it('of a class nobody described have their numbers read by their looks', () => {
    const foreign = { ...head, $type: 'other', symbol: '7', level: '1.50', name: 'x1' }
    expect(asRows([foreign], floats)).toEqual([
      { ...head, $type: 'other', symbol: '7', level: 1.5, name: 'x1' },
    ])
  })

  it.each([
    [null],
    [1],
    ['text'],
    [{}],
    [{ ...head, symbol: 1 }],
    [{ ...head, timestamp: '2026-11-23' }],
    [{ ...head, timestamp: 0 }],
  ])('%j is none', (value) => {
    expect(() => asRows([value], floats)).toThrow(
      expect.objectContaining({ code: 'ANSWER_INVALID' }),
    )
  })
})

describe('reading ahead', () => {
  async function* batches(sizes: number[], failAt = -1): AsyncGenerator<number[]> {
    for (const [i, size] of sizes.entries()) {
      if (i === failAt) throw new Error('broke')
      yield Array.from({ length: size }, (_, n) => i * 1000 + n)
    }
  }

  it('gives the same, and a fault after what was read before it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: -1, max: 12 }),
        async (sizes, limit, failAt) => {
          const found: number[] = []
          const wanted: number[] = []
          let broke = false
          try {
            for await (const batch of batches(sizes, failAt)) wanted.push(...batch)
          } catch {
            broke = true
          }
          const reading = (async () => {
            for await (const batch of ahead(batches(sizes, failAt), limit)) found.push(...batch)
          })()
          if (broke) await expect(reading).rejects.toThrow('broke')
          else await reading
          expect(found).toEqual(wanted)
        },
      ),
    )
  })

  it('stops where the reader is slow, and when it leaves', async () => {
    let produced = 0
    async function* endless(): AsyncGenerator<number[]> {
      while (true) {
        produced += 10
        yield new Array(10).fill(0)
      }
    }
    const clock = fakeClock()
    for await (const _ of ahead(endless(), 100)) {
      await clock.advance(1000)
      if (produced >= 100) break
    }
    await clock.advance(1000)
    expect(produced).toBeLessThanOrEqual(130)
  })
})
