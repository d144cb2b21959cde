import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { rowTexts } from '../../../src/sandbox/gateway/rows.js'
import { Store } from '../../../src/sandbox/gateway/store/store.js'
import type { Stream } from '../../../src/sandbox/gateway/store/stream.js'
import { gatewayProcess } from '../../support/gateway-process.js'
import { temporaryFolder, testSystem } from '../../support/system.js'
import { caller, createWeather, gateway } from './state.js'
import { exchange, tokens } from './wire.js'

interface Stored {
  symbol: string
  timestamp: string
  temperature: string
}

const at = (n: number): string => new Date(Date.UTC(2026, 10, 2) + n * 1000).toISOString()

describe('kill -9', () => {
  it('loses no acknowledged record, whenever it comes', async () => {
    const folder = temporaryFolder()
    const options = { folder, password: 'p' }
    let acknowledged = 0
    // Four lives of the server; each ends somewhere inside a stream of small writes.
    for (let life = 0; life < 4; life++) {
      const server = await gatewayProcess(options)
      onTestFinished(() => server.kill())
      const on = { ...server, users: [{ username: 'admin', password: 'p' }] } as never
      const { access } = await tokens(on)
      const headers = { Authorization: `Bearer ${access}`, 'Content-Type': 'application/json' }
      const call = (method: string, path: string, body: unknown): ReturnType<typeof exchange> =>
        exchange(on, { method, path, headers, body: body === null ? null : JSON.stringify(body) })
      if (life === 0) await createWeather(await caller(on))
      const { body } = await call(
        'GET',
        '/api/v0/weather/st-1/select?reverse=true&rows=1&from=2100-01-01T00:00:00.000Z',
        null,
      )
      const [last] = JSON.parse(body ?? '[]') as Stored[]
      const stored = last ? Number(last.temperature) : 0
      // What was not acknowledged may be there or not; what was acknowledged is.
      expect(stored).toBeGreaterThanOrEqual(acknowledged)
      let next = stored + 1
      let isDead = false
      const killed = (async () => {
        await new Promise((resolve) => setTimeout(resolve, 30 + life * 55))
        isDead = true
        await server.kill()
      })()
      while (!isDead) {
        const batch = [0, 1, 2].map((i) => ({
          symbol: 'st-1',
          timestamp: at(next + i),
          temperature: next + i,
        }))
        try {
          const answer = await call('POST', '/api/v0/weather/write', batch)
          if (answer.body !== '[]') break
          next += batch.length
          acknowledged = next - 1
        } catch {
          // The connection died with the server: this batch has no answer.
          break
        }
      }
      await killed
    }
    expect(acknowledged).toBeGreaterThan(0)
    const on = await gateway({ folder, password: 'p' })
    const call = await caller(on)
    const rows: Stored[] = []
    for (let from = 0; ; from = rows.length) {
      const page = JSON.parse(
        await call('GET', `weather/select?rows=10000&offset=${from}`),
      ) as Stored[]
      rows.push(...page)
      if (page.length === 0) break
    }
    const numbers = rows.map(({ temperature }) => Number(temperature))
    // Every record once, in order, as far as the last acknowledged one and perhaps a batch further.
    expect(numbers).toEqual(numbers.map((_, i) => i + 1))
    expect(numbers.length).toBeGreaterThanOrEqual(acknowledged)
  })
})

describe('a torn log', () => {
  const filled = async (): Promise<{ folder: string; log: string }> => {
    const folder = temporaryFolder()
    const on = await gateway({ folder })
    const call = await caller(on)
    await createWeather(call)
    for (let i = 0; i < 3; i++) {
      await call('POST', 'weather/write', [{ symbol: 'a', timestamp: at(i), temperature: i }])
    }
    await on.stop()
    return { folder, log: `${folder}/1/records.log` }
  }
  /** Opens the folder as a gateway does, reads everything, and closes it again. */
  const temperatures = async (folder: string, write?: Buffer): Promise<string[]> => {
    const store = await Store.open(testSystem(), folder)
    const stream = store.get('weather') as Stream
    if (write) await stream.commit(({ out }) => out.raw(write))
    const found: string[] = []
    for await (const batch of rowTexts([stream], {}, 0, 100)) {
      found.push(...batch.map((text) => (JSON.parse(text) as Stored).temperature))
    }
    await store.close()
    return found
  }

  it('is cut back to its last whole frame at every byte of a torn one', async () => {
    const { folder, log } = await filled()
    const whole = readFileSync(log)
    // The last frame: a head of 8 bytes and one message of 23.
    const last = Buffer.from(whole.subarray(-23))
    for (let cut = 1; cut <= 31; cut++) {
      writeFileSync(log, whole.subarray(0, whole.length - cut))
      expect(await temperatures(folder)).toEqual(['0', '1.0'])
      // It can be written to again, and keeps that too.
      expect(await temperatures(folder, last)).toEqual(['0', '1.0', '2.0'])
    }
  })

  it('drops a frame whose bytes are not what was written', async () => {
    const { folder, log } = await filled()
    const bytes = readFileSync(log)
    bytes[bytes.length - 3] = (bytes[bytes.length - 3] ?? 0) ^ 0x40
    writeFileSync(log, bytes)
    expect(await temperatures(folder)).toEqual(['0', '1.0'])
  })

  it('drops zeros that a power cut left behind the end', async () => {
    const { folder, log } = await filled()
    const { size } = statSync(log)
    appendFileSync(log, Buffer.alloc(5000))
    expect(await temperatures(folder)).toEqual(['0', '1.0', '2.0'])
    expect(statSync(log).size).toBe(size)
  })
})
