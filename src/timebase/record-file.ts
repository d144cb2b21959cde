import { WxError } from '../errors.js'
import { csvLine, csvRows } from './csv.js'
import { badRecord, type RecordCheck, recordCheck } from './record-check.js'
import type { FieldValue, RecordClass, StreamRecord } from './schema.js'

export type FileFormat = 'csv' | 'ndjson'

/** The columns of a file: time, station, class where there are several, then every field. */
export function columnsOf(classes: RecordClass[]): string[] {
  const fields = new Set(classes.flatMap((one) => one.fields.map(({ name }) => name)))
  return ['timestamp', 'symbol', ...(classes.length > 1 ? ['$type'] : []), ...fields]
}

/** Lines at the head of a file, each with its end. */
export function fileHead(format: FileFormat, columns: string[]): string {
  return format === 'csv' ? `${csvLine(columns)}\n` : ''
}

/** One record as one line with its end. */
export function recordLine(record: StreamRecord, format: FileFormat, columns: string[]): string {
  const { symbol, timestamp, type, fields } = record
  if (format === 'ndjson')
    return `${JSON.stringify({ $type: type, symbol, timestamp, ...withoutNulls(fields) })}\n`
  const row: { [column: string]: FieldValue } = { ...fields, timestamp, symbol, $type: type }
  const cells = columns.map((column) => {
    const value = row[column]
    return value === null || value === undefined ? null : String(value)
  })
  return `${csvLine(cells)}\n`
}

function withoutNulls(fields: StreamRecord['fields']): StreamRecord['fields'] {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

/** Reads a file that `recordLine` wrote. Throws FILE_INVALID with the line. */
export async function* readRecords(
  text: AsyncIterable<string>,
  format: FileFormat,
  classes: RecordClass[],
): AsyncGenerator<StreamRecord> {
  const check = recordCheck(classes)
  if (format === 'csv') yield* readCsv(text, check)
  else yield* readNdjson(text, check)
}

async function* readCsv(
  text: AsyncIterable<string>,
  check: RecordCheck,
): AsyncGenerator<StreamRecord> {
  let columns: string[] | undefined
  for await (const { cells, line } of csvRows(text)) {
    if (columns === undefined) {
      columns = cells.map((cell) => (cell ?? '').replace(/^\ufeff/, ''))
      if (!columns.includes('symbol') || !columns.includes('timestamp'))
        throw badRecord({ line }, 'the head must name the columns timestamp and symbol')
      const twice = columns.find((name, i) => columns?.indexOf(name) !== i)
      if (twice !== undefined) throw badRecord({ line }, `the column "${twice}" stands there twice`)
      continue
    }
    if (cells.length !== columns.length)
      throw badRecord({ line }, `${cells.length} cells instead of ${columns.length}`)
    const flat: { [name: string]: unknown } = {}
    for (const [i, name] of columns.entries()) flat[name] = cells[i]
    // The symbol of an empty name is a text of its own.
    flat.symbol ??= ''
    yield check(flat, { line })
  }
}

/** A line longer than this is another kind of file. */
const maxLine = 1_000_000

async function* readNdjson(
  text: AsyncIterable<string>,
  check: RecordCheck,
): AsyncGenerator<StreamRecord> {
  let line = 0
  for await (const content of lines(text)) {
    line++
    if (content.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(content)
    } catch (cause) {
      throw badRecord({ line }, 'this is no JSON', cause)
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw badRecord({ line }, 'this is no record')
    yield check(value as { [name: string]: unknown }, { line })
  }
}

async function* lines(text: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of text) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    if (rest.length > maxLine) throw new WxError('FILE_INVALID', 'This is no file of records.')
    yield* parts
  }
  if (rest !== '') yield rest
}
