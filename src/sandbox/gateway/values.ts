import { floatText } from './floats.js'
import { type Element, htmlSafe } from './gson.js'
import { JavaError } from './java-error.js'
import { asText, parseBoolean, parseDouble, parseWhole } from './java-numbers.js'
import { ObjectCodec } from './objects.js'
import type { DataType, Schema } from './schema.js'
import type { ByteReader, ByteWriter } from './store/bytes.js'
import { clockText, isoTime, lenientTime } from './time.js'

/** A field's value as a query sees it; lists and objects are their JSON text. */
export type Value = number | bigint | string | boolean | null

/** How values of one data type are checked, kept and shown. */
export interface ValueCodec {
  /** Appends the value; false (and nothing appended) where it stands for NULL. */
  encode(value: Element, out: ByteWriter): boolean
  /** JSON text as a select shows it. */
  text(from: ByteReader): string
  value(from: ByteReader): Value
}

const fixedEncoder = 'com.epam.deltix.qsrv.hf.pub.codec.intp.FixedUnboundEncoderImpl'

export const outOfRange = (text: string): JavaError =>
  new JavaError(
    'java.lang.IllegalArgumentException',
    text,
    `${fixedEncoder}.checkLimit(FixedUnboundEncoderImpl.java:263)`,
  )

interface Limits {
  min?: string
  max?: string
}

const isOutside = (value: number, { min, max }: Limits): boolean =>
  (min !== undefined && value < Number.parseFloat(min)) ||
  (max !== undefined && value > Number.parseFloat(max))

function floatCodec(encoding: string, limits: Limits): ValueCodec {
  const is32 = encoding === 'IEEE32'
  const decimals = /^DECIMAL\((\d+)\)$/.exec(encoding)?.[1]
  return {
    encode(value, out) {
      const given = parseDouble(value)
      const kept = is32 ? Math.fround(given) : given
      // A value that 32 bits cannot hold becomes NULL, as NaN does.
      if (Number.isNaN(kept) || (is32 && !Number.isFinite(kept))) return false
      if (isOutside(kept, limits)) throw outOfRange(asText(value))
      if (is32) out.f32(kept)
      else out.f64(decimals === undefined ? kept : Number(kept.toFixed(Number(decimals))))
      return true
    },
    text: (from) => `"${floatText(is32 ? from.f32() : from.f64(), is32)}"`,
    value: (from) => (is32 ? from.f32() : from.f64()),
  }
}

const bits = (n: bigint): { low: bigint; high: bigint } => ({
  low: -(2n ** (n - 1n)) + 1n,
  high: 2n ** (n - 1n) - 1n,
})

const ranges: Record<string, { low: bigint; high: bigint }> = {
  INT8: bits(8n),
  INT16: bits(16n),
  INT32: bits(32n),
  INT48: bits(48n),
  INT64: bits(64n),
  PUINT30: { low: 0n, high: 2n ** 30n - 2n },
  PUINT61: { low: 0n, high: 2n ** 61n - 2n },
  PINTERVAL: { low: 1n, high: 2n ** 31n - 1n },
}

function integerCodec(encoding: string, limits: Limits): ValueCodec {
  const range = ranges[encoding] ?? bits(64n)
  return {
    encode(value, out) {
      const whole = parseWhole(value)
      if (whole < range.low || whole > range.high || isOutside(Number(whole), limits)) {
        throw outOfRange(String(whole))
      }
      out.i64(whole)
      return true
    },
    text: (from) => String(from.i64()),
    value(from) {
      const whole = from.i64()
      const number = Number(whole)
      return Number.isSafeInteger(number) ? number : whole
    },
  }
}

const booleanCodec: ValueCodec = {
  encode(value, out) {
    out.u8(parseBoolean(value) ? 1 : 0)
    return true
  },
  text: (from) => String(from.u8() === 1),
  value: (from) => from.u8() === 1,
}

const textCodec: ValueCodec = {
  encode(value, out) {
    out.text(asText(value))
    return true
  },
  text: (from) => htmlSafe(from.text()),
  value: (from) => from.text(),
}

function alphanumericCodec(size: number): ValueCodec {
  return {
    ...textCodec,
    encode(value, out) {
      const text = asText(value)
      // The packed form knows capitals, digits and punctuation between space and underscore.
      if (text.length > size || !/^[ -_]*$/.test(text)) throw outOfRange(text)
      out.text(text)
      return true
    },
  }
}

