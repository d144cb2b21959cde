import { isAt, type Literal, literal, put } from './literal.js'
import type { FloatFields, Row } from './row.js'

/** The NDJSON lines of many rows, each with its line end, in the order they were read. */
interface LineBlock {
  bytes: Uint8Array
}

/** Where a row's line lies, with its line end. */
export interface RowLine {
  block: LineBlock
  start: number
  end: number
}

/** A row that was read without JSON.parse; it knows its own NDJSON line. */
export class ScannedRow implements Row {
  $type: string
  symbol: string
  timestamp: string;
  [field: string]: unknown
  // Private, so that neither JSON nor a copy of the fields sees it.
  readonly #line: RowLine

  constructor(type: string, symbol: string, timestamp: string, line: RowLine) {
    this.$type = type
    this.symbol = symbol
    this.timestamp = timestamp
    this.#line = line
  }

  /** What JSON.stringify writes of the row as it was read; undefined for a row of another origin. */
  static lineOf(row: Row): RowLine | undefined {
    return #line in row ? row.#line : undefined
  }
}

/** How the messages of one class are written: fields in the order of the schema, NULL left out. */
interface Shape {
  type: string
  head: Literal
  fields: Field[]
}

interface Field {
  name: string
  /** From the comma before the name to the quote before the number. */
  key: Literal
}

const [quote, comma, backslash, minus, point] = [0x22, 0x2c, 0x5c, 0x2d, 0x2e]
const [zero, nine, openBrace, closeBrace, lineEnd] = [0x30, 0x39, 0x7b, 0x7d, 0x0a]
const timeForm = '","timestamp":"0000-00-00T00:00:00.000Z"'
const timeAt = '","timestamp":"'.length
/** So many digits name one double, and no shorter text names it too. */
const exactDigits = 15
const powers = Array.from({ length: exactDigits + 1 }, (_, i) => 10 ** i)
/** JavaScript writes smaller numbers with an exponent. */
const leastPlain = 1e-6
/** Two pieces of an answer: what is printed in one go. */
const blockBytes = 131_072
/** A stream with more stations than this has its names made anew. */
const maxNames = 100_000

/**
 * Reads rows whose fields are all FLOATs straight from the bytes of an answer, and writes their
 * NDJSON lines on the way, in a third of the time of JSON.parse and JSON.stringify (`npm run bench
 * -- tail`). Whatever is not exactly of that form is left to them.
 */
export class RowScanner {
  readonly #shapes: Shape[]
  readonly #names = new Map<number, string>()
  /** Stations share their times: the last one, as bytes and as text. */
  readonly #time = literal(timeForm)
  #timeText: string | undefined
  #bytes: Buffer = Buffer.alloc(0)
  #view = viewOf(this.#bytes)
  /** Where lines are written; what is written stays, for whoever prints it. */
  #out: Buffer = Buffer.alloc(0)
  #outView = viewOf(this.#out)
  #block: LineBlock = { bytes: this.#out }
  #written = 0

