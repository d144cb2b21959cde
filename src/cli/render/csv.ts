/** One line of CSV (RFC 4180); an absent value is an empty cell. */
export function csvLine(values: unknown[]): string {
  return values.map(csvCell).join(',')
}

function csvCell(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
