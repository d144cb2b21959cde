import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { nodeSystem } from '../../src/system/node.js'
import { hardware } from '../support/hardware.js'
import { wxstation } from '../support/program.js'

const board = hardware(['PORT'])
const keyed = hardware(['PORT', 'SSID', 'TIMEBASE', 'API_KEY', 'API_SECRET'])
const isPrivate = keyed.env.API_SECRET?.includes('PRIVATE KEY') ?? false
const why = isPrivate ? ' (skipped: WXSTATION_TEST_API_SECRET is an RSA key)' : keyed.reason

const source = (name: string): string =>
  readFileSync(new URL(`../../firmware/micropython/${name}.py`, import.meta.url), 'utf8')

/** Signs a batch of 50 records and prints the signature, and the median time in ms. */
const code = (body: string): string => `
import sys, time
class Module: pass
for name, text in (("sha384", ${JSON.stringify(source('sha384'))}), ("signing", ${JSON.stringify(source('signing'))})):
    scope = {}
    exec(text, scope)
    module = Module()
    for key in scope:
        setattr(module, key, scope[key])
    sys.modules[name] = module
signer = sys.modules["signing"].Signer("wx", "TEST_API_SECRET")
body = ${JSON.stringify(body)}
times = []
for _ in range(5):
    began = time.ticks_ms()
    signer.headers("POST", "/api/v0/weather_record/write", "", body.encode())
    times.append(time.ticks_diff(time.ticks_ms(), began))
print(signer.headers("GET", "/api/v0/streams", "", b"").split()[-1])
print(sorted(times)[2])
`

describe.skipIf(board.missing)(`signing on the board${board.reason}`, () => {
  it('of 50 records takes at most 150 ms', async () => {
    const system = nodeSystem()
    const rows = Array.from({ length: 50 }, (_, i) => ({
      symbol: 'esp123456',
      timestamp: new Date(Date.UTC(2026, 10, 24, 1, 0, 2 * i)).toISOString(),
      temperature: 21.5,
      humidity: 48.5,
      pressure: 1013.25,
      case_temperature: 22.1,
    }))
    const { patience } = board
    const link = await openLink(board.env.PORT ?? '', { baud: 115_200, patience }, system)
    const signal = new AbortController().signal
    const repl = await enterRawRepl(link, { signal, report: () => {} }, system)
    try {
      const output = await repl.exec(code(JSON.stringify(rows)), { timeoutMs: 120_000 })
      const [signature, ms] = output.trim().split('\n').slice(-2)
      // The facts' vector for GET /api/v0/streams with this secret.
      expect(signature?.trim()).toBe(
        'EFKnAjPI4kiqgZ+yjk+FnlJg4UdZJoop2k6sfvxWWr2nvMJ00GaxqyU6Uj/eIr9R',
      )
      expect(Number(ms)).toBeLessThanOrEqual(150 * board.patience)
    } finally {
      await repl.leave()
      await link.close()
    }
  })
})

describe.skipIf(keyed.missing || isPrivate)(`a station with an API key${why}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  it('is provisioned and brings its first record', {
    timeout: 600_000 * keyed.patience,
  }, async () => {
    const { env } = keyed
    const { code: exit, err } = await wxstation(['provision', '--wifi', '--yes'], {
      WXSTATION_HOME: home,
      WXSTATION_PORT: env.PORT ?? '',
      WXSTATION_PATIENCE: String(keyed.patience),
      WXSTATION_WIFI_SSID: env.SSID ?? '',
      WXSTATION_WIFI_PASSWORD: env.WIFI_PASSWORD ?? '',
      WXSTATION_TIMEBASE_URL: env.TIMEBASE ?? '',
      WXSTATION_TIMEBASE_BOARD_URL: env.TIMEBASE_FROM_BOARD ?? env.TIMEBASE ?? '',
      WXSTATION_TIMEBASE_API_KEY: env.API_KEY ?? '',
      WXSTATION_TIMEBASE_API_SECRET: env.API_SECRET ?? '',
      ...(env.NTP && { WXSTATION_NTP: env.NTP }),
    })
    expect(exit, err).toBe(0)
  })
})
