import { describe, expect, it } from 'vitest'
import { Patience } from '../../../src/timebase/patience.js'
import { type FakeClock, fakeClock } from '../../support/clock.js'

interface Setup {
  clock: FakeClock
  patience: Patience
  questions: number
  /** What the server answers when it is asked whether it is there. */
  isThere: boolean | undefined
}

function setup(isThere?: boolean): Setup {
  const clock = fakeClock()
  const one: Setup = {
    clock,
    isThere,
    questions: 0,
    patience: new Patience('http://tb', clock, async () => {
      one.questions++
      return one.isThere ?? false
    }),
  }
  return one
}

const signal = new AbortController().signal
const never = new Promise<never>(() => {})

/** What a promise ended with, as soon as it did. */
function outcome(work: Promise<unknown>): { now(): unknown } {
  let result: unknown
  work.then(
    () => {
      result = 'done'
    },
    (error: { code?: string }) => {
      result = error.code ?? error
    },
  )
  return { now: () => result }
}

describe('patience', () => {
  it('ends after eleven seconds where the server is not there', async () => {
    const { clock, patience } = setup(false)
    const found = outcome(patience.begin(signal).step(never))
    await clock.advance(10_900)
    expect(found.now()).toBeUndefined()
    await clock.advance(200)
    expect(found.now()).toBe('NETWORK_UNREACHABLE')
  })

  it('is longer the next time where the server is there, up to a minute', async () => {
    const { clock, patience } = setup(true)
    const waited: number[] = []
    for (let i = 0; i < 5; i++) {
      const found = outcome(patience.within(signal, () => never))
      const begin = clock.monotonic()
      while (found.now() === undefined) await clock.advance(1000)
      expect(found.now()).toBe('NO_ANSWER')
      waited.push(clock.monotonic() - begin)
    }
    expect(waited).toEqual([11_000, 22_000, 44_000, 60_000, 60_000])
  })

  it('counts the waits for pieces, and not the time their reader takes', async () => {
    const one = setup(false)
    const { clock, patience } = one
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(8000)
        yield new Uint8Array(1)
      }
      await never
    }
    let pieces = 0
    const exchange = patience.begin(signal)
    void (async () => {
      for await (const _piece of exchange.pieces(body())) {
        pieces++
        await clock.sleep(30_000)
      }
    })()
    await clock.advance(3 * 38_000)
    expect([pieces, one.questions, exchange.signal.aborted]).toEqual([3, 0, false])
    await clock.advance(11_100)
    expect(exchange.signal.reason).toMatchObject({ code: 'NETWORK_UNREACHABLE' })
  })

  it('leaves no timer and no question behind', async () => {
    const one = setup(true)
    const exchange = one.patience.begin(signal)
    await exchange.step(Promise.resolve())
    exchange.end()
    await one.clock.advance(120_000)
    expect([one.questions, exchange.signal.aborted]).toEqual([0, false])
  })

  it('ends with the command', async () => {
    const stop = new AbortController()
    const found = outcome(setup(true).patience.begin(stop.signal).step(never))
    stop.abort({ code: 'INTERRUPTED' })
    await new Promise(setImmediate)
    expect(found.now()).toBe('INTERRUPTED')
  })
})
