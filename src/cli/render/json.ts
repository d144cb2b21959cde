/** One result as one JSON object; secrets print as dots by their own toJSON. `indent` 0: on one line. */
export function jsonText(data: Record<string, unknown>, indent = 2): string {
  return JSON.stringify(
    data,
    (_key, value) => (typeof value === 'bigint' ? value.toString() : value),
    indent,
  )
}
