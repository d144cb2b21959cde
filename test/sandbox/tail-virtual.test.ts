import { describe, expect, it } from 'vitest'
import { follow, virtualGateway } from '../support/virtual-gateway.js'

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
