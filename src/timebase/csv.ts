import { WxError } from '../errors.js'

/** One line of CSV (RFC 4180) without its end; null is an empty cell, an empty text a quoted one. */
export function csvLine(cells: (string | null)[]): string {
  return cells
    .map((cell) => {
      if (cell === null) return ''
      return cell === '' || /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
    })
    .join(',')
}

export interface CsvRow {
  /** Null is an empty cell without quotes. */
  cells: (string | null)[]
  /** Number of the line it begins at, from 1. */
  line: number
}

/** Reads CSV piece by piece; quoted cells may hold commas, quotes and line ends. */
export async function* csvRows(chunks: AsyncIterable<string>): AsyncGenerator<CsvRow> {
  let cells: (string | null)[] = []
  let cell = ''
  let quoted = false
  let wasQuoted = false
  // A quote in a quoted cell ends it or is the first of two: the next character tells.
  let quotePending = false
  let line = 1
  let startLine = 1
  let previous = ''

  const endCell = (): void => {
    cells.push(cell === '' && !wasQuoted ? null : cell)
    cell = ''
    wasQuoted = false
  }
  for await (const chunk of chunks) {
    for (const char of chunk) {
      if (quotePending) {
        quotePending = false
        if (char === '"') {
          cell += '"'
          continue
        }
        quoted = false
      }
      if (quoted) {
        if (char === '"') quotePending = true
        else cell += char
        if (char === '\n') line++
      } else if (char === '"' && cell === '' && !wasQuoted) {
        quoted = true
        wasQuoted = true
      } else if (char === ',') endCell()
      else if (char === '\n' || char === '\r') {
        // A line end of two characters is one; an empty line is no row.
        if (!(char === '\n' && previous === '\r')) {
          if (cells.length > 0 || cell !== '' || wasQuoted) {
            endCell()
            yield { cells, line: startLine }
            cells = []
          }
          line++
          startLine = line
        }
      } else if (wasQuoted) {
        throw new WxError('FILE_INVALID', `Line ${line}: a quoted cell goes on after its quote.`)
      } else cell += char
      previous = char
    }
  }
  if (quoted && !quotePending)
    throw new WxError('FILE_INVALID', `Line ${startLine}: a quote is never closed.`)
  if (cells.length > 0 || cell !== '' || wasQuoted) {
    endCell()
    yield { cells, line: startLine }
  }
}
