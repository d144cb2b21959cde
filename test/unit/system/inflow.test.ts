import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Inflow } from '../../../src/system/inflow.js'

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A body of `sizes`, each byte telling its piece; breaks behind them with `error`. */
function body(sizes: number[], error?: Error): Readable & { given: () => number } {
  let next = 0
  const readable = new Readable({
    read() {
      const size = sizes[next]
      if (size !== undefined) this.push(Buffer.alloc(size, next++))
      else if (error) this.destroy(error)
      else this.push(null)
    },
  })
  return Object.assign(readable, { given: () => next })
}

/** A body of which so many pieces arrive, one in each turn of the event loop. */
function trickle(count: number): Readable & { given: () => number } {
  let given = 0
  const readable = new Readable({
    read() {
      setImmediate(() => this.push(given < count ? Buffer.alloc(1000, given++) : null))
    },
  })
  return Object.assign(readable, { given: () => given })
}

describe('a body that is taken in ahead of its reader', () => {
  it('is read as it was sent, and a fault comes after what arrived before it', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200_000 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (given, breaks) => {
        const inflow = new Inflow(body(given, breaks ? new Error('broke') : undefined))
        const pieces: Uint8Array[] = []
        const reading = (async () => {
          // A piece holds until the next one.
          for await (const piece of inflow) pieces.push(Buffer.from(piece))
        })()
        if (breaks) await expect(reading).rejects.toThrow('broke')
        else await reading
        const wanted = Buffer.concat(given.map((size, i) => Buffer.alloc(size, i)))
        expect(Buffer.concat(pieces).equals(wanted)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('tells when it has arrived, how large it is and what is left of it', async () => {
    const inflow = new Inflow(body([100, 50_000]))
    const { bytes, rest } = await inflow.arrived
    expect(bytes).toBe(50_100)
    expect(Buffer.concat(rest)).toEqual(Buffer.concat([Buffer.alloc(100), Buffer.alloc(50_000, 1)]))
    const reader = inflow[Symbol.asyncIterator]()
    // Small pieces at first: a reader that is slow yet must not keep the rest out.
    expect((await reader.next()).value?.length).toBeLessThan(50_000)
    await reader.return(undefined)
  })

  it('takes in some megabytes and no more until somebody reads', async () => {
    const endless = body(new Array(1000).fill(64_000))
    const inflow = new Inflow(endless)
    await turns(500)
    const taken = endless.given() * 64_000
    expect(taken).toBeGreaterThanOrEqual(4_000_000)
    expect(taken).toBeLessThan(4_500_000)
    let read = 0
    for await (const piece of inflow) {
      read += piece.length
      if (read > 8_000_000) break
    }
    expect(endless.given() * 64_000).toBeLessThan(read + 4_500_000)
    expect(endless.destroyed).toBe(true)
  })

  it('lets the next body in before it is read on', async () => {
    const inflow = new Inflow(body([100_000]))
    const reader = inflow[Symbol.asyncIterator]()
    await reader.next()
    const next = trickle(20)
    const later = new Inflow(next)
    await turns(3)
    await reader.next()
    expect(next.given()).toBe(20)
    await Promise.all([reader.return(undefined), later.arrived])
  })

  it('is read on beside one that never ends', async () => {
    const endless = trickle(Number.POSITIVE_INFINITY)
    const other = new Inflow(endless)[Symbol.asyncIterator]()
    await other.next()
    let read = 0
    for await (const piece of new Inflow(body([100_000]))) read += piece.length
    expect(read).toBe(100_000)
    await other.return(undefined)
    expect(endless.destroyed).toBe(true)
  })
})
