import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { ask, gatewayWithStreams, password } from './gateway.js'
import { missing, python } from './run.js'

const count = 300

describe.skipIf(missing)(`the station's network side in real MicroPython ${missing ?? ''}`, () => {
  it.each(['thread', 'steps'])(
    'keeps every record once while readings go on: %s',
    async (way) => {
      const gateway = await gatewayWithStreams(temporaryFolder(), [
        'weather_record',
        'station_status',
      ])
      const { results, text } = await python('two_loops.py', {
        args: [gateway.url, password, String(count), way],
      })
      expect(results[0], text).toEqual({ queued: 0, errors: 0, sent: count })
      const rows = (await ask(gateway, 'weather_record/select', { rows: 10_000 })) as {
        pressure: string
      }[]
      expect(rows.map((row) => Math.round(Number(row.pressure) * 100))).toEqual(
        Array.from({ length: count }, (_, i) => 90_001 + i),
      )
      const reports = (await ask(gateway, 'station_status/select', { rows: 10 })) as unknown[]
      expect(reports.length).toBeGreaterThan(1)
    },
    60_000,
  )
})
