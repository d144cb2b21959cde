import { WxError } from '../errors.js'
import { isNested, nestedValue } from './nested.js'
import type { Field, FieldValue, RecordClass, StreamRecord } from './schema.js'
import { parseTimestamp } from './times.js'

/** Where a record stands in its file, from 1. */
export type Place = { line: number } | { row: number }

/** Makes a record of what a file has at a place; throws FILE_INVALID. */
export type RecordCheck = (flat: { [name: string]: unknown }, place: Place) => StreamRecord

/**
 * Checks records of a file against the classes of a stream: a field that the stream does not have
 * would be dropped by the server without a word.
 */
export function recordCheck(classes: RecordClass[]): RecordCheck {
  const known = new Map(
    classes.map((one) => [one.name, new Map(one.fields.map((field) => [field.name, field]))]),
  )
  const only = classes.length === 1 ? (classes[0]?.name ?? '') : undefined
  return (flat, place) => {
    const { symbol, timestamp, $type, ...rest } = flat
    if (typeof symbol !== 'string') throw badRecord(place, 'there is no symbol')
    if (typeof timestamp !== 'string' || parseTimestamp(timestamp) === undefined)
      throw badRecord(
        place,
        `"${String(timestamp ?? '')}" is no time like 2026-11-23T21:00:00.000Z`,
      )
    const type = $type === undefined || $type === null || $type === '' ? only : String($type)
    const fields = known.get(type ?? '')
    if (type === undefined || !fields)
      throw badRecord(place, `the stream has no class "${type ?? ''}"`)
    const values: StreamRecord['fields'] = {}
    for (const [name, value] of Object.entries(rest)) {
      if (value === null || value === undefined) continue
      const field = fields.get(name)
      if (!field) throw badRecord(place, `the stream has no field "${name}"`)
      values[name] = checkedValue(value, field, place)
    }
    return { symbol, timestamp, type, fields: values }
  }
}

/** Numbers and truth values may arrive as texts (CSV); what does not fit the field is an error. */
function checkedValue(value: unknown, field: Field, place: Place): FieldValue {
  const { name, type, encoding } = field
  if (isNested(type)) {
    const nested = nestedValue(value)
    if (nested) return nested
    throw badRecord(place, `"${String(value)}" is no array or object for the field "${name}"`)
  }
  switch (type) {
    case 'FLOAT':
    case 'INTEGER': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
      if (typeof number === 'number' && Number.isFinite(number)) {
        // The server would store NULL without a word.
        if (encoding === 'IEEE32' && !Number.isFinite(Math.fround(number)))
          throw badRecord(place, `"${String(value)}" is too large for the field "${name}"`)
        if (type === 'FLOAT' || Number.isInteger(number)) return number
      }
      throw badRecord(place, `"${String(value)}" is no number for the field "${name}"`)
    }
    case 'BOOLEAN':
      if (value === true || value === 'true') return true
      if (value === false || value === 'false') return false
      throw badRecord(place, `"${String(value)}" is neither true nor false for the field "${name}"`)
    case 'TIMESTAMP':
      if (typeof value === 'string' && parseTimestamp(value) !== undefined) return value
      throw badRecord(place, `"${String(value)}" is no time for the field "${name}"`)
    default:
      if (typeof value === 'string' || typeof value === 'number') return String(value)
      throw badRecord(place, `the field "${name}" takes a text`)
  }
}

export function badRecord(place: Place, what: string, cause?: unknown): WxError {
  const text = 'line' in place ? `Line ${place.line}` : `Row ${place.row}`
  return new WxError('FILE_INVALID', `${text}: ${what}.`, { details: place, cause })
}
