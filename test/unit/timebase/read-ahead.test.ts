import { beforeEach, describe, expect, it } from 'vitest'
import type { FetchResponse } from '../../../src/system.js'
import { Patience } from '../../../src/timebase/patience.js'
import { ReadAhead, type SelectBody } from '../../../src/timebase/read-ahead.js'
import { fakeClock } from '../../support/clock.js'

const rows = 10_000
const time = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

/** A page of a stream that has one each minute, `fullTo` the last one that is full. */
function answer(body: SelectBody, fullTo: number, left?: string): FetchResponse {
  const minute = new Date(body.from ?? '').getUTCMinutes()
  const row = `{"symbol":"s1","timestamp":"${time(minute + 1)}","temperature":"1.5"}]`
  const last = Buffer.from(left ?? row)
  const size = minute <= fullTo ? rows * 100 : 5000
  return {
    status: 200,
    headers: {},
    // The time may lie across the last two pieces.
    arrived: Promise.resolve({ bytes: size, rest: [last.subarray(0, 40), last.subarray(40)] }),
    body: (async function* () {})(),
    text: async () => '',
    bytes: async () => last,
    discard: async () => {},
  }
}

describe('pages that will be wanted next', () => {
  const clock = fakeClock()
  let { signal } = new AbortController()
  let sent: { from: string; signal: AbortSignal }[] = []
  let fullTo = 1000
  let left: string | undefined
  let pages: ReadAhead
  const froms = (): string[] => sent.map(({ from }) => from)

  beforeEach(() => {
    signal = new AbortController().signal
    sent = []
    fullTo = 1000
    left = undefined
    pages = new ReadAhead(new Patience('http://server', clock, async () => true), (body, asked) => {
      sent.push({ from: body.from ?? '', signal: asked })
      return Promise.resolve(answer(body, fullTo, left))
    })
  })

  it('are asked for as soon as one has arrived, each once, and only some', async () => {
    for (let minute = 0; minute < 30; minute++) {
      const { answer, exchange } = pages.page({ rows, from: time(minute) }, signal)
      await answer
      await clock.advance(0)
      exchange.end()
      expect(froms().slice(0, minute + 1)).toEqual(
        Array.from({ length: minute + 1 }, (_, i) => time(i)),
      )
      expect(new Set(froms()).size).toBe(sent.length)
      expect(sent.length).toBeGreaterThan(minute + 1)
      expect(sent.length).toBeLessThan(minute + 10)
    }
    pages.drop()
  })

  it('are none behind a page that is not full, or one that was read backwards', async () => {
    fullTo = 2
    await pages.page({ rows, from: time(0) }, signal).answer
    await clock.advance(0)
    expect(froms()).toEqual([0, 1, 2, 3].map(time))
    await pages.page({ rows, from: time(0), reverse: true }, signal).answer
    await clock.advance(0)
    expect(sent).toHaveLength(5)
  })

  it('are none behind one of fewer bytes than full pages have', async () => {
    const first = pages.page({ rows, from: time(0) }, signal)
    await first.answer
    await clock.advance(0)
    expect(sent.length).toBeGreaterThan(1)
    // Its rows were longer than they may be: as many bytes are not a full page again.
    pages.learn(first, rows / 2)
    pages.drop()
    sent = []
    await pages.page({ rows, from: time(40) }, signal).answer
    await clock.advance(0)
    expect(sent).toHaveLength(1)
  })

  it.each([
    ['nothing is left of it', ''],
    ['only its end is left', ']'],
    ['its last row is odd', '{"symbol":"a","timestamp":"soon"}]'],
  ])('are none where %s when it has arrived', async (_what, rest) => {
    left = rest
    await pages.page({ rows, from: time(0) }, signal).answer
    await clock.advance(0)
    expect(sent).toHaveLength(1)
  })

  it('are given up when something else is wanted', async () => {
    await pages.page({ rows, from: time(0) }, signal).answer
    await clock.advance(0)
    const guessed = sent.slice(1)
    expect(guessed.length).toBeGreaterThan(1)
    fullTo = 0
    await pages.page({ rows, from: time(40) }, signal).answer
    await clock.advance(0)
    expect(guessed.every((one) => one.signal.aborted)).toBe(true)
    expect(sent[0]?.signal.aborted).toBe(false)
    expect(froms().slice(1 + guessed.length)).toEqual([time(40)])
  })
})
