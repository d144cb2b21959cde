import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../src/system/node.js'
import { temporaryFolder } from '../support/system.js'
import { cuttingProxy } from './cutting-proxy.js'
import { ask, gatewayWithStreams, password } from './gateway.js'
import { closeLedger, type Reading, type Taken } from './ledger.js'
import { missing, python } from './run.js'

const hourMs = 3_600_000
const beganMs = Date.parse('2026-08-27T13:20:00Z')
const epochMs = Date.parse('2020-01-01T00:00:00Z')

interface Boot {
  ended: string
  hour: number
  taken: number
  missed: number
  dropped: number
  damaged: number
  refused: number
  clock: string
}

type Values = [number, number | null, number | null, number | null, number | null]

/** What day.py says, boot by boot. */
function told(results: Record<string, unknown>[]) {
  const boots: { counted: Boot; taken: Taken[] }[] = []
  const queued: Reading[] = []
  let taken: Taken[] = []
  for (const line of results) {
    const values = (line.taken ?? line.torn ?? line.queued) as Values | undefined
    if ('ended' in line) {
      boots.push({ counted: line as unknown as Boot, taken })
      taken = []
    } else if (values && line.queued) queued.push(reading(values[0] + epochMs, values.slice(1)))
    else if (values) taken.push({ ...reading(values[0], values.slice(1)), isTorn: 'torn' in line })
  }
  return { boots, queued }
}

/** The queue's own words for "not measured" become null. */
function reading(atMs: number, [t, h, c, p]: (number | null)[]): Reading {
  const values = [t === -2048 ? null : t, h === 2047 ? null : h, c === -2048 ? null : c, p || null]
  return { atMs, values: values.map((value) => value ?? null) }
}

type Row = { timestamp: string } & Record<string, string | number | null | undefined>

/** All messages of a stream: a select of WebAdmin ends after 10,000. */
async function rowsOf(gateway: Gateway, stream: string): Promise<Row[]> {
  const rows: Row[] = []
  let from = '2020-01-01T00:00:00.000Z'
  while (true) {
    const page = (await ask(gateway, `${stream}/select`, { from, rows: 10_000 })) as Row[]
    const last = page.at(-1)
    if (!last) return rows
    rows.push(...page)
    from = new Date(Date.parse(last.timestamp) + 1).toISOString()
  }
}

async function stored(gateway: Gateway): Promise<Reading[]> {
  const whole = (value: string | number | null | undefined, unit: number): number | null =>
    value === null || value === undefined ? null : Math.round(Number(value) * unit)
  return (await rowsOf(gateway, 'weather_record')).map((row) => ({
    atMs: Date.parse(row.timestamp),
    values: [
      whole(row.temperature, 10),
      whole(row.humidity, 10),
      whole(row.case_temperature, 10),
      whole(row.pressure, 100),
    ],
  }))
}

/** How wrong a stamp may be, by the hour of taking: as day.py lets the time servers be. */
function isNear({ atMs }: Taken, stampMs: number): boolean {
  const hour = (atMs - beganMs) / hourMs
  const off = stampMs - atMs
  // The boot that never learned the time begins behind the last stamp, ten minutes early.
  if (hour > 3.7 && hour < 3.95) return off < 0 && off > -620_000
  const back = hour > 7 && hour < 9.6 ? 1500 : hour > 10 && hour < 12.6 ? 90_000 : 0
  // A reading takes 40 ms, and an answer of a time server a few.
  return off <= 10 && off >= -back - 80
}

describe.skipIf(missing)(`a day of the station in real MicroPython ${missing ?? ''}`, () => {
  it('ends in a ledger: taken is stored, queued or counted as lost', async () => {
    const folder = temporaryFolder()
    let gateway = await gatewayWithStreams(folder, ['weather_record', 'station_status'])
    let writes = 0
    let restarts = 0
    const url = await cuttingProxy(
      () => gateway.port,
      async (phase, part, size) => {
        if (phase !== 'write') return undefined
        if (part === 'request') writes++
        // One in 200 is lost with the old server, another is stored there and its answer lost.
        const is = writes % 200
        if (!(is === 80 && part === 'request') && !(is === 160 && part === 'answer'))
          return undefined
        restarts++
        await gateway.stop()
        gateway = await startGateway({ folder, password }, nodeSystem())
        return { after: part === 'request' ? size >> 1 : 0, how: 'reset' }
      },
    )
    const settings = join(temporaryFolder(), 'station.json')
    writeFileSync(
      settings,
      JSON.stringify({
        version: 1,
        symbol: 'st-1',
        timebase_url: url,
        password,
        networks: [{ ssid: 'Rooftop', password: 'sandbox-wifi' }],
        ntp_servers: ['a', 'b'],
        ntp_refresh: 1800,
        // Fewer requests than usual: the real server's time is most of this test's.
        upload_interval: 60,
        status_interval: 300,
      }),
    )
    const { results, code, text } = await python('day.py', { args: [settings], heap: '1m' })
    expect(code, text.slice(-4000)).toBe(0)
    const { boots, queued } = told(results)
    const sum = (name: 'dropped' | 'damaged' | 'refused' | 'missed'): number =>
      boots.reduce((total, { counted }) => total + counted[name], 0)

    // Each slot of each boot has its reading, or is counted.
    for (const { counted, taken } of boots) {
      const times = taken.map(({ atMs }) => atMs)
      const slots = taken.length
        ? Math.round(((times.at(-1) ?? 0) - (times[0] ?? 0)) / 2000) + 1
        : 0
      expect(taken.length + counted.missed, `boot until ${counted.hour}`).toBe(slots)
      expect(taken.length).toBe(counted.taken)
    }

    const taken = boots.flatMap((boot) => boot.taken)
    const kept = [...(await stored(gateway)), ...queued]
    for (const [i, { atMs }] of kept.entries())
      if (i > 0) expect(atMs, `record ${i}`).toBeGreaterThan(kept[i - 1]?.atMs ?? 0)
    const ledger = closeLedger(taken, kept, isNear)
    expect(ledger.foreign).toEqual([])
    expect(ledger.lost.length).toBe(sum('dropped'))
    // Only what the outage of seven hours had no room for.
    expect(ledger.lost.length).toBeGreaterThan(500)
    for (const { atMs } of ledger.lost)
      expect((atMs - beganMs) / hourMs, 'hour of a loss').toBeGreaterThan(12.9)
    expect(sum('refused') + sum('damaged') + sum('missed')).toBe(0)

    // The station has said so itself.
    const reports = await rowsOf(gateway, 'station_status')
    const reported = boots.map((_, i) =>
      Math.max(
        0,
        ...reports.filter(({ boot }) => boot === i + 1).map((row) => Number(row.dropped)),
      ),
    )
    expect(reported).toEqual(boots.map(({ counted }) => counted.dropped))

    // Six hours of readings, uploads and corrections leave the heap as it was.
    const [before, after] = results.filter(({ heap }) => heap).map(({ heap }) => Number(heap))
    expect(Math.abs((after ?? 0) - (before ?? 0))).toBeLessThanOrEqual(2048)

    // The day had in it what it was meant to have.
    expect(taken.length).toBeGreaterThan(42_000)
    expect(queued.length).toBeGreaterThan(300)
    expect(boots.map(({ counted }) => counted.clock)).toContain('unset')
    expect(boots.length).toBeGreaterThan(20)
    expect(restarts).toBeGreaterThan(5)
    await gateway.stop()
  }, 300_000)
})
