import { describe, expect, it } from 'vitest'
import { missing, python } from './run.js'

describe.skipIf(missing)(`the station's queue in real MicroPython ${missing ?? ''}`, () => {
  it('keeps every promise through a power cut at every flash operation', async () => {
    const { results, text, code } = await python('queue_cuts.py')
    expect(text.match(/AssertionError.*/)?.[0]).toBeUndefined()
    expect(code).toBe(0)
    const [result] = results
    expect(Number(result?.cuts)).toBeGreaterThan(2000)
    expect(Number(result?.nested)).toBeGreaterThan(100)
    expect(Number(result?.dropped)).toBeGreaterThan(0)
  }, 240_000)

  it('keeps what was flushed, and what was acknowledged, in files through any power cut', async () => {
    const { results, text, code } = await python('queue_files.py', { heap: '16m' })
    expect(text.match(/\w*Error.*/)?.[0]).toBeUndefined()
    expect(code).toBe(0)
    expect(results[0]).toMatchObject({ records: 240 })
    expect(Number(results[0]?.cuts)).toBeGreaterThan(1000)
    expect(Number(results[0]?.erases)).toBeGreaterThan(100)
  }, 120_000)

  it('skips damage, counts it, and reads all the rest', async () => {
    const { results, text, code } = await python('queue_damage.py')
    expect(text.match(/AssertionError.*/)?.[0]).toBeUndefined()
    expect(code).toBe(0)
    expect(results).toContainEqual(expect.objectContaining({ name: 'flips', invented: 0 }))
    expect(results).toContainEqual(expect.objectContaining({ name: 'garbage', invented: 0 }))
  }, 120_000)

  it('finds the first record to send without reading a week, and lets the sampler write', async () => {
    const { results, text, code } = await python('queue_work.py')
    expect(code, text).toBe(0)
    const by = new Map(results.map((one) => [one.name, one]))
    const pages = 448
    for (const [name, pressure] of [
      ['acknowledged', 95_047],
      ['unset', 95_000],
      ['short', 95_000],
    ] as const) {
      const run = by.get(name)
      expect(run?.pressure, name).toBe(pressure)
      // A start looks at a number in each page, at its header at most twice, and reads two whole.
      expect(Number(run?.start), name).toBeLessThan(3 * pages)
      expect(Number(run?.next), name).toBeLessThan(pages)
      expect(run?.held, name).toBe(0)
    }
    expect(by.get('acknowledged')).toMatchObject({ calls: 1 })
    expect(Number(by.get('acknowledged')?.next)).toBeLessThan(10)
    expect(by.get('unset')).toMatchObject({ calls: 1 })
    // All pages have to be read there, once for all boots, and each call reads its portion.
    expect(Number(by.get('short')?.calls)).toBeGreaterThan(5)
    expect(by.get('drained')).toMatchObject({ records: 1499 * 12 + 1, lost: 0 })
    expect(Number(by.get('drained')?.rounds)).toBeLessThan(400)
    expect(Number(by.get('drained')?.reads)).toBeLessThan(20 * pages)
  }, 120_000)

  it('holds a week at 6 bytes a record, and 12 in the worst weather', async () => {
    const { results } = await python('queue_size.py')
    const by = new Map(results.map((one) => [one.name, one]))
    expect(Number(by.get('day')?.bytes)).toBeLessThanOrEqual(6)
    expect(Number(by.get('worst')?.bytes)).toBeLessThanOrEqual(12)
    expect(Number(by.get('day')?.records_per_erase)).toBeGreaterThanOrEqual(600)
    expect(Number(by.get('day')?.week_pages)).toBeLessThanOrEqual(447)
    // A start reads each page's header and one page whole, with windows of 256 bytes.
    // The chip's 8 KB: this port's words are twice as wide.
    expect(Number(by.get('start')?.heap)).toBeLessThan(2 * 8192)
  }, 120_000)
})
