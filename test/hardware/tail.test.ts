import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient } from '../../src/timebase/client.js'
import { weatherSchema } from '../../src/timebase/schema.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import { hardware } from '../support/hardware.js'
import { start } from '../support/program.js'

const found = hardware(['TIMEBASE', 'USER', 'PASSWORD'])
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe.skipIf(found.missing)(`tail on a real server${found.reason}`, () => {
  const { env, patience } = found
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const system = nodeSystem()
  const url = env.TIMEBASE ?? ''
  const user = env.USER ?? ''
  const stream = `wx_hw_tail_${Date.now().toString(36)}`
  const client = makeClient(
    { url, auth: passwordAuth({ url, user, password: new Secret(env.PASSWORD ?? '') }, system) },
    system,
  )
  const settings = {
    WXSTATION_HOME: home,
    WXSTATION_TIMEBASE_URL: url,
    WXSTATION_TIMEBASE_USER: user,
    WXSTATION_TIMEBASE_PASSWORD: env.PASSWORD ?? '',
  }
  afterAll(async () => {
    rmSync(home, { recursive: true, force: true })
    if (!found.missing) await client.post([stream, 'delete'], { stream })
  })

  it('joins the past to what is being written, each record once', {
    timeout: 120_000 * patience,
  }, async () => {
    await applyStreams(client, await planStreams(client, [{ stream, schema: weatherSchema }]))
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
    const late = setTimeout(() => child.kill('SIGINT'), 60_000 * patience)
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

  it('prints a record within a second of its storing', { timeout: 60_000 * patience }, async () => {
    const { child, done } = start(['tail', '--stream', stream, '-n', '1'], settings)
    let last = 0
    child.stdout?.on('data', () => {
      last = performance.now()
    })
    while (last === 0) await wait(20)
    // The bell hangs a moment after the first record is there.
    await wait(2000)
    const latencies: number[] = []
    for (let i = 0; i < 5; i++) {
      last = 0
      const timestamp = new Date(Date.now() - 3600_000 + i * 1000).toISOString()
      await client.post([stream, 'write'], {
        body: [{ symbol: 'fresh', timestamp, temperature: i }],
      })
      const stored = performance.now()
      while (last === 0) await wait(5)
      latencies.push(last - stored)
    }
    child.kill('SIGINT')
    const { code } = await done
    expect(code).toBe(0)
    expect(Math.min(...latencies)).toBeLessThan(1000 * patience)
  })
})
