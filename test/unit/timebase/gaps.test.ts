import { describe, expect, it } from 'vitest'
import { suspects, told, Watch } from '../../../src/timebase/gaps.js'

/** Feeds times in seconds and answers what was noticed at each. */
function noticed(seconds: number[]): object[] {
  const watch = new Watch()
  return seconds.map((at) => watch.observe('a', at * 1000))
}

describe('gaps', () => {
  it.each([
    ['an even rhythm', [0, 2, 4, 6, 8], []],
    ['a hole', [0, 2, 4, 6, 20, 22], [{ gapMs: 14_000, expectedMs: 2000 }]],
    ['just within 2.5 intervals', [0, 2, 4, 6, 11], []],
    ['just beyond 2.5 intervals', [0, 2, 4, 6, 11.001], [{ gapMs: 5001, expectedMs: 2000 }]],
    ['too little to know a rhythm', [0, 2, 4, 100], []],
    ['equal times', [0, 2, 2, 4, 4, 6, 6, 8], []],
    ['a slow station', [0, 600, 1200, 1800, 2400], []],
    [
      'two holes in a row',
      [0, 2, 4, 6, 20, 40, 42],
      [
        { gapMs: 14_000, expectedMs: 2000 },
        { gapMs: 20_000, expectedMs: 2000 },
      ],
    ],
    ['a step back', [0, 2, 4, 6, 3, 5], [{ backMs: 3000 }]],
  ])('%s', (_name, seconds, found) => {
    expect(noticed(seconds).filter((one) => Object.keys(one).length > 0)).toEqual(found)
  })

  it('follow a station that changes its interval', () => {
    const times = [0, 2, 4, 6, 8, ...Array.from({ length: 10 }, (_, i) => 68 + i * 60)]
    const gaps = noticed(times).filter((one) => 'gapMs' in one)
    expect(gaps.length).toBeLessThanOrEqual(3)
  })

  it('are each station’s own', () => {
    const watch = new Watch()
    for (let i = 0; i < 5; i++) {
      expect(watch.observe('fast', i * 2000)).toEqual({})
      expect(watch.observe('slow', i * 60_000)).toEqual({})
    }
    expect(watch.interval('fast')).toBe(2000)
    expect(watch.interval('slow')).toBe(60_000)
  })
})

describe('gaps of what stations say about themselves', () => {
  const gaps = (seconds: number[]): object[] => {
    const watch = new Watch(told)
    return seconds.map((at) => watch.observe('a', at * 1000)).filter((one) => 'gapMs' in one)
  }

  it.each([
    ['three faults at boot', [0, 0.001, 0.002, 60, 120, 180], []],
    ['faults between the minutes', [0, 20, 45, 60, 75, 80, 90, 120, 180, 240], []],
    ['a minute that two faults share', [0, 60, 61, 62, 120, 180], []],
    ['ten minutes, four faults', [0, 600, 1200, 1300, 1300.001, 1300.002, 1300.003, 1800], []],
    ['five minutes without any', [0, 60, 120, 180, 480], [{ gapMs: 300_000, expectedMs: 60_000 }]],
  ])('%s', (_name, seconds, found) => expect(gaps(seconds)).toEqual(found))
})

describe('physical limits', () => {
  it.each([
    [{ temperature: 21.5, humidity: 48, pressure: 1013.2, case_temperature: 22 }, []],
    [{ temperature: -91 }, ['temperature']],
    [{ temperature: 85, humidity: 101 }, ['temperature', 'humidity']],
    [{ pressure: 0, case_temperature: 85.1 }, ['pressure', 'case_temperature']],
    [{ humidity: 0, pressure: 300, temperature: 60 }, []],
    [{ other: 1e9 }, []],
    [{ temperature: 'hot' }, []],
  ])('%j -> %j', (row, found) => expect(suspects(row)).toEqual(found))
})
