import { stripVTControlCharacters } from 'node:util'

/** Letters of East Asia and pictures take two cells of a terminal (Unicode Standard Annex 11). */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u
/** Marks that stand on the letter before them take none. */
const mark = /[\p{Mn}\p{Me}\p{Cf}]/u
const plain = /^[\x20-\x7e]*$/

function cellsOf(letter: string): number {
  return mark.test(letter) ? 0 : wide.test(letter) ? 2 : 1
}

/** The cells of a terminal that a text takes. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length
  let cells = 0
  for (const letter of stripVTControlCharacters(text)) cells += cellsOf(letter)
  return cells
}

/** The text in at most `width` cells; color codes take none and are kept whole, and are ended. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let cells = 0
  let out = ''
  // biome-ignore lint/complexity/useRegexLiterals: the escape character reads better by its code
  for (const part of text.split(new RegExp('(\\u001b\\[[0-9;]*m)'))) {
    if (part.startsWith('\x1b[')) {
      out += part
      continue
    }
    for (const letter of part) {
      cells += cellsOf(letter)
      if (cells <= width) out += letter
    }
  }
  return out
}

export interface Column {
  title: string
  align?: 'left' | 'right'
}

/** A table as lines: two spaces between columns, no frame, nothing after the last column. */
export function table(columns: Column[], rows: string[][]): string[] {
  const widths = columns.map(({ title }, i) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i] ?? ''))),
  )
  const line = (cells: string[]): string =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? ''
        const pad = ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(cell)))
        return align === 'right' ? pad + cell : cell + pad
      })
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...rows.map(line)]
}

/** The labels of facts stand in a column of their own, as every command's head looks. */
const labelCells = 9

/** Facts aligned in one column. */
export function fact(label: string, text: string): string {
  return `${label.padEnd(labelCells)} ${text}`
}

/**
 * A fact in lines of at most `width` cells, broken between words, the later ones under the first
 * one's text. A longer word, and a line that is no fact, stay whole.
 */
export function wrapFact(line: string, width: number): string[] {
  if (widthOf(line) <= width || line[labelCells] !== ' ') return [line]
  const [first = '', ...words] = line.slice(labelCells + 1).split(' ')
  const lines = [line.slice(0, labelCells + 1) + first]
  for (const word of words) {
    const last = lines.at(-1) ?? ''
    if (widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(fact('', word))
  }
  return lines
}

export function bytesText(bytes: number): string {
  if (bytes >= 1_000_000) return `${(bytes / 1_000_000).toFixed(2)} MB`
  if (bytes >= 10_000) return `${Math.round(bytes / 1000)} kB`
  if (bytes >= 1000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${bytes} B`
}

export function secondsText(ms: number): string {
  // Rounded first: 119.6 s are 2 min 0 s, not 1 min 60 s.
  const [seconds, minutes] = [Math.round(ms / 1000), Math.round(ms / 60_000)]
  if (seconds >= 3600) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
  if (ms >= 90_000) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${(ms / 1000).toFixed(1)} s`
}
