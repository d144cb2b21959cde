const bars = '▁▂▃▄▅▆▇█'

/**
 * The last values as bars, oldest first. `span`: the least range that fills the height, so that
 * the noise of a sensor stays flat.
 */
export function sparkline(values: readonly number[], span: number): string {
  if (values.length === 0) return ''
  const low = Math.min(...values)
  const high = Math.max(...values)
  const range = Math.max(high - low, span)
  const start = (low + high - range) / 2
  return values
    .map((value) => bars[Math.min(7, Math.floor(((value - start) / range) * 8))] ?? '')
    .join('')
}
