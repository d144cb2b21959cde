import { describe, expect, it } from 'vitest'
import { WxError } from '../../src/errors.js'
import { follow, type VirtualGateway, virtualGateway } from '../support/virtual-gateway.js'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** What a station sends every ten seconds. */
function upload({ clock }: VirtualGateway, symbols: string[]): { symbol: string; ms: number }[] {
  const end = clock.now()
  return [8, 6, 4, 2, 0].flatMap((ago) =>
    symbols.map((symbol) => ({ symbol, ms: end - ago * second })),
  )
}

describe('the real client on the real gateway, in virtual time', () => {
  it('shows each record once through the end of its login and fifty restarts', async () => {
    const server = await virtualGateway()
    const { clock, gateway, network } = server
    const client = server.client()
    await client.get(['streams'])
    // The refresh token of this login is over at 24 h; so long nobody asked for anything.
    await clock.advance(23.5 * hour)
    const tailing = follow(server, {}, client)
    for (let step = 0; step < 6 * 60; step++) {
      await clock.advance(10 * second)
      await server.write(upload(server, ['a', 'b', 'c']))
    }
    expect(server.requests.filter((one) => one.endsWith('/oauth/token')).length).toBeGreaterThan(12)
    expect(tailing.count('lost')).toBe(0)
    for (let restart = 0; restart < 50; restart++) {
      await clock.advance(10 * second + restart * 700)
      if (restart % 2 === 0) {
        network.isDown = true
        await gateway.restart()
      } else {
        gateway.faults.timebaseDown = true
        gateway.restartTimebase()
      }
      await server.write(upload(server, ['a', 'b']))
      await clock.advance((restart % 20) * second)
      network.isDown = false
      gateway.faults.timebaseDown = false
      await clock.advance(minute)
      await server.write(upload(server, ['b', 'c']))
    }
    await clock.advance(minute)
    expect(tailing.failure()).toBeUndefined()
    expect(tailing.count('lost')).toBeGreaterThanOrEqual(25)
    expect(tailing.count('back')).toBe(tailing.count('lost'))
    expect([...tailing.shown()].sort()).toEqual([...server.written].sort())
    await tailing.stop()
  })
})

describe.each(['cut', 'stall'] as const)('a connection that meets a %s', (kind) => {
  /** Follows two minutes of two stations. `at`: the byte that meets the fault. */
  async function session(server: VirtualGateway, at?: number) {
    const { clock, network } = server
    const sinceMs = clock.now()
    const begin = server.written.length
    await clock.advance(10 * second)
    await server.write(upload(server, ['a', 'b']))
    const start = network.bytes
    network.fault = at === undefined ? undefined : { kind, at: start + at }
    const tailing = follow(server, { sinceMs })
    for (let step = 0; step < 10; step++) {
      await clock.advance(12 * second)
      await server.write(upload(server, ['a', 'b']))
    }
    const bytes = network.bytes - start
    network.fault = undefined
    await clock.advance(40 * second)
    await tailing.stop()
    return { bytes, tailing, written: server.written.slice(begin) }
  }

  it('at any byte of any exchange loses and doubles nothing', { timeout: 120_000 }, async () => {
    const server = await virtualGateway()
    const { bytes } = await session(server)
    const places = 100
    let waited = 0
    let lost = 0
    for (let i = 0; i < places; i++) {
      // Odd distances: heads, bodies and frames are hit at other places each time.
      const at = Math.floor((i * bytes) / places) + ((i * 37) % 101)
      const { tailing, written } = await session(server, at)
      const failure = tailing.failure() as WxError
      const isEarly = failure instanceof WxError && tailing.shown().length === 0
      if (isEarly) continue
      waited++
      lost += tailing.count('lost')
      expect(String(failure), `byte ${at}`).toBe('Error: test is over')
      expect([...tailing.shown()].sort(), `byte ${at}`).toEqual([...written].sort())
    }
    // Only what breaks before the first answer is an error at once.
    expect(waited).toBeGreaterThan(places * 0.8)
    expect(lost).toBeGreaterThan(places * 0.3)
  })
})
