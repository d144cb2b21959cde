/** One result as one JSON object; secrets print as dots by their own toJSON. */
export function jsonText(data: Record<string, unknown>): string {
  return JSON.stringify(
    data,
    (_key, value) => (typeof value === 'bigint' ? value.toString() : value),
    2,
  )
}
