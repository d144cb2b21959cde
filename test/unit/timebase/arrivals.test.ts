import { describe, expect, it } from 'vitest'
import { Arrivals } from '../../../src/timebase/arrivals.js'

const second = 1000
const minute = 60 * second
const day = 24 * 60 * minute

interface Told {
  atMs: number
  silentMs: number
}

/** Follows one station for so long; `uploads`: the times at which it sends. Looks every second. */
function told(arrivals: Arrivals, uploads: number[], untilMs: number): Told[] {
  const found: Told[] = []
  for (let now = 0; now <= untilMs; now += second) {
    if (uploads.includes(now)) {
      for (let i = 0; i < 5; i++) arrivals.observe('a', now - (4 - i) * 2 * second, true, now)
    }
    for (const { silentMs } of arrivals.silences(now)) found.push({ atMs: now, silentMs })
  }
  return found
}

const every = (step: number, fromMs: number, toMs: number): number[] =>
  Array.from({ length: Math.floor((toMs - fromMs) / step) + 1 }, (_, i) => fromMs + i * step)

function following(intervalMs?: number): Arrivals {
  const arrivals = new Arrivals(() => intervalMs)
  arrivals.begin(0, 0)
  return arrivals
}

describe('a station that sends as it is set to', () => {
  it.each([
    ['every 2 s', 2 * second],
    ['every 10 s', 10 * second],
    ['every minute', minute],
    ['every two minutes', 2 * minute],
  ])('%s is never told silent', (_name, step) => {
    expect(told(following(2 * second), every(step, step, 20 * minute), 20 * minute)).toEqual([])
  })

  it('every minute is not even while its interval is unknown', () => {
    expect(told(following(), [minute, 2 * minute], 2 * minute + 149 * second)).toEqual([])
  })

  it('every ten minutes is told while this is not known, and no more', () => {
    const arrivals = following(2 * second)
    expect(told(arrivals, every(10 * minute, 0, 60 * minute), 60 * minute)).toHaveLength(1)
  })
})

describe('silence', () => {
  it('is told after 30 s of a station that sends every ten, and again after it spoke', () => {
    const uploads = [...every(10 * second, 0, 2 * minute), 10 * minute, 610 * second]
    const found = told(following(2 * second), uploads, 15 * minute)
    expect(found).toEqual([
      { atMs: 2 * minute + 31 * second, silentMs: 31 * second },
      { atMs: 641 * second, silentMs: 31 * second },
    ])
  })

  it('follows a station that is set to another interval', () => {
    const uploads = [
      ...every(10 * second, 0, 2 * minute),
      ...every(5 * minute, 7 * minute, 60 * minute),
    ]
    expect(told(following(2 * second), uploads, 60 * minute).length).toBeLessThanOrEqual(2)
  })

  it('of a slow sensor is longer', () => {
    const uploads = every(10 * minute, 0, 60 * minute)
    const [first] = told(following(10 * minute), uploads, 100 * minute)
    expect(first).toEqual({ atMs: 85 * minute + second, silentMs: 25 * minute + second })
  })

  it('of a station that was dead before is as long as it was dead', () => {
    const arrivals = new Arrivals(() => 2 * second)
    arrivals.observe('dead', 0, false, 0)
    arrivals.observe('well', 3 * day - 50 * second, false, 0)
    expect(arrivals.silences(0)).toEqual([])
    arrivals.begin(5 * second, 3 * day)
    expect(arrivals.silences(5 * second)).toEqual([
      { symbol: 'dead', lastMs: 0, silentMs: 3 * day },
    ])
  })

  it('is nobody’s fault while the connection is lost', () => {
    const arrivals = following(2 * second)
    for (const now of [0, 10 * second, 20 * second]) arrivals.observe('a', now, true, now)
    arrivals.lose()
    expect(arrivals.silences(5 * minute)).toEqual([])
    arrivals.resume(5 * minute)
    expect(arrivals.silences(5 * minute + 29 * second)).toEqual([])
    arrivals.observe('a', 5 * minute, true, 5 * minute + 29 * second)
    // The time without a connection was no wait of its: it is told as soon as ever.
    expect(arrivals.silences(6 * minute)).toHaveLength(1)
  })

  it('is not told of the past that is still being read', () => {
    const arrivals = new Arrivals(() => 2 * second)
    arrivals.observe('a', 0, false, 0)
    arrivals.lose()
    arrivals.resume(5 * minute)
    expect(arrivals.silences(10 * minute)).toEqual([])
  })
})
