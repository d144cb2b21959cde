import { WxError } from '../errors.js'
import { csvLine, csvRows } from './csv.js'
import { isNested, nestedValue } from './nested.js'
import type { Field, FieldValue, RecordClass, StreamRecord } from './schema.js'
import { parseTimestamp } from './times.js'

export type FileFormat = 'csv' | 'ndjson'

export interface FileRecord {
  record: StreamRecord
  /** Line it stands on, from 1. */
  line: number
}

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

/**
 * Reads a file that `recordLine` wrote, checking every record against the stream's classes: a
 * field the stream does not have would be dropped by the server without a word. Throws
 * FILE_INVALID with the line.
 */
export async function* readRecords(
  text: AsyncIterable<string>,
  format: FileFormat,
  classes: RecordClass[],
): AsyncGenerator<FileRecord> {
  const known = new Map(
    classes.map((one) => [one.name, new Map(one.fields.map((field) => [field.name, field]))]),
  )
  const only = classes.length === 1 ? (classes[0]?.name ?? '') : undefined
  const check = (flat: { [name: string]: unknown }, line: number): FileRecord => {
    const { symbol, timestamp, $type, ...rest } = flat
    if (typeof symbol !== 'string') throw bad(line, 'there is no symbol')
    if (typeof timestamp !== 'string' || parseTimestamp(timestamp) === undefined)
      throw bad(line, `"${String(timestamp ?? '')}" is no time like 2026-11-23T21:00:00.000Z`)
    const type = $type === undefined || $type === null || $type === '' ? only : String($type)
    const fields = known.get(type ?? '')
    if (type === undefined || !fields) throw bad(line, `the stream has no class "${type ?? ''}"`)
    const values: StreamRecord['fields'] = {}
    for (const [name, value] of Object.entries(rest)) {
      if (value === null || value === undefined) continue
      const field = fields.get(name)
      if (!field) throw bad(line, `the stream has no field "${name}"`)
      values[name] = checkedValue(value, field, line)
    }
    return { record: { symbol, timestamp, type, fields: values }, line }
  }
  if (format === 'csv') yield* readCsv(text, check)
  else yield* readNdjson(text, check)
}

type Check = (flat: { [name: string]: unknown }, line: number) => FileRecord

async function* readCsv(text: AsyncIterable<string>, check: Check): AsyncGenerator<FileRecord> {
  let columns: string[] | undefined
  for await (const { cells, line } of csvRows(text)) {
    if (columns === undefined) {
      columns = cells.map((cell) => (cell ?? '').replace(/^\ufeff/, ''))
      if (!columns.includes('symbol') || !columns.includes('timestamp'))
        throw bad(line, 'the head must name the columns timestamp and symbol')
      const twice = columns.find((name, i) => columns?.indexOf(name) !== i)
      if (twice !== undefined) throw bad(line, `the column "${twice}" stands there twice`)
      continue
    }
    if (cells.length !== columns.length)
      throw bad(line, `${cells.length} cells instead of ${columns.length}`)
    const flat: { [name: string]: unknown } = {}
    for (const [i, name] of columns.entries()) flat[name] = cells[i]
    // The symbol of an empty name is a text of its own.
    flat.symbol ??= ''
    yield check(flat, line)
  }
}

/** A line longer than this is another kind of file. */
const maxLine = 1_000_000

async function* readNdjson(text: AsyncIterable<string>, check: Check): AsyncGenerator<FileRecord> {
  let line = 0
  for await (const content of lines(text)) {
    line++
    if (content.trim() === '') continue
    let value: unknown
    try {
      value = JSON.parse(content)
    } catch (cause) {
      throw bad(line, 'this is no JSON', cause)
    }
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw bad(line, 'this is no record')
    yield check(value as { [name: string]: unknown }, line)
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

/** Numbers and truth values may arrive as texts (CSV); what does not fit the field is an error. */
function checkedValue(value: unknown, field: Field, line: number): FieldValue {
  const { name, type, encoding } = field
  if (isNested(type)) {
    const nested = nestedValue(value)
    if (nested) return nested
    throw bad(line, `"${String(value)}" is no array or object for the field "${name}"`)
  }
  switch (type) {
    case 'FLOAT':
    case 'INTEGER': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      if (typeof number === 'number' && Number.isFinite(number)) {
        // The server would store NULL without a word.
        if (encoding === 'IEEE32' && !Number.isFinite(Math.fround(number)))
          throw bad(line, `"${String(value)}" is too large for the field "${name}"`)
        if (type === 'FLOAT' || Number.isInteger(number)) return number
      }
      throw bad(line, `"${String(value)}" is no number for the field "${name}"`)
    }
    case 'BOOLEAN':
      if (value === true || value === 'true') return true
      if (value === false || value === 'false') return false
      throw bad(line, `"${String(value)}" is neither true nor false for the field "${name}"`)
    case 'TIMESTAMP':
      if (typeof value === 'string' && parseTimestamp(value) !== undefined) return value
      throw bad(line, `"${String(value)}" is no time for the field "${name}"`)
    default:
      if (typeof value === 'string' || typeof value === 'number') return String(value)
      throw bad(line, `the field "${name}" takes a text`)
  }
}

function bad(line: number, what: string, cause?: unknown): WxError {
  return new WxError('FILE_INVALID', `Line ${line}: ${what}.`, { details: { line }, cause })
}
