import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import type { WxError } from '../../src/errors.js'
import { nodeSystem } from '../../src/system/node.js'
import {
  dropStreams,
  hardware,
  hardwareClient,
  programEnv,
  skipReader,
  skipWhereNotShown,
} from '../support/hardware.js'
import { NotShown, provision } from '../support/main-job.js'

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
  it('signs as the server expects, and 50 records in at most 150 ms', async (context) => {
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
    try {
      const repl = await skipWhereNotShown(context, () =>
        enterRawRepl(link, { signal, report: () => {} }, system).catch((error: WxError) => {
          throw isBlankFromStart(error) ? new NotShown(error.message) : error
        }),
      )
      try {
        const output = await repl.exec(code(JSON.stringify(rows)), { timeoutMs: 600_000 })
        const [signature, ms] = output.trim().split('\n').slice(-2)
        // The facts' vector for GET /api/v0/streams with this secret.
        expect(signature?.trim()).toBe(
          'EFKnAjPI4kiqgZ+yjk+FnlJg4UdZJoop2k6sfvxWWr2nvMJ00GaxqyU6Uj/eIr9R',
        )
        await context.annotate(`50 records signed in ${ms?.trim()} ms`)
        expect(Number(ms)).toBeLessThanOrEqual(150 * board.patience)
      } finally {
        await repl.leave()
      }
    } finally {
      await link.close()
    }
  })
})

/** An empty chip, or one in its loader, that the main job had nothing to flash with or no lines for. */
function isBlankFromStart({ code, message }: WxError): boolean {
  const { FIRMWARE, PORT } = board.env
  const couldFlash = FIRMWARE && !PORT?.startsWith('socket://')
  return !couldFlash && (code === 'BOARD_FAULT' || /download mode/.test(message))
}

describe.skipIf(keyed.missing || isPrivate)(`a station with an API key${why}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  // Streams of this run's own: nobody's records are among those of a test.
  const stream = `wx_hw_key_${Date.now().toString(36)}`
  const statusStream = `${stream}_status`
  const client = hardwareClient(keyed, nodeSystem(), 'key')
  const ceilingS = 1200 * keyed.patience
  afterAll(async () => {
    rmSync(home, { recursive: true, force: true })
    if (!keyed.missing && !isPrivate) await dropStreams(client, [stream, statusStream])
  })

  it('is provisioned and brings its first record', {
    timeout: ceilingS * 1000,
  }, async (context) => {
    await skipReader(context, client)
    const options = ['--yes', '--timeout', `${ceilingS - 60}s`]
    const bench = {
      env: programEnv(keyed, home, 'key'),
      firmware: '',
      options,
      stream,
      statusStream,
    }
    const { out, err } = await skipWhereNotShown(context, () => provision(bench))
    expect(out + err).toMatch(/first record/i)
  })
})
