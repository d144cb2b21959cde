import { describe, expect, it } from 'vitest'
import { missing, python } from './run.js'

describe.skipIf(missing)(`the station's readings in real MicroPython ${missing ?? ''}`, () => {
  it('have air and case at every interval, on time, and leave nothing on the heap', async () => {
    const { results, code, text } = await python('sampler_slots.py')
    expect(code, text).toBe(0)
    const intervals = results.filter(({ name }) => name === 'interval')
    expect(intervals.map(({ seconds }) => seconds)).toEqual([2, 3, 4, 5, 10])
    for (const one of intervals) {
      const { seconds, least_gap } = one
      expect(one).toMatchObject({ without: 0, missed: 0, records: 41 })
      expect(one.steps).toEqual([Number(seconds) * 1000])
      // The AM2320 measures at most every 2 s, whoever asks.
      expect(Number(least_gap), String(seconds)).toBeGreaterThanOrEqual(2000)
    }
    const by = new Map(results.map((one) => [one.name, one]))
    // Too late to ask twice: the old value is left out, and nothing else is.
    expect(by.get('held')).toMatchObject({ gap: 10_000, stale: true })
    expect(by.get('refused')).toMatchObject({ taken: 31, dropped: 5, queued: 26, read: 26 })
    expect(by.get('heap')).toMatchObject({ left: 0, pages: 0, wrapped: true })
  })
  it('and the time the network reads meanwhile is whole', async () => {
    const { results, text } = await python('clock_threads.py')
    expect(results[0], text).toMatchObject({ torn: 0 })
    expect(Number(results[0]?.reads)).toBeGreaterThan(100)
  })
})
