import { createHash } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Gateway, startGateway } from '../../src/sandbox/gateway/gateway.js'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import { type TailEvent, type TailOptions, tail } from '../../src/timebase/tail.js'
import { tailSource } from '../../src/timebase/tail-source.js'
import { temporaryFolder } from '../support/system.js'

const system = nodeSystem()
const stream = 'weather_record'
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (isTrue()) return
    await wait(50)
  }
  throw new Error(`never: ${what}`)
}

interface Setup {
  gateway: Gateway
  client: TimebaseClient
  /** Writes one record a station, two seconds after the ones before. */
  write(symbols: string[]): Promise<void>
  written: string[]
}

async function setup(): Promise<Setup> {
  const gateway = await startGateway({ folder: temporaryFolder() }, system)
  onTestFinished(() => gateway.stop())
  const auth = passwordAuth(
    { url: gateway.url, user: gateway.user, password: new Secret(gateway.password) },
    system,
  )
  const client = makeClient({ url: gateway.url, auth }, system)
  await applyStreams(client, await planStreams(client, [{ stream, schema: weatherSchema }]))
  // A writer of its own: faults and restarts are the tail's, not the test's.
  const written: string[] = []
  let step = 0
  const start = Date.UTC(2026, 10, 23)
  return {
    gateway,
    client,
    written,
    async write(symbols) {
      step++
      const timestamp = new Date(start + step * 2000).toISOString()
      const rows = symbols.map((symbol) => ({
        $type: stream,
        symbol,
        timestamp,
        temperature: (step % 300) / 10,
      }))
      for (let attempt = 0; ; attempt++) {
        try {
          const refused = await client.post<unknown[]>([stream, 'write'], { body: rows })
          expect(refused).toEqual([])
          break
        } catch (error) {
          if (attempt > 20) throw error
          await wait(50)
        }
      }
      written.push(...symbols.map((symbol) => `${symbol} ${timestamp}`))
    },
  }
}

interface Running {
  events: TailEvent[]
  shown(): string[]
  failure(): unknown
  stop(): Promise<void>
}

async function follow(
  client: TimebaseClient,
  options: Partial<TailOptions> = {},
): Promise<Running> {
  const events: TailEvent[] = []
  const stop = new AbortController()
  let failure: unknown
  const source = tailSource(client, stream, weatherSchema.classes, system)
  const done = (async () => {
    try {
      const run = tail(source, { follow: true, ...options }, system.clock, stop.signal)
      for await (const batch of run) events.push(...batch)
    } catch (error) {
      failure = error
    }
  })()
  const running: Running = {
    events,
    shown: () =>
      events.flatMap((event) =>
        event.type === 'record' ? [`${event.row.symbol} ${event.row.timestamp}`] : [],
      ),
    failure: () => failure,
    async stop() {
      stop.abort(new Error('test is over'))
      await done
    },
  }
  onTestFinished(() => running.stop())
  return running
}

const digest = (rows: string[]): string =>
  createHash('sha256')
    .update([...rows].sort().join('\n'))
    .digest('hex')

