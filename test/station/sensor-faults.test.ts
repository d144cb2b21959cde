import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

const beganHour = Date.parse('2026-08-27T13:20:00Z') / 3_600_000

describe.skipIf(missing)(`the station's faults in real MicroPython ${missing ?? ''}`, () => {
  it('are overcome: a held bus, dead sensors, an outage', async () => {
    const settings = join(temporaryFolder(), 'station.json')
    writeFileSync(
      settings,
      JSON.stringify({
        version: 1,
        networks: [{ ssid: 'Rooftop', password: 'sandbox-wifi' }],
        ntp_servers: ['a'],
        ap_password: 'below-the-roof',
        webrepl_password: 'roof',
      }),
    )
    const { results, code, text } = await python('sensor_faults.py', {
      args: [settings],
      heap: '1m',
    })
    expect(code, text.slice(-2000)).toBe(0)
    const records = results.flatMap(({ taken }) =>
      Array.isArray(taken) ? [taken as number[]] : [],
    )
    const hours = records.map(([at]) => (at ?? 0) / 3_600_000 - beganHour)
    const silences = hours
      .map((at, i) => ({ from: hours[i - 1] ?? 0, s: (at - (hours[i - 1] ?? at)) * 3600 }))
      .filter(({ s }) => s > 3)
    // Eight readings fail, nine clocks free the bus, and nobody reboots.
    expect(silences.map(({ s }) => Math.round(s))).toEqual([16, expect.any(Number), 184])
    expect(silences[0]?.from).toBeCloseTo(0.1, 2)
    // Seven hours: a reboot after two minutes, then after twice as long, an hour at most. One good
    // reading later the next silence begins with two minutes again.
    const resets = results.filter(({ ended }) => ended === 'reset').map(({ hour }) => Number(hour))
    const again = resets.pop() ?? 0
    const pauses = resets.map((hour, i) => Math.round((hour - (resets[i - 1] ?? 1)) * 60))
    expect(pauses).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60, 60])
    expect(Math.round((again - 9) * 60)).toBe(2)
    // One sensor is enough: its fields are there, the other's are not.
    expect(records.at(-1)?.[3]).toBe(null)
    expect(
      results.filter(({ led }) => led).map(({ led, ap }) => [(led as number[])[0], ap]),
    ).toEqual(
      // Solid, 1 Hz while it searches, 4 Hz while its own network is open, solid again.
      [
        [1000, false],
        [1, false],
        [4, true],
        [1000, false],
      ],
    )
  }, 60_000)
})
