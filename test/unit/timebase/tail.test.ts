import { describe, expect, it } from 'vitest'
import { WxError } from '../../../src/errors.js'
import { type TailEvent, type TailOptions, tail } from '../../../src/timebase/tail.js'
import { type FakeClock, fakeClock } from '../../support/clock.js'
import { type FakeServer, fakeServer } from '../../support/tail-source.js'

const start = Date.UTC(2026, 10, 23)
const second = 1000

interface Running {
  clock: FakeClock
  server: FakeServer
  events: TailEvent[]
  /** "symbol time" of each record shown, time in seconds from the start. */
  shown(): string[]
  failure(): unknown
  isOver(): boolean
  stop(): Promise<void>
}

function harness(batchRows?: number): { clock: FakeClock; server: FakeServer } {
  const clock = fakeClock(start)
  return { clock, server: fakeServer(clock, batchRows) }
}

function run(
  { clock, server }: { clock: FakeClock; server: FakeServer },
  options: Partial<TailOptions> = {},
): Running {
  const events: TailEvent[] = []
  const stop = new AbortController()
  let failure: unknown
  let isOver = false
  const done = (async () => {
    try {
      for await (const batch of tail(server, { follow: true, ...options }, clock, stop.signal))
        events.push(...batch)
    } catch (error) {
      failure = error
    }
    isOver = true
  })()
  return {
    clock,
    server,
    events,
    shown: () =>
      events.flatMap((event) =>
        event.type === 'record' ? [`${event.row.symbol} ${(event.ms - start) / second}`] : [],
      ),
    failure: () => failure,
    isOver: () => isOver,
    async stop() {
      stop.abort(new WxError('INTERRUPTED', 'Interrupted.'))
      await clock.advance(0)
      await done
    },
  }
}

const at = (seconds: number): number => start + seconds * second
/** The same as `shown` gives, of what the server holds. */
const storedIn = (server: FakeServer): string[] =>
  server.stored.map(
    ({ symbol, timestamp }) => `${symbol} ${(Date.parse(timestamp) - start) / second}`,
  )