describe('tail on the local gateway', () => {
  it('joins the past to what is being written, each record exactly once', async () => {
    const { client, write, written } = await setup()
    const symbols = Array.from({ length: 20 }, (_, i) => `st-${i}`)
    for (let i = 0; i < 30; i++) await write(symbols)
    let isWriting = true
    const writing = (async () => {
      for (let i = 0; i < 120 && isWriting; i++) await write(symbols)
    })()
    const all = await follow(client, { sinceMs: 0 })
    await wait(150)
    const last = await follow(client, { last: 10 })
    await writing
    isWriting = false
    await until('all records shown', () => all.shown().length >= written.length)
    await until('the newest shown', () => last.shown().includes(written.at(-1) ?? ''))
    await wait(500)
    expect(digest(all.shown())).toBe(digest(written))
    expect(new Set(last.shown()).size).toBe(last.shown().length)
    // What the second one shows is the end of what there is, without a hole.
    const begin = last.shown()[0]?.split(' ')[1] ?? ''
    const later = written.filter((one) => (one.split(' ')[1] ?? '') > begin)
    expect(last.shown()).toEqual(expect.arrayContaining(later))
  })

  it('reads a past of many pages once, where those asked ahead break off as well', async () => {
    const { gateway, client, write, written } = await setup()
    const symbols = Array.from({ length: 500 }, (_, i) => `st-${i}`)
    for (let i = 0; i < 70; i++) await write(symbols)
    let cuts = 0
    const cutNext = (): void => {
      if (cuts++ < 6)
        Object.assign(gateway.faults, { only: '/select', times: 1, cutAnswerAfter: 700_000 })
    }
    cutNext()
    const breaking = setInterval(cutNext, 40)
    onTestFinished(() => clearInterval(breaking))
    const all = await follow(client, { sinceMs: 0, follow: false })
    await until('all records shown', () => all.shown().length >= written.length)
    expect(digest(all.shown())).toBe(digest(written))
    expect(all.events.some(({ type }) => type === 'lost')).toBe(true)
    expect(all.failure()).toBeUndefined()
  })

  it('survives restarts of WebAdmin and of TimeBase unnoticed', async () => {
    const { gateway, client, write, written } = await setup()
    const running = await follow(client, { sinceMs: 0 })
    for (let i = 0; i < 30; i++) {
      await write(['a', 'b'])
      if (i % 10 === 5) await gateway.restart()
      if (i % 10 === 8) gateway.restartTimebase()
      await wait(40)
    }
    await until('all records shown', () => running.shown().length >= written.length)
    await wait(500)
    expect(digest(running.shown())).toBe(digest(written))
    expect(running.failure()).toBeUndefined()
    const lost = running.events.filter(({ type }) => type === 'lost').length
    expect(lost).toBeGreaterThanOrEqual(1)
    expect(running.events.filter(({ type }) => type === 'back')).toHaveLength(lost)
  })

  it.each([
    ['answers cut at once', { cutAnswerAfter: 0 }],
    ['answers cut in the head', { cutAnswerAfter: 60 }],
    ['answers cut in a row', { cutAnswerAfter: 900 }],
    ['answers that never come back', { answerLost: true }],
    ['a proxy that says 502', { status: 502 }],
    ['a captive portal', { captivePortal: true }],
    ['TimeBase down', { timebaseDown: true }],
  ])('waits %s out', async (_name, fault) => {
    const { gateway, client, write, written } = await setup()
    for (let i = 0; i < 40; i++) await write(['a', 'b'])
    const running = await follow(client, { sinceMs: 0 })
    await until('a first record', () => running.shown().length > 0)
    Object.assign(gateway.faults, { only: '/select', ...fault })
    await wait(100)
    // Writes are no business of this fault, TimeBase being down apart.
    if (!('timebaseDown' in fault)) await write(['a'])
    await wait(1300)
    Object.assign(gateway.faults, {
      cutAnswerAfter: undefined,
      answerLost: false,
      status: undefined,
      captivePortal: false,
      timebaseDown: false,
    })
    await write(['a', 'c'])
    await until('all records shown', () => running.shown().length >= written.length)
    expect(digest(running.shown())).toBe(digest(written))
    expect(running.failure()).toBeUndefined()
  })

  it('polls where WebSocket is blocked', async () => {
    const { gateway, client, write, written } = await setup()
    Object.assign(gateway.faults, { only: '/stomp', status: 403 })
    await write(['a'])
    const running = await follow(client)
    await until('polling is said', () => running.events.some(({ type }) => type === 'polling'))
    for (let i = 0; i < 3; i++) await write(['a', 'b'])
    await until('all records shown', () => running.shown().length >= written.length)
    expect(digest(running.shown())).toBe(digest(written))
  })
})
