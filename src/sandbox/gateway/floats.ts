/**
 * The shortest text that reads back as the same 32-bit float, as Java prints it: always a fraction,
 * exponents from 1e7 up and below 1e-3.
 */
export function javaFloat(value: number): string {
  const hundredths = Math.round(value * 100) / 100
  // Floats below 65536 lie closer together than hundredths, so such a text is the shortest one.
  if (Math.abs(value) < 65_536 && Math.fround(hundredths) === value) return javaDouble(hundredths)
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits))
    if (Math.fround(text) === value) return javaDouble(text)
  }
  return javaDouble(value)
}

/** A 64-bit float as Java prints it. */
export function javaDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  const size = Math.abs(value)
  if (size === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

/** Above 1e21 JavaScript falls back to exponents, which the server never prints here. */
function withoutExponent(value: number): string {
  if (Math.abs(value) >= 1e21) return BigInt(value).toString()
  const text = value.toFixed(10)
  const cut = text.replace(/\.?0+$/, '')
  return cut === '-0' || cut === '' ? '0' : cut
}

/** The text of a FLOAT in a select's answer. `is32` says how many bits the stream keeps. */
export function floatText(value: number, is32: boolean): string {
  const size = Math.abs(value)
  if (size > 0.01 && size < 1e8) return is32 ? javaFloat(value) : javaDouble(value)
  return Number.isFinite(value) ? withoutExponent(value) : javaDouble(value)
}
