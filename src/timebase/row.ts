import { WxError } from '../errors.js'
import { ScannedRow } from './row-scanner.js'

/**
 * One message as `select` answers it: flat, nulls left out, floats already numbers
 * (the server sends them as texts). `timestamp` is always `yyyy-MM-ddTHH:mm:ss.SSSZ`, so that
 * comparing texts compares times.
 */
export interface Row {
  $type: string
  symbol: string
  timestamp: string
  [field: string]: unknown
}

/** Names of the fields of each class whose values arrive as texts and are numbers. */
export type FloatFields = ReadonlyMap<string, readonly string[]>

const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const number = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/

/**
 * Takes what a select answered as rows, in place. Throws ANSWER_INVALID where it is none: a tail
 * that believed garbage would move its cursors by it. A float that is no number is left out, as
 * NULL is; of classes that `floats` does not know every text that is a number becomes one.
 */
export function asRows(values: unknown[], floats: FloatFields): Row[] {
  for (const value of values) {
    if (value instanceof ScannedRow) continue
    const row = value as Row | null
    if (typeof row?.symbol !== 'string' || !stamp.test(String(row.timestamp))) {
      throw new WxError('ANSWER_INVALID', 'The server sent a row without symbol or time.')
    }
    const known = floats.get(row.$type)
    if (!known) {
      for (const name in row) {
        const text = row[name]
        if (typeof text === 'string' && name !== 'symbol' && number.test(text))
          row[name] = Number(text)
      }
      continue
    }
    // Counted by hand: this runs for every value of a backlog, and an iterator costs as much again.
    for (let i = 0; i < known.length; i++) {
      const name = known[i] as string
      const text = row[name]
      if (typeof text !== 'string') continue
      const float = Number(text)
      if (Number.isFinite(float)) row[name] = float
      else delete row[name]
    }
  }
  return values as Row[]
}