const charCodec: ValueCodec = {
  ...textCodec,
  encode(value, out) {
    out.text(asText(value).slice(0, 1))
    return true
  },
}

const timestampCodec: ValueCodec = {
  encode(value, out) {
    const text = asText(value)
    const ms = lenientTime(text)
    if (ms === undefined) throw unparseable(text)
    out.f64(ms)
    return true
  },
  text: (from) => `"${isoTime(from.f64())}"`,
  value: (from) => from.f64(),
}

const timeOfDayCodec: ValueCodec = {
  encode(value, out) {
    const text = asText(value)
    const found = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,3}))?)?$/.exec(text)
    if (!found) throw outOfRange(text)
    const [, hour = '0', minute = '0', second = '0', millis = '0'] = found
    out.f64(((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + Number(millis))
    return true
  },
  text: (from) => `"${clockText(from.f64())}"`,
  value: (from) => clockText(from.f64()),
}

const binaryCodec: ValueCodec = {
  encode(value, out) {
    const items = Array.isArray(value) ? value : [value]
    const bytes = Uint8Array.from(items.map((one) => Number(parseWhole(one)) & 0xff))
    out.u32(bytes.length)
    out.raw(bytes)
    return true
  },
  text: (from) => `[${signedBytes(from).join(', ')}]`,
  value: (from) => `[${signedBytes(from).join(', ')}]`,
}

function signedBytes(from: ByteReader): number[] {
  const size = from.u32()
  return Array.from({ length: size }, () => (from.u8() << 24) >> 24)
}

function enumCodec(type: DataType, schema: Schema, owner: string): ValueCodec {
  const names = (schema.all.find(({ name }) => name === type.name)?.fields ?? []).map(
    ({ name }) => name,
  )
  return {
    ...textCodec,
    encode(value, out) {
      const text = asText(value)
      const symbol = names.includes(text)
        ? text
        : /^\d+$/.test(text)
          ? names[Number(text)]
          : undefined
      if (symbol === undefined) {
        throw new JavaError(
          'java.lang.IllegalArgumentException',
          `${owner} == ${text}`,
          `${fixedEncoder}.writeString(FixedUnboundEncoderImpl.java:196)`,
        )
      }
      out.text(symbol)
      return true
    },
  }
}

function arrayCodec(element: ValueCodec): ValueCodec {
  const text = (from: ByteReader): string => {
    const size = from.u32()
    const items = Array.from({ length: size }, () =>
      from.u8() === 1 ? element.text(from) : 'null',
    )
    return `[${items.join(',')}]`
  }
  return {
    encode(value, out) {
      const items = Array.isArray(value) ? value : [value]
      out.u32(items.length)
      for (const one of items) {
        const flag = out.reserve(1)
        if (one !== null && element.encode(one, out)) out.setBit(flag, 0)
      }
      return true
    },
    text,
    value: text,
  }
}

export const unparseable = (text: string): JavaError =>
  new JavaError(
    'java.lang.RuntimeException',
    `java.text.ParseException: Unparseable date: ${text}`,
    'com.epam.deltix.qsrv.util.json.JSONRawMessageParser.parseDateTime(JSONRawMessageParser.java:132)',
  )

/** The codec of a field's type; `owner` (`class.field`) is what error texts call it. */
export function codecOf(
  type: DataType,
  schema: Schema,
  owner: string,
  limits: Limits = {},
): ValueCodec {
  const encoding = type.encoding ?? ''
  switch (type.name) {
    case 'FLOAT':
      return floatCodec(encoding, limits)
    case 'INTEGER':
      return integerCodec(encoding, limits)
    case 'BOOLEAN':
      return booleanCodec
    case 'VARCHAR': {
      const size = /^ALPHANUMERIC\((\d+)\)$/.exec(encoding)?.[1]
      return size === undefined ? textCodec : alphanumericCodec(Number(size))
    }
    case 'CHAR':
      return charCodec
    case 'TIMESTAMP':
      return timestampCodec
    case 'TIMEOFDAY':
      return timeOfDayCodec
    case 'BINARY':
      return binaryCodec
    case 'ARRAY':
      return arrayCodec(type.elementType ? codecOf(type.elementType, schema, owner) : textCodec)
    case 'OBJECT':
      return new ObjectCodec(schema, type.types ?? [])
    default:
      return enumCodec(type, schema, owner)
  }
}
