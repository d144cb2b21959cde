import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLink } from '../../src/device/links/open.js'
import { applyReset, hardReset } from '../../src/device/reset.js'
import { nodeSystem } from '../../src/system/node.js'
import { Outage } from '../../src/timebase/outage.js'
import { readForward } from '../../src/timebase/pages.js'
import {
  clearHome,
  dropStreams,
  hardware,
  hardwareClient,
  mayOnlyRead,
  programEnv,
  skipReader,
} from '../support/hardware.js'
import { flash, NotShown } from '../support/main-job.js'
import { start, wxstation } from '../support/program.js'

const found = hardware(['PORT', 'SSID', 'TIMEBASE', 'USER', 'PASSWORD'])

/** The station's sum of its boot, as of one moment of it. */
type Sum = Record<'up' | 'taken' | 'missed' | 'lost', number>

interface Boot {
  number: number
  /** Wall time of its beginning, from what its reports say; good to a second. */
  atMs: number
  refused: number
  sensorErrors: number
}

const intervalMs = 2000

describe.skipIf(found.missing)(`the ledger of a real station${found.reason}`, () => {
  const { env, patience } = found
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const system = nodeSystem()
  const stream = `wx_hw_ledger_${Date.now().toString(36)}`
  const statusStream = `${stream}_status`
  // Less than three, and no sum is said in one half of them: a boot says its first after a minute.
  const minutes = Math.max(3, Number(env.LEDGER_MINUTES ?? '10'))
  const variables = {
    ...programEnv(found, home),
    WXSTATION_STREAM: stream,
    WXSTATION_STATUS_STREAM: statusStream,
  }
  const client = hardwareClient(found, system)

  beforeAll(async () => {
    if (found.missing || (await mayOnlyRead(client))) return
    const options = ['--yes', '--timeout', `${1140 * patience}s`]
    // Where the board cannot be brought into its loader, it keeps the firmware it has.
    if (env.FIRMWARE)
      await flash({ env: variables, firmware: env.FIRMWARE, options, stream }).catch(
        (error: unknown) => {
          if (!(error instanceof NotShown)) throw error
        },
      )
    const argv = ['provision', '--wifi', ...options]
    const ran = await wxstation(argv, variables)
    expect(ran.code, `wxstation ${argv.join(' ')}\n${ran.out}\n${ran.err}`).toBe(0)
  }, 2_400_000 * patience)

  afterAll(async () => {
    clearHome(home)
    if (!found.missing) await dropStreams(client, [stream, statusStream])
  })

  it('closes: every slot of two boots is stored or counted, and a reset costs no record', {
    timeout: (minutes + 4) * 60_000 * patience,
  }, async (context) => {
    await skipReader(context, client)
    const first = await watch()
    const hasReset = await reset()
    const second = await watch()
    const sums = hasReset ? [first, second] : [second]
    const last = sums.at(-1) as Sum
    // What was taken until then is stored within a few uploads.
    await expect
      .poll(async () => closable(await boots(), last), {
        timeout: 60_000 * patience,
        interval: 3000,
      })
      .toBe(true)
    const known = await boots()
    const stamps = await times()
    for (const [i, at] of stamps.entries())
      if (i > 0) expect(at, `record ${i}`).toBeGreaterThan(stamps[i - 1] ?? 0)
    for (const [i, sum] of sums.entries()) {
      const boot = known.at(i - sums.length) as Boot
      const until = known.at(i - sums.length + 1)?.atMs ?? Infinity
      const own = stamps.filter(
        (at) => at >= boot.atMs - 1000 && (i + 1 === sums.length || at < until),
      )
      const about = `boot ${boot.number}: ${JSON.stringify({ sum, boot, stored: own.length })}`
      // The last record of the sum is the one of its moment: none before it is missing or doubled.
      const stored = sum.taken - sum.lost - boot.refused
      const end = own[stored - 1] ?? 0
      expect(Math.abs(end - boot.atMs - sum.up * 1000), about).toBeLessThan(2500)
      const slots = Math.round((end - (own[0] ?? 0)) / intervalMs) + 1
      expect(slots, about).toBeGreaterThanOrEqual(sum.taken + sum.missed)
      expect(slots, about).toBeLessThanOrEqual(sum.taken + sum.missed + boot.sensorErrors)
      // What waited when the board was reset has arrived.
      if (i + 1 < sums.length)
        expect(until - (own.at(-1) ?? 0), about).toBeLessThan(10_000 * patience)
    }
  })

  /** Reads the console for half of the time; the last sum that it said. */
  async function watch(): Promise<Sum> {
    const { child, done } = start(['logs', '--json'], variables)
    let [hasSum, isOver] = [false, false]
    const stop = (): void => void (hasSum && isOver && child.kill('SIGINT'))
    child.stdout?.on('data', (text: string) => {
      hasSum ||= /wx sum /.test(text)
      stop()
    })
    const half = setTimeout(() => {
      isOver = true
      stop()
    }, minutes * 30_000)
    // A slow board says its first sum later.
    const late = setTimeout(() => child.kill('SIGINT'), (minutes + 2) * 30_000 * patience)
    const { out, err } = await done
    clearTimeout(half)
    clearTimeout(late)
    const said = [...out.matchAll(/wx sum ([\w= -]+)/g)].at(-1)?.[1]
    expect(said, `no sum in\n${out.slice(-2000)}\n${err}`).toBeDefined()
    return Object.fromEntries(
      (said ?? '').split(' ').map((pair) => {
        const [name, value] = pair.split('=')
        return [name, Number(value)]
      }),
    ) as Sum
  }

  /** Pulls the chip's reset line; false where the port has none. */
  async function reset(): Promise<boolean> {
    const link = await openLink(env.PORT ?? '', { baud: 115_200 }, system)
    try {
      if (link.hasControlLines) await applyReset(link, hardReset, system.clock)
      return link.hasControlLines
    } finally {
      await link.close()
    }
  }

  async function boots(): Promise<Boot[]> {
    const list = new Map<number, Boot>()
    for await (const { records } of readForward(client, statusStream, {}, new Outage(system.clock)))
      for (const { timestamp, fields } of records) {
        const number = Number(fields.boot)
        const atMs = Date.parse(timestamp) - Number(fields.uptime) * 1000
        list.set(number, {
          number,
          atMs: list.get(number)?.atMs ?? atMs,
          refused: Number(fields.refused),
          sensorErrors: Number(fields.sensor_errors),
        })
      }
    return [...list.values()]
  }

  async function times(): Promise<number[]> {
    const stamps: number[] = []
    for await (const { records } of readForward(client, stream, {}, new Outage(system.clock)))
      stamps.push(...records.map(({ timestamp }) => Date.parse(timestamp)))
    return stamps
  }

  /** Whether all records up to that moment of the last boot are stored. */
  async function closable(known: Boot[], sum: Sum): Promise<boolean> {
    const boot = known.at(-1)
    const stamps = await times()
    return boot !== undefined && (stamps.at(-1) ?? 0) >= boot.atMs + sum.up * 1000 + intervalMs
  }
})
