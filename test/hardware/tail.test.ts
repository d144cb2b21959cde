import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.js'
import { nodeSystem } from '../../src/system/node.js'
import type { System } from '../../src/system.js'
import { weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import {
  dropStreams,
  hardware,
  hardwareClient,
  mayOnlyRead,
  programEnv,
  skipReader,
} from '../support/hardware.js'
import { start } from '../support/program.js'
import { testSystem } from '../support/system.js'

const found = hardware(['TIMEBASE', 'USER', 'PASSWORD'])
const keyed = hardware(['TIMEBASE', 'API_KEY', 'API_SECRET'])
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe.skipIf(found.missing)(`tail on a real server${found.reason}`, () => {
  const { patience } = found
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const system = nodeSystem()
  const stream = `wx_hw_tail_${Date.now().toString(36)}`
  const client = hardwareClient(found, system)
  const settings = programEnv(found, home)
  afterAll(async () => {
    rmSync(home, { recursive: true, force: true })
    if (!found.missing) await dropStreams(client, [stream])
  })
  beforeAll(async () => {
    if (found.missing || (await mayOnlyRead(client))) return
    await applyStreams(client, await planStreams(client, [{ stream, schema: weatherSchema }]))
  })
  beforeEach((context) => skipReader(context, client))

  it('joins the past to what is being written, each record once', {
    timeout: 600_000 * patience,
  }, async () => {
    const symbols = Array.from({ length: 10 }, (_, i) => `st-${i}`)
    // In the past of any clock: the test must not care whose clock is right.
    const startMs = Math.floor(Date.now() / 1000) * 1000 - 86_400_000
    const written: string[] = []
    let step = 0
    const write = async (): Promise<void> => {
      step++
      const timestamp = new Date(startMs + step * 2000).toISOString()
      const rows = symbols.map((symbol) => ({ symbol, timestamp, temperature: step % 40 }))
      expect(await client.post([stream, 'write'], { body: rows })).toEqual([])
      written.push(...symbols.map((symbol) => `${symbol} ${timestamp}`))
    }
    for (let i = 0; i < 50; i++) await write()
    const since = new Date(startMs).toISOString()
    const total = 150 * symbols.length
    const argv = ['tail', '--stream', stream, '--since', since, '--count', String(total)]
    const { child, done } = start(argv, settings)
    for (let i = 0; i < 100; i++) {
      await write()
      await wait(20)
    }
    const late = setTimeout(() => child.kill('SIGINT'), 240_000 * patience)
    const { code, out, err } = await done
    clearTimeout(late)
    expect(err).not.toContain('✖')
    expect(code).toBe(0)
    const shown = out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text) as { symbol: string; timestamp: string })
      .map(({ symbol, timestamp }) => `${symbol} ${timestamp}`)
    expect(shown.sort()).toEqual(written.sort())
  })

  it('prints a record within a second of its storing', {
    timeout: 240_000 * patience,
  }, async () => {
    const tailing = await follow(settings)
    const latencies: number[] = []
    for (let i = 0; i < 15; i++) {
      const before = tailing.lines()
      await store('fresh')
      const stored = performance.now()
      while (tailing.lines() === before) await wait(5)
      latencies.push(performance.now() - stored)
      // Of every phase of the monitor's half second.
      await wait(130 * (i % 5))
    }
    await tailing.end()
    latencies.sort((a, b) => a - b)
    expect(latencies[7]).toBeLessThan(1000 * patience)
    expect(latencies.at(-1)).toBeLessThan(2000 * patience)
  })

  it('idles for a minute without losing the server, and hears it then', {
    timeout: 300_000 * patience,
  }, async () => {
    const tailing = await follow(settings)
    const before = tailing.lines()
    // Three rounds of the broker's beats and one more.
    await wait(70_000)
    expect(tailing.err()).toBe('')
    await store('fresh')
    while (tailing.lines() === before) await wait(5)
    await tailing.end()
    expect(tailing.err()).not.toContain('lost')
  })

  it.skipIf(keyed.missing)(
    `follows by API key, its bell included${keyed.reason}`,
    {
      timeout: 240_000 * patience,
    },
    async () => {
      const tailing = await follow(programEnv(keyed, home, 'key'))
      const before = tailing.lines()
      await store('fresh')
      // A bell that was refused would be told within this, and the record found without it.
      while (tailing.lines() === before) await wait(5)
      await wait(2000)
      await tailing.end()
      expect(tailing.err()).not.toMatch(/lost|blocked|silent/)
    },
  )

  /** Stores one record, later than all before it. */
  async function store(symbol: string): Promise<void> {
    const timestamp = new Date().toISOString()
    expect(
      await client.post([stream, 'write'], { body: [{ symbol, timestamp, temperature: 20 }] }),
    ).toEqual([])
  }

  /** The command, in this process: so that it can be seen when its bell hangs. */
  async function follow(env: Record<string, string>): Promise<{
    lines(): number
    err(): string
    end(): Promise<void>
  }> {
    const own = testSystem({ env: { NO_COLOR: '1', ...env } })
    let isHung = false
    const webSocket: System['webSocket'] = async (to, options) => {
      const socket = await own.webSocket(to, options)
      const send: typeof socket.send = (data) => {
        socket.send(data)
        isHung ||= String(data).startsWith('SUBSCRIBE')
      }
      return { ...socket, send }
    }
    const done = run(['tail', '--stream', stream, '-n', '1'], { ...own, webSocket })
    while (!isHung || own.out() === '') await wait(20)
    return {
      lines: () => own.out().split('\n').length,
      err: own.err,
      async end() {
        own.interrupt()
        expect(await done, own.err()).toBe(0)
      },
    }
  }
})
