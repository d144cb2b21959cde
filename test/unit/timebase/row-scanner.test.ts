import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonRows } from '../../../src/timebase/json-rows.js'
import { asRows, type Row } from '../../../src/timebase/row.js'
import { RowScanner, ScannedRow } from '../../../src/timebase/row-scanner.js'

const floats = new Map([
  ['weather_record', ['temperature', 'humidity', 'pressure']],
  ['other.Class', ['x']],
  ['odd', ['1', '__proto__', 'symbol']],
])

async function read(text: string, cuts: number[], scanner?: RowScanner): Promise<Row[]> {
  const bytes = Buffer.from(text)
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let start = 0
    for (const end of [...at, bytes.length]) {
      yield bytes.subarray(start, end)
      start = end
    }
  }
  const rows: Row[] = []
  for await (const batch of jsonRows(pieces(), scanner)) rows.push(...asRows(batch, floats))
  return rows
}

/** The rows as NDJSON; `isOwn` takes the line a row brings along. */
function lines(rows: Row[], isOwn: boolean): string[] {
  return rows.map((row) => {
    const line = isOwn ? ScannedRow.lineOf(row) : undefined
    if (!line) return JSON.stringify(row)
    const text = Buffer.from(line.block.bytes.subarray(line.start, line.end)).toString()
    return text.replace(/\n$/, '')
  })
}

const digits = fc.stringMatching(/^-?\d{1,9}(\.\d{1,9})?$/)
const odd = fc.constantFrom(
  ...['-0', '-0.0', '0', '0.0', '00.5', '.5', '5.', '', ' 1', '1E-4', '1.25E7', 'NaN', '0x1'],
  ...['0.000001', '0.0000001', '0.00000100', '999999999999999', '9999999999999999', '--1', '1.2.3'],
  ...['123456789.123456789', '100', '100.0', '1e400', '-12.50', '007'],
)
const value = fc.oneof(
  { weight: 8, arbitrary: digits },
  { weight: 3, arbitrary: fc.float({ noNaN: true }).map(String) },
  { weight: 2, arbitrary: odd },
  { weight: 1, arbitrary: fc.constantFrom(1, null, true, [{ $type: 'a' }, { $type: 'a' }], {}) },
)
const symbol = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 's001', '', 'AaBB', 'BBAa', '},{', ',"x":"1') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom('ä', 'x"y', 'x\\', '\u2028', '},{"$type":"', '\u007f') },
)
const times = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:02.000Z', '1970-01-01T00:00:00.001Z']
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 4 })
const row = fc.record({
  $type: fc.constantFrom('weather_record', 'weather_record', 'other.Class', 'unknown', 'odd'),
  symbol,
  timestamp: fc.constantFrom(...times),
  note: fc.option(value, { nil: undefined, freq: 1 }).map((one) => (one === '1' ? one : undefined)),
  temperature: optional(value),
  humidity: optional(value),
  pressure: optional(value),
  x: optional(value),
  1: fc.option(digits, { nil: undefined, freq: 8 }),
})
const cuts = fc.array(fc.nat(3000), { maxLength: 8 })

describe('RowScanner', () => {
  it('reads and writes what JSON.parse and JSON.stringify do, wherever the answer is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 15 }), cuts, async (rows, at) => {
        const text = JSON.stringify(rows)
        const wanted = await read(text, [])
        const found = await read(text, at, new RowScanner(floats))
        expect(found.map((one) => ({ ...one }))).toEqual(wanted)
        expect(lines(found, true)).toEqual(lines(wanted, false))
        expect(lines(found, false)).toEqual(lines(wanted, false))
      }),
      { numRuns: 500 },
    )
  })

  it('leaves broken answers to the errors they always were', async () => {
    const text = JSON.stringify(
      times.flatMap((timestamp) =>
        ['a', 'b'].map((symbol) => ({
          ...{ $type: 'weather_record', symbol, timestamp },
          ...{ temperature: '20.0', humidity: '48.5', pressure: '-1013.25' },
        })),
      ),
    )
    const outcome = (broken: string, at: number[], scanner?: RowScanner): Promise<unknown> =>
      read(broken, at, scanner).then(
        (rows) => lines(rows, scanner !== undefined),
        (error: { code: string }) => error.code,
      )
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.nat(3),
        fc.stringMatching(/^[[\]{}",:\\0-9.a-]{0,3}$/),
        fc.nat(text.length),
        async (place, drop, put, cut) => {
          const broken = text.slice(0, place) + put + text.slice(place + drop)
          const found = await outcome(broken, [cut], new RowScanner(floats))
          expect(found).toEqual(await outcome(broken, [cut]))
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('takes the rows of a weather stream, also behind one that it leaves to JSON.parse', async () => {
    const rows = ['a', 'ä', 'b', 'c'].map((symbol, i) => ({
      ...{ $type: 'weather_record', symbol, timestamp: times[i % 2] },
      ...{ temperature: '20.0', pressure: '-1013.25' },
    }))
    const found = await read(JSON.stringify([...rows, rows[0]]), [], new RowScanner(floats))
    expect(found.map((one) => ScannedRow.lineOf(one) !== undefined)).toEqual([
      ...[true, false, true, true, true],
    ])
    expect(found[2]).toMatchObject({ symbol: 'b', temperature: 20, pressure: -1013.25 })
  })

  it('takes every row of an answer, wherever it is cut behind the first', async () => {
    const rows = ['a', 'b', 'c'].map((symbol, i) => ({
      ...{ $type: 'weather_record', symbol, timestamp: times[i % 2] },
      ...{ temperature: '20.0', humidity: '48.5', pressure: '-1013.25' },
    }))
    const text = `${JSON.stringify(rows)}\n`
    // Behind its first seam, by which an answer is known.
    for (let cut = text.indexOf('"symbol":"b"'); cut <= text.length; cut++) {
      const found = await read(text, [cut], new RowScanner(floats))
      expect(found.map(({ symbol }) => symbol)).toEqual(['a', 'b', 'c'])
      expect(found.every((one) => ScannedRow.lineOf(one) !== undefined)).toBe(true)
    }
  })

  it('leaves an answer with a row of many pieces to JSON.parse', async () => {
    const [timestamp = ''] = times
    const rows = ['a', 'b', 'c'].map((symbol) => ({
      ...{ $type: 'weather_record', symbol, timestamp, temperature: 20 },
      ...(symbol === 'b' && { note: 'x'.repeat(300_000) }),
    }))
    const cuts = Array.from({ length: 30 }, (_, i) => (i + 1) * 10_000)
    expect(await read(JSON.stringify(rows), [120, ...cuts], new RowScanner(floats))).toEqual(rows)
  })
})
