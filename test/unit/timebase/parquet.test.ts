import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  checksumKey,
  type ParquetState,
  parquetEncoder,
} from '../../../src/timebase/parquet-encoder.js'
import { readParquet } from '../../../src/timebase/parquet-rows.js'
import type { RecordClass, StreamRecord } from '../../../src/timebase/schema.js'

const field = (name: string, type: string, encoding?: string) => ({
  name,
  type,
  encoding,
  nullable: true,
})

/** A file of pages, each a group of its own. */
async function written(pages: StreamRecord[][], classes: RecordClass[]): Promise<Buffer> {
  const encoder = await parquetEncoder(classes)
  const groups = pages.flatMap((page) => [encoder.add(page), encoder.flush()])
  return Buffer.concat([encoder.head(), ...groups, encoder.end()])
}

function asFile({ buffer, byteOffset, length }: Buffer): ArrayBuffer {
  return buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer
}

/** The records of a file on disk. */
async function readBack(bytes: Buffer, classes: RecordClass[]): Promise<StreamRecord[]> {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-parquet-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'in.parquet')
  writeFileSync(path, bytes)
  const file = await open(path)
  try {
    const records: StreamRecord[] = []
    for await (const record of readParquet(file, classes)) records.push(record)
    return records
  } finally {
    await file.close()
  }
}

const timestamp = '2026-11-01T00:00:00.123Z'

describe('parquetEncoder', () => {
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
    const rows = await parquetReadObjects({ file: asFile(await written([records], [all])) })
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
    const rows = await parquetReadObjects({ file: asFile(await written([records], [all, other])) })
    expect(rows).toMatchObject([{ $type: 'other', x: 1, f32: null }])
  })

  it('is a whole file without a record too', async () => {
    expect(await parquetReadObjects({ file: asFile(await written([], [all])) })).toEqual([])
  })

  const numbered = (from: number, count: number): StreamRecord[] =>
    Array.from({ length: count }, (_, i) => ({
      symbol: `s${(from + i) % 7}`,
      timestamp: new Date(Date.parse(timestamp) + from + i).toISOString(),
      type: 'all',
      fields: { i16: from + i, f32: (from + i) / 2, text: `n${from + i}`, at: timestamp },
    }))
  const pages = [numbered(0, 900), numbered(900, 1100), numbered(2000, 500)]

  it('writes a group at each flush', async () => {
    const file = asFile(await written(pages, [all]))
    const { row_groups } = parquetMetadata(file)
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([900, 1100, 500])
    const last = await parquetReadObjects({ file, rowStart: 2499, rowEnd: 2500 })
    expect(last).toMatchObject([{ i16: 2499 }])
  })

  it.each([0, 1, 2, 3])('goes on behind a part of %i groups', async (count) => {
    const first = await parquetEncoder([all])
    const part = [first.head()]
    for (const page of pages.slice(0, count)) part.push(first.add(page), first.flush())
    const state = deserialize(serialize(first.state())) as ParquetState
    const bytes = Buffer.concat(part).length
    const second = await parquetEncoder([all], { bytes, state })
    for (const page of pages.slice(count)) part.push(second.add(page), second.flush())
    part.push(second.end())
    expect(Buffer.concat(part).equals(await written(pages, [all]))).toBe(true)
  })
})

describe('readParquet', () => {
  const weather: RecordClass = {
    name: 'weather_record',
    fields: [
      field('temperature', 'FLOAT', 'IEEE32'),
      field('count', 'INTEGER', 'INT64'),
      field('note', 'VARCHAR', 'UTF8'),
      field('dry', 'BOOLEAN'),
      field('seen', 'TIMESTAMP'),
    ],
  }
  const time = fc
    .date({ min: new Date(0), max: new Date('2199-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString())
  const record = fc.record({
    symbol: fc.string({ unit: 'grapheme' }),
    timestamp: time,
    type: fc.constant('weather_record'),
    fields: fc.record(
      {
        temperature: fc.float({ noNaN: true, noDefaultInfinity: true }).map((n) => n || 0),
        count: fc.maxSafeInteger(),
        note: fc.string({ unit: 'grapheme' }),
        dry: fc.boolean(),
        seen: time,
      },
      { requiredKeys: [] },
    ),
  })

  it('reads what was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(record)), async (groups) => {
        const bytes = await written(groups as StreamRecord[][], [weather])
        expect(await readBack(bytes, [weather])).toEqual(groups.flat())
      }),
      { numRuns: 40 },
    )
  })

  // A wrong size of a page would have the library read for ever.
  it('reads or refuses a damaged file', async () => {
    const page = Array.from({ length: 50 }, (_, i) => ({
      symbol: 's',
      timestamp: new Date(i).toISOString(),
      type: 'weather_record',
      fields: { temperature: i, note: `${i}` },
    }))
    const whole = await written([page, page], [weather])
    const damage = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), cut: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, byte, cut }) => {
        const bytes = Buffer.from(cut ? whole.subarray(0, at) : whole)
        if (!cut) bytes[at] = byte
        const outcome = await readBack(bytes, [weather]).catch((error: unknown) => error)
        if (!Array.isArray(outcome)) expect(outcome).toMatchObject({ code: 'FILE_INVALID' })
      }),
      { numRuns: 300 },
    )
  })

  it('reads what another program made of such a file, its keys handed on', async () => {
    const bytes = parquetWriteBuffer({
      columnData: [
        { name: 'timestamp', data: [new Date(timestamp)], type: 'TIMESTAMP' },
        { name: 'symbol', data: ['s'], type: 'STRING' },
        { name: 'temperature', data: [21.5], type: 'DOUBLE' },
      ],
      kvMetadata: [{ key: checksumKey, value: '100:1' }],
    })
    expect(await readBack(Buffer.from(bytes), [weather])).toEqual([
      { symbol: 's', timestamp, type: 'weather_record', fields: { temperature: 21.5 } },
    ])
  })

  it('says how a file has to be packed', async () => {
    const bytes = parquetWriteBuffer({
      columnData: [{ name: 'symbol', data: ['s'], type: 'STRING' }],
      codec: 'GZIP',
      compressors: { GZIP: (input) => gzipSync(input) },
    })
    await expect(readBack(Buffer.from(bytes), [weather])).rejects.toMatchObject({
      code: 'FILE_INVALID',
      hint: 'Write it again, compressed with Snappy or not at all.',
    })
  })

  it('says which row does not fit the stream', async () => {
    const { fields } = weather
    const bytes = await written(
      [[{ symbol: 's', timestamp, type: 'weather_record', fields: { note: 'warm' } }]],
      [weather],
    )
    const narrow = { ...weather, fields: fields.filter(({ name }) => name !== 'note') }
    await expect(readBack(bytes, [narrow])).rejects.toMatchObject({
      code: 'FILE_INVALID',
      message: 'Row 1: the stream has no field "note".',
      details: { row: 1 },
    })
  })
})
