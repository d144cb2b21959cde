import { type Element, elementClass, NumberText } from './gson.js'
import { JavaError } from './java-error.js'

const element = 'com.google.gson.JsonElement'

const unsupported = (value: Element, line: number): JavaError =>
  new JavaError(
    'java.lang.UnsupportedOperationException',
    elementClass(value),
    `${element}.getAsString(JsonElement.java:${line})`,
  )

/** Gson's getAsString: a primitive's text; an array of one stands for its element. */
export function asText(value: Element): string {
  if (typeof value === 'string') return value
  if (value instanceof NumberText) return value.text
  if (typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) {
    if (value.length === 1) return asText(value[0] ?? null)
    throw new JavaError(
      'java.lang.IllegalStateException',
      `Array must have size 1, but has size ${value.length}`,
      'com.google.gson.JsonArray.getAsSingleElement(JsonArray.java:241)',
    )
  }
  throw unsupported(value, 179)
}

const numberFormat = (text: string, frame: string): JavaError =>
  new JavaError('java.lang.NumberFormatException', text, frame)

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?$/

/** Java's Double.parseDouble. */
export function parseDouble(value: Element): number {
  const text = asText(value).trim()
  const parser =
    'java.base/jdk.internal.math.FloatingDecimal.readJavaFormatString(FloatingDecimal.java:2054)'
  if (text === '') throw numberFormat('empty String', parser)
  if (/^[+-]?NaN$/.test(text)) return Number.NaN
  if (/^[+-]?Infinity$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (!decimal.test(text)) throw numberFormat(`For input string: "${text}"`, parser)
  return Number(text.replace(/[fFdD]$/, ''))
}

/** A whole number from a number or a numeric text; fractions are cut off. */
export function parseWhole(value: Element): bigint {
  const text = asText(value)
  if (/^[+-]?\d{1,18}$/.test(text)) return BigInt(text)
  if (/^[+-]?\d+$/.test(text)) {
    const whole = BigInt(text)
    if (whole === BigInt.asIntN(64, whole)) return whole
  }
  if (!decimal.test(text)) {
    throw numberFormat(
      `For input string: "${text}"`,
      'java.base/java.lang.NumberFormatException.forInputString(NumberFormatException.java:67)',
    )
  }
  const number = Number(text.replace(/[fFdD]$/, ''))
  if (Math.abs(number) >= 2 ** 63) return number > 0 ? 2n ** 63n - 1n : -(2n ** 63n)
  return BigInt(Math.trunc(number))
}

/** Gson's getAsBoolean: everything but "true" is false. */
export function parseBoolean(value: Element): boolean {
  return typeof value === 'boolean' ? value : asText(value).toLowerCase() === 'true'
}
