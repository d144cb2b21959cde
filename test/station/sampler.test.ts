import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
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
  it('leave the heap of a chip after a day as it was after a minute', async () => {
    // This port's words are twice as wide as the chip's, whose heap is 111 KB.
    const flash = join(temporaryFolder(), 'flash.bin')
    const run = await python('sampler_day.py', { heap: '222k', args: [flash] })
    expect(run.code, run.text).toBe(0)
    const [day] = run.results
    const all = 43_230
    expect(day).toMatchObject({ taken: all, acknowledged: all, queued: 0, dropped: 0, errors: 0 })
    expect(Math.abs(Number(day?.minute) - Number(day?.day))).toBeLessThanOrEqual(2048)
    // Collected in time: nothing ever had to fail first.
    expect(Number(day?.least)).toBeGreaterThan(40_000)
    expect(Number(day?.collects)).toBeGreaterThan(10)
  }, 120_000)

  it('give the network whole times while they go on', async () => {
    const { results, text } = await python('clock_threads.py')
    expect(results[0], text).toMatchObject({ torn: 0 })
    expect(Number(results[0]?.reads)).toBeGreaterThan(100)
  })
})
