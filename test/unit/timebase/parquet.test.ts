import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { parquetPieces } from '../../../src/timebase/parquet.js'
import type { RecordClass, StreamRecord } from '../../../src/timebase/schema.js'

const field = (name: string, type: string, encoding?: string) => ({
  name,
  type,
  encoding,
  nullable: true,
})

async function written(pages: StreamRecord[][], classes: RecordClass[]): Promise<ArrayBuffer> {
  async function* source(): AsyncGenerator<StreamRecord[]> {
    yield* pages
  }
  const pieces: Uint8Array[] = []
  for await (const piece of parquetPieces(source(), classes)) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces)).buffer
}

describe('parquetPieces', () => {
  const all: RecordClass = {
    name: 'all',
    fields: [
      field('f32', 'FLOAT', 'IEEE32'),
      field('f64', 'FLOAT', 'IEEE64'),
      field('i16', 'INTEGER', 'INT16'),
      field('i64', 'INTEGER', 'INT64'),
      field('yes', 'BOOLEAN'),
      field('text', 'VARCHAR', 'UTF8'),
      field('at', 'TIMESTAMP'),
      field('bytes', 'BINARY'),
    ],
  }
  const timestamp = '2026-11-01T00:00:00.123Z'

  it('keeps a value of every type, and nulls', async () => {
    const fields = {
      f32: 0.5,
      f64: 0.1,
      i16: -7,
      i64: 2 ** 40,
      yes: false,
      text: '',
      at: '2026-10-31T23:59:59.999Z',
      bytes: '[1, -2, 127]',
    }
    const records = [fields, {}].map((one) => ({
      symbol: 'é',
      timestamp,
      type: 'all',
      fields: one,
    }))
    const rows = await parquetReadObjects({ file: await written([records], [all]) })
    expect(rows).toEqual([
      {
        ...fields,
        timestamp: new Date(timestamp),
        symbol: 'é',
        i64: 2n ** 40n,
        at: new Date(fields.at),
      },
      {
        timestamp: new Date(timestamp),
        symbol: 'é',
        ...Object.fromEntries(Object.keys(fields).map((name) => [name, null])),
      },
    ])
  })

  it('names the class where there are several', async () => {
    const other = { name: 'other', fields: [field('x', 'FLOAT', 'IEEE32')] }
    const records = [{ symbol: 'a', timestamp, type: 'other', fields: { x: 1 } }]
    const rows = await parquetReadObjects({ file: await written([records], [all, other]) })
    expect(rows).toMatchObject([{ $type: 'other', x: 1, f32: null }])
  })

  it('is a whole file without a record too', async () => {
    expect(await parquetReadObjects({ file: await written([], [all]) })).toEqual([])
  })

  it('writes groups, so that memory does not grow with the stream', async () => {
    const page = Array.from({ length: 10_000 }, (_, i) => ({
      symbol: `s${i}`,
      timestamp,
      type: 'all',
      fields: { i16: i },
    }))
    const file = await written(Array(12).fill(page), [all])
    const { row_groups } = parquetMetadata(file)
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([50_000, 50_000, 20_000])
    const last = await parquetReadObjects({ file, rowStart: 119_999, rowEnd: 120_000 })
    expect(last).toMatchObject([{ symbol: 's9999', i16: 9999 }])
  })
})
