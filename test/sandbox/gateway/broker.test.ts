import { describe, expect, it } from 'vitest'
import { type Beating, StompBroker } from '../../../src/sandbox/gateway/live/broker.js'
import { type FakeClock, fakeClock } from '../../support/clock.js'

/** A session that wants a beat every 10 s and sends none, with the times of what happened to it. */
function session(clock: FakeClock): Beating & { beats: number[]; gaveUpAt: number[] } {
  const one = {
    heardAt: clock.monotonic(),
    writtenAt: clock.monotonic(),
    readMs: 0,
    writeMs: 10_000,
    beats: [] as number[],
    gaveUpAt: [] as number[],
    beat() {
      one.beats.push(clock.monotonic())
      one.writtenAt = clock.monotonic()
    },
    giveUp: () => void one.gaveUpAt.push(clock.monotonic()),
  }
  return one
}

describe('heart-beats of the broker', () => {
  it('lie on one grid, and pass over who was written to within the last 10 s', async () => {
    const clock = fakeClock()
    const broker = new StompBroker(clock)
    await clock.advance(4000)
    const early = session(clock)
    const stop = broker.keepBeating(early)
    await clock.advance(5000)
    const late = session(clock)
    broker.keepBeating(late)
    await clock.advance(52_000)
    // Exactly 10 s is not more than 10 s: the longest silence of a healthy session is 20 s.
    expect(early.beats).toEqual([20_000, 40_000, 60_000])
    expect(late.beats).toEqual([20_000, 40_000, 60_000])
    stop()
    await clock.advance(60_000)
    expect(early.beats).toHaveLength(3)
    expect(late.beats).toHaveLength(6)
  })

  it('end a client that missed its own three', async () => {
    const clock = fakeClock()
    const broker = new StompBroker(clock)
    const silent = { ...session(clock), readMs: 30_000 }
    const stop = broker.keepBeating(silent)
    await clock.advance(30_000)
    expect(silent.gaveUpAt).toEqual([])
    await clock.advance(10_000)
    expect(silent.gaveUpAt).toEqual([40_000])
    stop()
  })
})
