import { expect, it } from 'vitest'
import type { Context } from '../../../src/cli/context.js'
import { makePaint } from '../../../src/cli/render/paint.js'
import { type PrinterOptions, TailPrinter } from '../../../src/cli/tail-printer.js'
import { type RecordClass, statusSchema, weatherSchema } from '../../../src/timebase/schema.js'
import type { TailRecord } from '../../../src/timebase/tail.js'
import { parseWhere } from '../../../src/timebase/where.js'
import { type FakeClock, fakeClock } from '../../support/clock.js'
import { testSystem } from '../../support/system.js'

interface Printing {
  clock: FakeClock
  printer: TailPrinter
  lines: string[]
  /** Prints a record that was stored just now. */
  store(symbol: string, fields?: object): Promise<boolean>
}

function printing(classes: RecordClass[], options: Partial<PrinterOptions> = {}): Printing {
  const clock = fakeClock()
  const lines: string[] = []
  const context = {
    system: testSystem({ clock }),
    options: { quiet: false },
    report: () => {},
    emit: async (line: string | Uint8Array) => void lines.push(String(line)),
    paint: makePaint(false),
  } as unknown as Context
  const printer = new TailPrinter(context, {
    format: 'pretty',
    units: 'metric',
    known: new Map(),
    condition: undefined,
    flags: { utc: true },
    ...options,
  })
  printer.describe('stream', classes)
  return {
    clock,
    printer,
    lines,
    store(symbol, fields = {}) {
      const ms = clock.now()
      const row = { $type: 'x', symbol, timestamp: new Date(ms).toISOString(), ...fields }
      const record: TailRecord = { type: 'record', row, ms, live: true }
      return printer.print([record])
    },
  }
}

it('tells no station silent that said twice what is wrong and then says how it is each minute', async () => {
  const { clock, printer, lines, store } = printing(statusSchema.classes)
  await printer.print([{ type: 'following', serverMs: clock.now() }])
  for (const waitMs of [0, 2000, 2000, 56_000, 60_000]) {
    for (let waited = 0; waited < waitMs; waited += 1000) {
      await clock.advance(1000)
      await printer.print([])
    }
    await store('a')
  }
  expect(lines.join('\n')).not.toMatch(/silent|no record/)
  expect(printer.summary()).toMatchObject({ gaps: 0, silent: 0 })
})

it('counts the stations whose records it showed', async () => {
  const condition = parseWhere('symbol=b')
  const { printer, store } = printing(weatherSchema.classes, { condition })
  for (const symbol of ['a', 'b', 'c', 'b']) await store(symbol)
  expect(printer.summary()).toMatchObject({ records: 2, stations: 1 })
})

it('keeps stations apart whose names nobody knew before', async () => {
  const { clock, printer, lines } = printing(weatherSchema.classes)
  const records = (symbols: string[]): TailRecord[] =>
    symbols.map((symbol) => {
      const ms = clock.now()
      const row = { $type: 'weather_record', symbol, timestamp: new Date(ms).toISOString() }
      return { type: 'record', row, ms, live: true }
    })
  await printer.print(records(['a', 'weather-station-1', 'weather-station-2']))
  await printer.print(records(['weather-station-1', 'b']))
  await printer.print(records(['the-weather-station-1']))
  const names = lines.flatMap((text) =>
    text.split('\n').map((line) => line.slice(21).split(' ')[0]),
  )
  expect(names).toEqual([
    ...['Station', 'a', 'weather-station-1', 'weather-station-2'],
    ...['weather-station-1', 'b'],
    ...['Station', 'the-weather-station-1'],
  ])
})