  constructor(floats: FloatFields) {
    this.#shapes = [...floats]
      .filter(([type, names]) => [type, ...names].every(isPlainName))
      .map(([type, names]) => ({
        type,
        head: literal(`{"$type":"${type}","symbol":"`),
        fields: names.map((name) => ({ name, key: literal(`,"${name}":"`) })),
      }))
    for (const shape of this.#shapes) rehearse(shape)
  }

  /**
   * Reads rows from `start` on, with commas between them, up to `end` or to the first one that
   * has another form; adds them to `rows` and answers where it stopped: at `end` or at a row.
   */
  scan(bytes: Buffer, start: number, end: number, rows: unknown[]): number {
    this.#bytes = bytes
    this.#view = viewOf(bytes)
    // A line with its end is never longer than the row it was read from with its comma.
    const most = end - start + 1
    if (this.#out.length - this.#written < most) {
      this.#out = Buffer.allocUnsafeSlow(Math.max(most, blockBytes))
      this.#outView = viewOf(this.#out)
      this.#block = { bytes: this.#out }
      this.#written = 0
    }
    const block = this.#block
    let at = start
    while (at < end) {
      const line: RowLine = { block, start: this.#written, end: this.#written }
      const next = this.#row(at, end, line, rows)
      if (next < 0) break
      this.#written = line.end
      // Behind the last row of a piece there is nothing yet.
      at = next < end ? next + 1 : next
    }
    return at
  }

  /** One row at `start`: adds it and answers the place behind it, or -1 where it does not fit. */
  #row(start: number, end: number, line: RowLine, rows: unknown[]): number {
    const bytes = this.#bytes
    const view = this.#view
    const out = this.#out
    const outView = this.#outView
    const shape = this.#shape(start)
    if (!shape) return -1
    let written = put(outView, line.start, shape.head)
    let at = start + shape.head.length
    const nameAt = at
    let hash = 0
    for (; at < end; at++) {
      const byte = bytes[at] as number
      if (byte === quote) break
      if (byte < 0x20 || byte > 0x7e || byte === backslash) return -1
      hash = (Math.imul(hash, 31) + byte) | 0
      out[written++] = byte
    }
    const symbol = this.#name(nameAt, at, hash)
    const timestamp = this.#timestamp(at)
    if (timestamp === undefined) return -1
    written = put(outView, written, this.#time)
    at += this.#time.length

    const row = new ScannedRow(shape.type, symbol, timestamp, line)
    const { fields } = shape
    for (let i = 0; bytes[at] === comma; i++) {
      while (i < fields.length && !isAt(view, at, (fields[i] as Field).key)) i++
      if (i >= fields.length) return -1
      const { name, key } = fields[i] as Field
      // Its last byte is the quote that a number does not have.
      written = put(outView, written, key) - 1
      at += key.length

      const isNegative = bytes[at] === minus
      if (isNegative) {
        out[written++] = minus
        at++
      }
      const digitsAt = at
      let mantissa = 0
      let pointAt = -1
      let kept = at
      for (; at < end; at++) {
        const byte = bytes[at] as number
        if (byte >= zero && byte <= nine) {
          mantissa = mantissa * 10 + byte - zero
          if (pointAt < 0 || byte !== zero) kept = at + 1
        } else if (byte === point && pointAt < 0) pointAt = at
        else break
        // Zeros at its end as well: what comes next overwrites them.
        out[written + at - digitsAt] = byte
      }
      const whole = (pointAt < 0 ? at : pointAt) - digitsAt
      const decimals = pointAt < 0 ? 0 : at - pointAt - 1
      if (bytes[at] !== quote || whole === 0 || at - 1 === pointAt) return -1
      if (whole + decimals > exactDigits || (whole > 1 && bytes[digitsAt] === zero)) return -1
      const size = mantissa / (powers[decimals] as number)
      // No comparison behind another one: the first zero would throw away what V8 has compiled.
      const isZero = mantissa === 0
      const isSmall = size < leastPlain
      if (isZero ? isNegative : isSmall) return -1
      store(row, i, name, isNegative ? -size : size)
      written += kept - digitsAt
      at++
    }
    if (bytes[at] !== closeBrace) return -1
    at++
    if (at > end || (at < end && !(bytes[at] === comma && bytes[at + 1] === openBrace))) return -1
    out[written++] = closeBrace
    out[written++] = lineEnd
    line.end = written
    // push() on an array that was empty makes V8 compile for small numbers first, then anew.
    rows[rows.length] = row
    return at
  }

  #shape(at: number): Shape | undefined {
    for (const shape of this.#shapes) if (isAt(this.#view, at, shape.head)) return shape
    return undefined
  }

  #timestamp(at: number): string | undefined {
    if (this.#timeText !== undefined && isAt(this.#view, at, this.#time)) return this.#timeText
    if (at + timeForm.length > this.#bytes.length) return undefined
    for (let i = 0; i < timeForm.length; i++) {
      const byte = this.#bytes[at + i] as number
      const form = timeForm.charCodeAt(i)
      if (form === zero ? !(byte >= zero && byte <= nine) : byte !== form) return undefined
    }
    const { words, length } = this.#time
    for (let i = 0; i < words.length; i++)
      words[i] = this.#view.getInt32(at + Math.min(4 * i, length - 4), true)
    this.#timeText = this.#bytes.toString('latin1', at + timeAt, at + timeForm.length - 1)
    return this.#timeText
  }

  /** One text a station: to make one for each row takes longer than to find it again. */
  #name(start: number, end: number, hash: number): string {
    const bytes = this.#bytes
    const known = this.#names.get(hash)
    if (known?.length === end - start && isText(bytes, start, known)) return known
    const name = bytes.toString('latin1', start, end)
    if (this.#names.size >= maxNames) this.#names.clear()
    this.#names.set(hash, name)
    return name
  }
}

/** JSON gives names like `1` and `__proto__` another place or meaning; those above have their own. */
function isPlainName(name: string): boolean {
  return /^[A-Za-z][A-Za-z0-9_.]*$/.test(name) && name !== 'symbol' && name !== 'timestamp'
}

/**
 * A first row with fractions in all its fields: a whole number in the first one would make V8
 * compile the reading of rows for whole numbers, and again, some 60 ms each, for every other field.
 */
function rehearse({ type, fields }: Shape): void {
  const row = new ScannedRow(type, '', '', { block: { bytes: new Uint8Array() }, start: 0, end: 0 })
  for (const [i, { name }] of fields.entries()) store(row, i, name, 0.5)
}

/** A place for each of the first fields: V8 is fast at a place that has met one name only. */
function store(row: ScannedRow, i: number, name: string, value: number): void {
  switch (i) {
    case 0:
      row[name] = value
      break
    case 1:
      row[name] = value
      break
    case 2:
      row[name] = value
      break
    case 3:
      row[name] = value
      break
    default:
      row[name] = value
  }
}

function isText(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
