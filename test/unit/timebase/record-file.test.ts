import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csvLine, csvRows } from '../../../src/timebase/csv.js'
import {
  columnsOf,
  type FileFormat,
  fileHead,
  readRecords,
  recordLine,
} from '../../../src/timebase/record-file.js'
import { type StreamRecord, statusSchema, weatherSchema } from '../../../src/timebase/schema.js'

/** A text in pieces of random sizes. */
async function* cut(text: string, sizes: number[]): AsyncGenerator<string> {
  let at = 0
  for (const size of sizes) {
    yield text.slice(at, at + size)
    at += size
  }
  yield text.slice(at)
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 20 })
const cells = fc.array(
  fc.array(fc.option(fc.oneof(fc.string(), fc.stringMatching(/^[",\r\n a]{0,6}$/))), {
    minLength: 2,
    maxLength: 5,
  }),
  { maxLength: 6 },
)

describe('CSV', () => {
  it('reads what it wrote, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(cells, sizes, fc.constantFrom('\n', '\r\n'), async (rows, at, end) => {
        const text = rows.map((row) => csvLine(row) + end).join('')
        expect((await all(csvRows(cut(text, at)))).map((row) => row.cells)).toEqual(rows)
      }),
    )
  })

  it('reads or refuses anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[a",\r\n]{0,30}$/), sizes, async (text, at) => {
        const outcome = await all(csvRows(cut(text, at))).catch((error: unknown) => error)
        if (!Array.isArray(outcome)) expect(outcome).toMatchObject({ code: 'FILE_INVALID' })
      }),
    )
  })

  it('knows the line a row begins at', async () => {
    const rows = await all(csvRows(cut('a,b\n"x\ny",2\n\nc,d\n', [])))
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 5])
  })
})

const classes = [...weatherSchema.classes, ...statusSchema.classes]
const timestamp = fc
  .date({ min: new Date(0), max: new Date('2199-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString())
const float = fc.option(
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
)
const whole = fc.option(fc.integer())
const weather = fc.record({
  symbol: fc.string(),
  timestamp,
  type: fc.constant('weather_record'),
  fields: fc.record({ temperature: float, humidity: float, pressure: float }),
})
const status = fc.record({
  symbol: fc.string(),
  timestamp,
  type: fc.constant('station_status'),
  fields: fc.record({
    boot: whole,
    rssi: whole,
    oldest_queued: fc.option(timestamp),
    last_error: fc.option(fc.string()),
  }),
})

/** A record as a file gives it back: NULL is absence. */
function bare({ fields, ...rest }: StreamRecord): StreamRecord {
  const kept = Object.entries(fields).filter(([, value]) => value !== null)
  return { ...rest, fields: Object.fromEntries(kept) }
}

describe('files of records', () => {
  it.each(['csv', 'ndjson'] as FileFormat[])('as %s read what they wrote', async (format) => {
    const records = fc.array(fc.oneof<[typeof weather, typeof status]>(weather, status), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(records, sizes, async (wanted, at) => {
        const columns = columnsOf(classes)
        const text = [
          fileHead(format, columns),
          ...wanted.map((record) => recordLine(record as StreamRecord, format, columns)),
        ].join('')
        const found = await all(readRecords(cut(text, at), format, classes))
        expect(found).toEqual(wanted.map((record) => bare(record as StreamRecord)))
      }),
    )
  })

  const head = 'timestamp,symbol,temperature\n'
  const time = '2026-11-02T10:00:00.000Z'
  it.each([
    ['csv', 'a,b\n1,2\n', 'Line 1: the head must name the columns timestamp and symbol.'],
    ['csv', `${head}${time},a\n`, 'Line 2: 2 cells instead of 3.'],
    ['csv', `${head}${time},a,warm\n`, 'Line 2: "warm" is no number for the field "temperature".'],
    [
      'csv',
      `${head}2026-11-02,a,1\n`,
      'Line 2: "2026-11-02" is no time like 2026-11-23T21:00:00.000Z.',
    ],
    ['csv', `timestamp,symbol,rain\n${time},a,1\n`, 'Line 2: the stream has no field "rain".'],
    [
      'csv',
      `timestamp,symbol,temperature,temperature\n${time},a,1,2\n`,
      'Line 1: the column "temperature" stands there twice.',
    ],
    ['csv', `${head}${time},a,1e39\n`, 'Line 2: "1e39" is too large for the field "temperature".'],
    ['ndjson', '{"symbol":"a"\n', 'Line 1: this is no JSON.'],
    ['ndjson', '[1]\n', 'Line 1: this is no record.'],
    ['ndjson', `{"timestamp":"${time}"}`, 'Line 1: there is no symbol.'],
    [
      'ndjson',
      `{"symbol":"a","timestamp":"${time}","$type":"x"}`,
      'Line 1: the stream has no class "x".',
    ],
    [
      'ndjson',
      `{"symbol":"a","timestamp":"${time}","temperature":{}}`,
      'Line 1: "[object Object]" is no number for the field "temperature".',
    ],
  ] as [FileFormat, string, string][])('%s %j: %s', async (format, text, message) => {
    const reading = all(readRecords(cut(text, []), format, weatherSchema.classes))
    await expect(reading).rejects.toMatchObject({ code: 'FILE_INVALID', message })
  })

  it('never take an empty line for a record', async () => {
    const text = `\n{"symbol":"a","timestamp":"${time}"}\n\n`
    expect(await all(readRecords(cut(text, []), 'ndjson', weatherSchema.classes))).toHaveLength(1)
  })
})
