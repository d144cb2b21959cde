import { describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.js'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import { apiKeyAuth } from '../../src/timebase/auth/api-key.js'
import { gatewayEnv } from '../support/gateway.js'
import { testSystem } from '../support/system.js'
import {
  type Following,
  follow,
  type VirtualGateway,
  virtualGateway,
} from '../support/virtual-gateway.js'

const second = 1000
const minute = 60 * second

describe.each([
  ['ten minutes ahead', 10 * minute],
  ['ten minutes behind', -10 * minute],
])('a server whose clock is %s of this computer', (_name, skewMs) => {
  it('ends --until by its own clock', async () => {
    const server = await virtualGateway({ skewMs })
    const { clock } = server
    const serverNow = (): number => clock.now() + skewMs
    await server.write([{ symbol: 'a', ms: serverNow() - minute }])
    const tailing = follow(server, { untilMs: serverNow() + 30 * second })
    await clock.advance(20 * second)
    await server.write([{ symbol: 'b', ms: serverNow() }])
    await clock.advance(20 * second)
    expect(tailing.isOver()).toBe(false)
    await clock.advance(10 * second)
    expect(tailing.isOver()).toBe(true)
    expect(tailing.shown()).toEqual(server.written)
  })

  it('has its late records marked', async () => {
    const server = await virtualGateway({ skewMs })
    const { clock } = server
    await server.write([{ symbol: 'late', ms: clock.now() + skewMs - 5 * minute }])
    const tailing = follow(server)
    for (let i = 0; i < 5; i++) {
      await clock.advance(2 * second)
      await server.write([{ symbol: 'alive', ms: clock.now() + skewMs }])
    }
    await clock.advance(2 * second)
    await server.write([{ symbol: 'late', ms: clock.now() + skewMs - 4 * minute }])
    await clock.advance(40 * second)
    expect(tailing.shown()).toEqual(server.written)
    const late = tailing.events.flatMap((event) =>
      event.type === 'record' && event.late ? [event.row.symbol] : [],
    )
    expect(late).toEqual(['late'])
    await tailing.stop()
  })
})

describe('a server that stalls', () => {
  it.each([
    ['while it is polled', { only: '/stomp', status: 403 }, {}],
    ['while the bell hangs', {}, {}],
    [
      'in its reads alone, while it is polled',
      { only: '/stomp', status: 403 },
      { only: '/select' },
    ],
  ])('%s is lost within 15 s and resumed', async (_when, before, which) => {
    const server = await virtualGateway()
    const { clock, gateway } = server
    Object.assign(gateway.faults, before)
    await server.write([{ symbol: 'a', ms: clock.now() }])
    const tailing = follow(server)
    await clock.advance(45 * second)
    const well = { only: undefined, status: undefined, stallMs: 0 }
    Object.assign(gateway.faults, well, { stallMs: Number.POSITIVE_INFINITY }, which)
    await server.write([{ symbol: 'a', ms: clock.now() }])
    await clock.advance(15 * second)
    expect(tailing.count('lost')).toBe(1)
    Object.assign(gateway.faults, well)
    await clock.advance(40 * second)
    expect(tailing.count('back')).toBe(1)
    expect(tailing.shown()).toEqual(server.written)
    await tailing.stop()
  })

  it('gets more time where it answers other questions', async () => {
    const server = await virtualGateway()
    const { clock, gateway } = server
    await server.write([{ symbol: 'a', ms: clock.now() }])
    Object.assign(gateway.faults, { only: '/select', stallMs: 40 * second })
    const tailing = follow(server, { follow: false })
    await clock.advance(120 * second)
    expect(tailing.failure()).toBeUndefined()
    expect(tailing.shown()).toEqual(server.written)
  })
})

/** Writes a record some ten seconds after the one before and answers how long each took to be shown, ms. */
async function latencies(
  server: VirtualGateway,
  tailing: Following,
  records: number,
): Promise<number[]> {
  const { clock } = server
  const found: number[] = []
  for (let i = 0; i < records; i++) {
    await server.write([{ symbol: 'a', ms: clock.now() }])
    const written = clock.now()
    while (tailing.shown().length < server.written.length) await clock.advance(100)
    found.push(clock.now() - written)
    // Of every phase of the monitor's half second and of a poll's second.
    await clock.advance(Math.max(0, written + 10 * second + i * 130 - clock.now()))
  }
  return found
}

describe('from stored to shown', () => {
  it.each([
    ['while the bell hangs', false, 500, 700],
    ['while the server is polled', true, 600, 1000],
  ])('goes a second at the very most %s', async (_when, isBlocked, median, most) => {
    const server = await virtualGateway()
    if (isBlocked) Object.assign(server.gateway.faults, { only: '/stomp', status: 403 })
    await server.write([{ symbol: 'a', ms: server.clock.now() }])
    const tailing = follow(server)
    await (isBlocked ? server.clock.advance(2 * second) : tailing.bell())
    const found = (await latencies(server, tailing, 40)).sort((a, b) => a - b)
    expect(found[20]).toBeLessThanOrEqual(median)
    expect(found.at(-1)).toBeLessThanOrEqual(most)
    await tailing.stop()
  })

  it('goes as fast with an API key', async () => {
    const key = { name: 'wx-key', key: 'wx-secret-1', user: 'admin' }
    const server = await virtualGateway({ apiKeys: [key] })
    const auth = apiKeyAuth({ name: key.name, secret: new Secret(key.key) }, nodeSystem())
    const tailing = follow(
      server,
      {},
      server.client(() => auth),
    )
    await tailing.bell()
    expect(Math.max(...(await latencies(server, tailing, 10)))).toBeLessThanOrEqual(700)
    expect(tailing.count('polling')).toBe(0)
    await tailing.stop()
  })
})

describe('a bell that goes deaf while its connection beats', () => {
  it.each([
    ['a restart of TimeBase', async ({ gateway }: VirtualGateway) => gateway.restartTimebase()],
    ['a stream deleted and made again', (server: VirtualGateway) => server.makeAgain()],
  ])('by %s is hung up again', async (_what, deafen) => {
    const server = await virtualGateway()
    const tailing = follow(server)
    await latencies(server, tailing, 5)
    await deafen(server)
    // The next look at all stations finds what did not ring; from then on it rings again.
    const [first = 0, ...rest] = await latencies(server, tailing, 6)
    expect(first).toBeGreaterThan(second)
    expect(first).toBeLessThanOrEqual(30 * second)
    expect(Math.max(...rest.slice(1))).toBeLessThanOrEqual(second)
    expect(tailing.count('polling')).toBe(0)
    await tailing.stop()
  })

  it('for want of a place among the monitors gives way to polling', async () => {
    const server = await virtualGateway()
    const others = Array.from({ length: 50 }, () => server.ring())
    await server.clock.advance(second)
    const tailing = follow(server)
    await latencies(server, tailing, 6)
    expect(tailing.count('polling')).toBe(1)
    expect(Math.max(...(await latencies(server, tailing, 40)))).toBeLessThanOrEqual(1.1 * second)
    // It was tried in vain once more meanwhile, without a word; now there is a place.
    expect(tailing.count('polling')).toBe(1)
    for (const other of others) (await other).close()
    await server.clock.advance(6 * minute)
    const asked = server.requests.length
    await latencies(server, tailing, 6)
    expect(server.requests.length - asked).toBeLessThan(40)
    await tailing.stop()
  })
})

describe('the command', () => {
  it('tells a station silent that is, and one that uploads each minute never', async () => {
    const server = await virtualGateway()
    const { clock, network, gateway } = server
    await server.write([{ symbol: 'dead', ms: clock.now() - 3 * 24 * 60 * minute }])
    const { fetch, webSocket, files } = network
    const env = { NO_COLOR: '1', ...gatewayEnv(gateway) }
    const system = testSystem({ tty: true, width: 100, env, clock, fetch, webSocket, files })
    const done = run(['tail', '--utc'], system)
    // Loading the program takes real time.
    while (!system.out().includes('dead')) await clock.advance(0)
    for (let i = 0; i < 10; i++) {
      await clock.advance(minute)
      const end = clock.now()
      await server.write(
        Array.from({ length: 30 }, (_, k) => ({ symbol: 'minute', ms: end - (29 - k) * 2000 })),
      )
    }
    await clock.advance(10 * second)
    system.interrupt()
    await clock.advance(0)
    expect(await done).toBe(0)
    const silent = system.out().match(/(\w+) +silent for .*/g)
    expect(silent).toEqual([expect.stringMatching(/^dead +silent for 72 h/)])
    expect(system.err()).toContain('1 station fell silent')
  })
})
