import { WxError } from '../errors.js'
import { Nested } from './nested.js'
import {
  type FieldValue,
  type RecordClass,
  type StreamRecord,
  statusSchema,
  weatherSchema,
} from './schema.js'

type Floats = Map<string, Set<string>>

const ownFloats = floatsOf([...weatherSchema.classes, ...statusSchema.classes])

/** Names of the FLOAT fields of each class: their values arrive as texts. */
export function floatsOf(classes: RecordClass[]): Floats {
  return new Map(
    classes.map(({ name, fields }) => [
      name,
      new Set(fields.filter(({ type }) => type === 'FLOAT').map((field) => field.name)),
    ]),
  )
}

const number = /^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/**
 * One row of a select as a record. FLOAT values arrive as texts and become numbers: those of our
 * own classes and of `classes` by name, those of foreign classes where the text is a number.
 */
export function parseRow(row: unknown, floats: Floats = ownFloats): StreamRecord {
  if (row === null || typeof row !== 'object' || Array.isArray(row)) throw notARow()
  const {
    $type,
    symbol,
    timestamp,
    nanoTime: _nanoTime,
    ...rest
  } = row as { [key: string]: unknown }
  if (typeof symbol !== 'string' || typeof timestamp !== 'string') throw notARow()
  const type = typeof $type === 'string' ? $type : ''
  const known = floats.get(type)
  const fields: StreamRecord['fields'] = {}
  for (const name in rest) {
    const value = rest[name]
    const isFloat = typeof value === 'string' && (known ? known.has(name) : number.test(value))
    fields[name] = isFloat ? floatValue(value) : fieldValue(value)
  }
  return { symbol, timestamp, type, fields }
}

function floatValue(text: string): FieldValue {
  const value = number.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : null
}

function fieldValue(value: unknown): FieldValue {
  if (value === null || value === undefined) return null
  return typeof value === 'object' ? new Nested(value) : (value as FieldValue)
}

function notARow(): WxError {
  return new WxError('ANSWER_INVALID', 'The server sent a row without symbol or time.')
}