describe('the past', () => {
  it('shows the last ten records in order of time and ends without --follow', async () => {
    const one = harness()
    for (let i = 0; i < 30; i++) one.server.append(i % 2 === 0 ? 'a' : 'b', at(i))
    const tailing = run(one, { follow: false })
    await one.clock.advance(0)
    expect(tailing.isOver()).toBe(true)
    expect(tailing.shown()).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i % 2 === 0 ? 'a' : 'b'} ${i + 20}`),
    )
  })

  it('reads everything since a time, page after page', async () => {
    const one = harness(1000)
    for (let i = 0; i < 25_000; i++) one.server.append('a', at(i))
    const tailing = run(one, { follow: false, sinceMs: at(1000) })
    await one.clock.advance(0)
    expect(tailing.shown()).toHaveLength(24_000)
    expect(new Set(tailing.shown()).size).toBe(24_000)
  })

  it('ends at --until', async () => {
    const one = harness()
    for (let i = 0; i < 30; i++) one.server.append('a', at(i))
    const tailing = run(one, { follow: false, sinceMs: at(5), untilMs: at(9) })
    await one.clock.advance(0)
    expect(tailing.shown()).toEqual(['a 5', 'a 6', 'a 7', 'a 8', 'a 9'])
  })

  it('passes a page whose records share one millisecond', async () => {
    const one = harness(1000)
    for (let i = 0; i < 12_000; i++) one.server.append('a', at(1), { n: i })
    for (let i = 0; i < 15_000; i++) one.server.append('b', at(1), { n: i })
    one.server.append('a', at(2))
    const tailing = run(one, { follow: false, sinceMs: at(0) })
    await one.clock.advance(0)
    expect(tailing.shown()).toHaveLength(27_001)
    const rows = tailing.events.flatMap((event) => (event.type === 'record' ? [event.row] : []))
    expect(new Set(rows.map(({ symbol, n }) => `${symbol} ${n}`)).size).toBe(27_001)
  })
})

describe('following', () => {
  it('shows what is stored within a second, equal times included', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(5 * second)
    one.server.append('a', at(5), { n: 1 })
    one.server.append('a', at(5), { n: 2 })
    await one.clock.advance(second)
    one.server.append('a', at(5), { n: 3 })
    await one.clock.advance(second)
    expect(tailing.shown()).toEqual(['a 0', 'a 5', 'a 5', 'a 5'])
    await tailing.stop()
  })

  it('shows a station that appears later from its first record', async () => {
    const one = harness()
    const tailing = run(one)
    await one.clock.advance(second)
    one.server.append('new', at(0))
    one.server.append('new', at(1))
    await one.clock.advance(second)
    expect(tailing.shown()).toEqual(['new 0', 'new 1'])
    await tailing.stop()
  })

  it.each([
    ['a record', 0, -60],
    ['an old record', -3600, -3660],
    ['a record of a clock that is ahead', 3600, -60],
    ['nothing of a stream that holds something', undefined, -60],
  ])('hangs the bell up in the present after %s was shown', async (_what, shown, from) => {
    const one = harness()
    one.server.append(shown === undefined ? 'other' : 'a', at(shown ?? -7200))
    const tailing = run(one, { wants: (symbol) => symbol === 'a' })
    await one.clock.advance(second)
    expect(one.server.openings).toEqual([{ from: new Date(at(from)).toISOString() }])
    await tailing.stop()
  })

  it('finds what the bell does not ring for', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(second)
    one.server.rings = false
    one.server.append('a', at(1))
    one.server.append('b', at(1))
    await one.clock.advance(31 * second)
    expect([...tailing.shown()].sort()).toEqual(['a 0', 'a 1', 'b 1'])
    await tailing.stop()
  })

  it('marks the records of a station that catches up, in its own order', async () => {
    const one = harness()
    one.server.append('late', at(0))
    for (let i = 0; i <= 600; i += 2) one.server.append('alive', at(i))
    await one.clock.advance(600 * second)
    const tailing = run(one)
    await one.clock.advance(second)
    for (let i = 2; i <= 10; i += 2) one.server.append('late', at(i))
    await one.clock.advance(second)
    const live = tailing.events.flatMap((event) =>
      event.type === 'record' && event.live ? [event] : [],
    )
    expect(live.map(({ row, late, ms }) => [row.symbol, (ms - start) / second, late])).toEqual(
      [2, 4, 6, 8, 10].map((seconds) => ['late', seconds, true]),
    )
    await tailing.stop()
  })

  it('polls every second where the bell is blocked, and says so once', async () => {
    const one = harness()
    one.server.bellBlocked = true
    one.server.append('a', at(0))
    const tailing = run(one)
    for (let i = 1; i <= 20; i++) {
      await one.clock.advance(second)
      one.server.append('a', at(i))
    }
    await one.clock.advance(2 * second)
    expect(tailing.shown()).toHaveLength(21)
    expect(tailing.events.filter(({ type }) => type === 'polling')).toHaveLength(1)
    expect(tailing.events.filter(({ type }) => type === 'lost')).toHaveLength(0)
    await tailing.stop()
  })

  it('is nearly silent while nothing happens', async () => {
    const one = harness()
    for (let i = 0; i < 100; i++) one.server.append(`s${i}`, at(0))
    const tailing = run(one)
    await one.clock.advance(60 * second)
    const before = one.server.requests.length
    await one.clock.advance(600 * second)
    expect(one.server.requests.length - before).toBeLessThanOrEqual(40)
    await tailing.stop()
  })
})

describe('a fleet whose stations were retired over a year', () => {
  const retired = (one: { server: FakeServer }): void => {
    for (let i = 0; i < 300; i++) one.server.append(`s${i}`, at(-86_400 * (i + 1)))
  }

  it.each([
    ['with the bell', false, 160],
    ['where it is blocked', true, 1000],
  ])('costs an idle tail little %s', async (_name, bellBlocked, most) => {
    const one = harness()
    one.server.bellBlocked = bellBlocked
    retired(one)
    const tailing = run(one)
    await one.clock.advance(60 * second)
    const before = one.server.requests.length
    await one.clock.advance(600 * second)
    expect(one.server.requests.length - before).toBeLessThanOrEqual(most)
    await tailing.stop()
  })

  it('shows one that comes back within the sweep, though it does not ring, and all it kept', async () => {
    const one = harness()
    retired(one)
    const tailing = run(one)
    await one.clock.advance(60 * second)
    one.server.rings = false
    one.server.append('s200', at(-3600))
    one.server.append('s200', at(60))
    await one.clock.advance(31 * second)
    expect(tailing.shown().slice(-2)).toEqual(['s200 -3600', 's200 60'])
    await tailing.stop()
  })

  it('shows within the hour what one sends that is older than others’ last, and then as it comes', async () => {
    const one = harness()
    retired(one)
    const tailing = run(one)
    await one.clock.advance(60 * second)
    one.server.rings = false
    const shown = tailing.shown().length
    one.server.append('s200', at(-86_400 * 150))
    const limit = one.clock.now() + 3600 * second
    while (tailing.shown().length === shown && one.clock.now() < limit)
      await one.clock.advance(30 * second)
    expect(tailing.shown().slice(shown)).toEqual([`s200 ${-86_400 * 150}`])
    one.server.append('s200', at(-86_400 * 149))
    await one.clock.advance(31 * second)
    expect(tailing.shown().at(-1)).toBe(`s200 ${-86_400 * 149}`)
    await tailing.stop()
  })

  it('shows whoever rings at once, also at the moment of a sweep', async () => {
    const one = harness()
    retired(one)
    const tailing = run(one)
    await one.clock.advance(60 * second)
    const rang: string[] = []
    // Longer than from sweep to sweep, closer than an answered ring rests; each of them once.
    for (let i = 299; i >= 0; i--) {
      const last = -86_400 * (i + 1) + 1
      one.server.append(`s${i}`, at(last))
      rang.push(`s${i} ${last}`)
      await one.clock.advance(120)
    }
    await one.clock.advance(second)
    expect(tailing.shown().slice(-300).sort()).toEqual(rang.sort())
    await tailing.stop()
  })

  it('is opened with few rows, and then shows nothing old and everything new', async () => {
    const one = harness(10_000)
    const last = (i: number): number => -86_400 * (i + 1)
    for (let i = 0; i < 40; i++)
      for (let k = 1500; k >= 0; k--) one.server.append(`s${i}`, at(last(i) - k))
    // Two records share the last millisecond.
    one.server.append('s39', at(last(39)))
    const tailing = run(one, { last: 1 })
    await one.clock.advance(second)
    // Six stations a page: the rest of them is cheaper one by one.
    expect(one.server.requests.filter(({ reverse, rows }) => reverse && rows > 1000)).toHaveLength(
      2,
    )
    one.server.append('s39', at(last(39)))
    one.server.append('s20', at(1))
    await one.clock.advance(second)
    expect(tailing.shown().slice(1).sort()).toEqual(['s20 1', `s39 ${last(39)}`])
    await tailing.stop()
  })

  it('ends a run with what all of them sent', async () => {
    const one = harness()
    retired(one)
    const tailing = run(one, { last: 1, untilMs: at(60) })
    await one.clock.advance(30 * second)
    one.server.rings = false
    one.server.append('s200', at(-86_400 * 150))
    await one.clock.advance(60 * second)
    expect(tailing.isOver()).toBe(true)
    expect(tailing.shown().at(-1)).toBe(`s200 ${-86_400 * 150}`)
  })
})

describe('the join', () => {
  it('has no gap and no double while records are written through it', async () => {
    for (const sinceMs of [undefined, at(0)]) {
      const one = harness(10)
      const symbols = Array.from({ length: 7 }, (_, i) => `s${i}`)
      let clockSeconds = 0
      const write = (): void => {
        clockSeconds++
        for (const symbol of symbols) one.server.append(symbol, at(clockSeconds))
      }
      for (let i = 0; i < 40; i++) write()
      const history = storedIn(one.server).length
      one.server.onBatch = () => {
        if (clockSeconds < 300) write()
      }
      const tailing = run(one, sinceMs === undefined ? { last: 5 } : { sinceMs })
      await one.clock.advance(30 * second)
      one.server.onBatch = undefined
      await one.clock.advance(60 * second)
      const shown = tailing.shown()
      expect(new Set(shown).size).toBe(shown.length)
      const stored = storedIn(one.server)
      if (sinceMs !== undefined) expect([...shown].sort()).toEqual([...stored].sort())
      else {
        const fresh = stored.filter((one) => Number(one.split(' ')[1]) > 40)
        expect(shown).toEqual(expect.arrayContaining(fresh))
        expect(shown.length).toBeLessThanOrEqual(fresh.length + history)
      }
      await tailing.stop()
    }
  })
})

describe('a broken connection', () => {
  it.each([[10], [2]])('during the join by the last %i records doubles nothing', async (last) => {
    const one = harness()
    one.server.append('b', at(-86_400))
    for (let i = 0; i < 1500; i++) one.server.append('a', at(i - 1500))
    let failures = 0
    one.server.onBatch = ({ symbols }) => {
      if (symbols?.[0] !== 'b' || failures++ > 0) return
      one.server.append('a', at(0.5))
      one.server.append('a', at(0.5))
      throw new WxError('NO_ANSWER', 'broke')
    }
    const tailing = run(one, { last })
    await one.clock.advance(5 * second)
    one.server.append('a', at(5))
    await one.clock.advance(second)
    expect(failures).toBeGreaterThan(0)
    const shown = tailing.shown()
    expect(shown.slice(-3)).toEqual(['a 0.5', 'a 0.5', 'a 5'])
    expect(shown).toHaveLength(last + 1)
    await tailing.stop()
  })

  it('is reconnected and resumed, with one notice of each', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(10 * second)
    one.server.setUp(false)
    for (let i = 1; i < 10; i++) one.server.append('a', at(i))
    await one.clock.advance(20 * second)
    one.server.setUp(true)
    await one.clock.advance(20 * second)
    expect(tailing.shown()).toEqual(Array.from({ length: 10 }, (_, i) => `a ${i}`))
    expect(tailing.events.filter(({ type }) => type === 'lost')).toHaveLength(1)
    expect(tailing.events.filter(({ type }) => type === 'back')).toHaveLength(1)
    await tailing.stop()
  })

  it('in the middle of an answer repeats nothing', async () => {
    const one = harness(7)
    for (let i = 0; i < 500; i++) one.server.append(i % 3 === 0 ? 'a' : 'b', at(i >> 1))
    let breaks = 0
    one.server.onBatch = (_query, batch) => {
      if (batch === 3 && breaks++ < 20) throw new WxError('ANSWER_INCOMPLETE', 'broke off')
    }
    const tailing = run(one, { sinceMs: at(0) })
    await one.clock.advance(600 * second)
    expect([...tailing.shown()].sort()).toEqual(storedIn(one.server).sort())
    await tailing.stop()
  })

  it.each([['LOGIN_REFUSED'], ['ACCESS_DENIED']] as const)('%s ends the tail', async (code) => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(2 * second)
    one.server.onBatch = () => {
      throw new WxError(code, 'no')
    }
    await one.clock.advance(60 * second)
    expect(tailing.failure()).toMatchObject({ code })
  })

  it('before the first answer is an error at once', async () => {
    const one = harness()
    one.server.setUp(false)
    const tailing = run(one)
    await one.clock.advance(0)
    expect(tailing.failure()).toMatchObject({ code: 'NETWORK_UNREACHABLE' })
  })

  it.each([
    ['stands', 0],
    ['is set back meanwhile', -3_600_000],
    ['is set ahead meanwhile', 3_600_000],
  ])('is told for as long as it was, where the wall clock %s', async (_name, setMs) => {
    const one = harness()
    one.server.append('a', at(0))
    let wallMs = 0
    const clock = { ...one.clock, now: () => one.clock.now() + wallMs }
    const tailing = run({ server: one.server, clock })
    await one.clock.advance(5 * second)
    one.server.setUp(false)
    await one.clock.advance(5 * second)
    wallMs = setMs
    one.server.setUp(true)
    await one.clock.advance(20 * second)
    const [back] = tailing.events.flatMap((event) => (event.type === 'back' ? [event] : []))
    // A clock set ahead cannot be told from a computer that slept.
    expect(back?.afterMs).toBeGreaterThanOrEqual(5 * second)
    expect(back?.afterMs).toBeLessThanOrEqual(20 * second + Math.max(0, setMs))
    await tailing.stop()
  })

  it('is noticed after the computer slept', async () => {
    const one = harness()
    one.server.append('a', at(0))
    let sleptMs = 0
    const clock = { ...one.clock, now: () => one.clock.now() + sleptMs }
    const tailing = run({ server: one.server, clock })
    await one.clock.advance(5 * second)
    sleptMs = 3_600_000
    await one.clock.advance(10 * second)
    const types = tailing.events.map(({ type }) => type)
    expect(types).toEqual(['record', 'following', 'lost', 'back'])
    await tailing.stop()
  })

  it('at the very end of a run delays its last look, and spares nothing of it', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one, { sinceMs: at(0), untilMs: at(20) })
    await one.clock.advance(10 * second)
    one.server.append('a', at(10))
    await one.clock.advance(24 * second)
    one.server.insert('a', at(5))
    let breaks = 0
    one.server.onBatch = () => {
      if (breaks++ < 3) throw new WxError('ANSWER_INCOMPLETE', 'broke off')
    }
    await one.clock.advance(30 * second)
    expect(breaks).toBeGreaterThan(3)
    expect(tailing.isOver()).toBe(true)
    expect(tailing.shown()).toEqual(['a 0', 'a 10', 'a 5'])
  })

  it('gives a finite read up after a minute', async () => {
    const one = harness()
    one.server.append('a', at(0))
    let isFirst = true
    one.server.onBatch = () => {
      if (isFirst) isFirst = false
      throw new WxError('ANSWER_INCOMPLETE', 'broke off')
    }
    const tailing = run(one, { follow: false, sinceMs: at(0) })
    await one.clock.advance(90 * second)
    expect(tailing.failure()).toMatchObject({ code: 'ANSWER_INCOMPLETE' })
  })
})

describe('rows behind the cursor', () => {
  it('are counted in a plain follow, each once', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(second)
    for (let i = 10; i <= 100; i += 10) one.server.append('a', at(i))
    await one.clock.advance(2 * second)
    one.server.insert('a', at(55))
    one.server.insert('a', at(60))
    await one.clock.advance(200 * second)
    const found = tailing.events.filter(({ type }) => type === 'inserted')
    expect(found).toEqual([{ type: 'inserted', symbol: 'a', count: 2 }])
    expect(tailing.shown()).toHaveLength(11)
    await tailing.stop()
  })

  it('are fetched at the end of a run without reading again what was there before it', async () => {
    const one = harness()
    one.server.append('retired', at(-86_400 * 365))
    for (let i = -3000; i <= 0; i++) one.server.append('a', at(i))
    const tailing = run(one, { untilMs: at(20) })
    await one.clock.advance(second)
    one.server.append('a', at(2))
    one.server.append('a', at(4))
    await one.clock.advance(5 * second)
    one.server.insert('a', at(3))
    one.server.insert('retired', at(-86_400 * 365 + 1))
    one.server.requests.length = 0
    await one.clock.advance(40 * second)
    expect(tailing.isOver()).toBe(true)
    expect(tailing.shown().slice(-4).sort()).toEqual(['a 2', 'a 3', 'a 4', 'retired -31535999'])
    const far = one.server.requests.filter(
      ({ symbols, from, reverse }) =>
        !reverse && symbols?.includes('a') && (from ?? '') < new Date(at(-60)).toISOString(),
    )
    expect(far).toEqual([])
  })

  it('are counted though the count of others broke', async () => {
    const one = harness()
    one.server.append('a', at(0))
    one.server.append('b', at(-600))
    const tailing = run(one)
    await one.clock.advance(second)
    // Stations whose windows lie apart are two reads.
    for (let i = 1; i < 5; i++) {
      one.server.append('b', at(-600 + i))
      one.server.append('a', at(i * 2))
      await one.clock.advance(2 * second)
    }
    one.server.insert('a', at(3))
    one.server.insert('b', at(-597.5))
    let failures = 0
    one.server.onBatch = ({ to, symbols }) => {
      if (to !== undefined && symbols?.[0] === 'a' && failures++ === 0)
        throw new WxError('NO_ANSWER', 'broke')
    }
    await one.clock.advance(180 * second)
    expect(failures).toBeGreaterThan(0)
    const inserted = tailing.events.flatMap((event) =>
      event.type === 'inserted' ? [`${event.symbol} ${event.count}`] : [],
    )
    expect(inserted.sort()).toEqual(['a 1', 'b 1'])
    await tailing.stop()
  })

  it('are looked for up to the cursors, however fast more is stored meanwhile', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(second)
    let ms = at(1)
    const flood = (): void => {
      for (let i = 0; i < 10_000; i++) one.server.append('a', ms++)
    }
    flood()
    await one.clock.advance(50 * second)
    let floods = 0
    // Only the look behind the cursors says where it ends.
    one.server.onBatch = ({ to }, batch) => {
      if (to !== undefined && batch === 0 && floods++ < 20) flood()
    }
    await one.clock.advance(15 * second)
    expect(floods).toBeGreaterThan(0)
    expect(floods).toBeLessThan(5)
    await tailing.stop()
  })

  it('are counted of every station, whatever clocks the others have', async () => {
    const one = harness()
    for (const symbol of ['well', 'ahead', 'behind', 'wild']) one.server.append(symbol, at(-7200))
    const tailing = run(one)
    await one.clock.advance(second)
    one.server.append('wild', at(1e9))
    for (let i = 10; i <= 100; i += 10) {
      one.server.append('well', at(i))
      one.server.append('ahead', at(i + 3600))
      one.server.append('behind', at(i - 3600))
    }
    await one.clock.advance(2 * second)
    one.server.insert('well', at(55))
    one.server.insert('ahead', at(3655))
    one.server.insert('behind', at(-3545))
    one.server.insert('wild', at(3))
    await one.clock.advance(200 * second)
    const found = tailing.events.flatMap((event) =>
      event.type === 'inserted' ? [`${event.symbol} ${event.count}`] : [],
    )
    expect(found.sort()).toEqual(['ahead 1', 'behind 1', 'well 1', 'wild 1'])
    await tailing.stop()
  })

  it('cost a station that fell silent nothing', async () => {
    const one = harness()
    one.server.append('a', at(0))
    const tailing = run(one)
    await one.clock.advance(second)
    one.server.append('a', at(1))
    await one.clock.advance(200 * second)
    const before = one.server.requests.length
    await one.clock.advance(600 * second)
    // Sweeps alone.
    expect(one.server.requests.length - before).toBeLessThanOrEqual(20)
    await tailing.stop()
  })

  it('are fetched at the end of an --until run', async () => {
    const one = harness()
    for (let i = 0; i < 5; i++) one.server.append('a', at(i))
    const tailing = run(one, { sinceMs: at(0), untilMs: at(60) })
    for (let i = 5; i < 70; i++) {
      await one.clock.advance(second)
      one.server.append('a', at(i))
      if (i === 30) {
        one.server.insert('a', at(2))
        one.server.insert('a', at(20.5))
      }
    }
    await one.clock.advance(30 * second)
    expect(tailing.isOver()).toBe(true)
    const expected = storedIn(one.server).filter((one) => Number(one.split(' ')[1]) <= 60)
    expect([...tailing.shown()].sort()).toEqual([...expected].sort())
    const inserted = tailing.events.flatMap((event) =>
      event.type === 'record' && event.inserted ? [(event.ms - start) / second] : [],
    )
    expect(inserted).toEqual([2, 20.5])
  })
})

describe('a stream that is cut', () => {
  it('goes on with what is written behind the cut', async () => {
    const one = harness()
    for (let i = 0; i < 10; i++) one.server.append('a', at(i))
    const tailing = run(one)
    await one.clock.advance(second)
    one.server.truncate('a', at(5))
    one.server.append('a', at(6), { again: true })
    await one.clock.advance(40 * second)
    one.server.append('a', at(7), { again: true })
    await one.clock.advance(40 * second)
    expect(tailing.shown().slice(10)).toEqual(['a 6', 'a 7'])
    await tailing.stop()
  })
})

describe('a stream that is cut and written again', () => {
  it.each([
    ['the bell rings for the last of a batch', true],
    ['no bell rings', false],
  ])('shows all that is new behind what it showed, where %s', async (_name, rings) => {
    const one = harness()
    for (let i = 0; i < 10; i++) one.server.append('a', at(i))
    const tailing = run(one)
    await one.clock.advance(second)
    for (let i = 10; i < 20; i += 2) {
      one.server.append('a', at(i))
      await one.clock.advance(2 * second)
    }
    one.server.rings = false
    one.server.truncate('a', at(13))
    for (const seconds of [13, 15]) one.server.append('a', at(seconds))
    one.server.rings = rings
    one.server.append('a', at(17))
    await one.clock.advance(rings ? second : 35 * second)
    one.server.rings = true
    one.server.append('a', at(60))
    await one.clock.advance(100 * second)
    expect(tailing.shown().slice(15)).toEqual(['a 13', 'a 15', 'a 17', 'a 60'])
    expect(tailing.events.some(({ type }) => type === 'inserted')).toBe(false)
    await tailing.stop()
  })

  it('shows all of one that was emptied', async () => {
    const one = harness()
    const tailing = run(one)
    await one.clock.advance(second)
    for (let i = 10; i < 20; i++) one.server.append('a', at(i))
    await one.clock.advance(second)
    one.server.truncate('a', at(0))
    one.server.rings = false
    for (const seconds of [1, 2, 3]) one.server.append('a', at(seconds))
    await one.clock.advance(35 * second)
    expect(tailing.shown().slice(10)).toEqual(['a 1', 'a 2', 'a 3'])
    await tailing.stop()
  })
})

describe('a virtual hour', () => {
  it('with fifty server restarts shows every record exactly once', async () => {
    const one = harness(9)
    const tailing = run(one)
    await one.clock.advance(second)
    for (let step = 1; step <= 3600 / 10; step++) {
      // Seven restarts of the 360 steps in ten minutes; each station sends its batch every ten seconds.
      const isDown = step % 7 === 3
      if (isDown && one.server.requests.length % 2 === 0) one.server.setUp(false)
      for (let i = 0; i < 5; i++)
        for (const symbol of ['a', 'b', 'c']) one.server.append(symbol, at((step - 1) * 10 + i * 2))
      if (isDown) {
        one.server.setUp(false)
        await one.clock.advance(7 * second)
        one.server.setUp(true)
        await one.clock.advance(3 * second)
      } else await one.clock.advance(10 * second)
    }
    await one.clock.advance(60 * second)
    expect(tailing.events.filter(({ type }) => type === 'lost').length).toBeGreaterThanOrEqual(50)
    expect([...tailing.shown()].sort()).toEqual(storedIn(one.server).sort())
    expect(tailing.shown()).toHaveLength(360 * 15)
    await tailing.stop()
  })
})
