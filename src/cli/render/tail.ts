import { harmless } from './harmless.js'
import type { Paint } from './paint.js'
import { sparkline } from './sparkline.js'
import { cut, secondsText, widthOf } from './tables.js'

/** One value of the table: where it comes from and how it is written. */
export interface TailColumn {
  field: string
  title: string
  /** Digits behind the point of a number; undefined for texts and whole numbers. */
  digits?: number | undefined
  width: number
}

/** What is known of one record besides its values. */
export interface Marks {
  late?: boolean
  inserted?: boolean
  gapMs?: number
  expectedMs?: number
  backMs?: number
  suspects?: readonly string[]
}

export interface TailTableOptions {
  columns: TailColumn[]
  /** Widest name of a station that is known now. */
  nameWidth: number
  utc: boolean
  paint: Paint
  /** Width of the terminal as it is now; undefined off one: nothing is left out. */
  width(): number | undefined
  /** Field whose course is drawn behind each record, and the least range of the drawing. */
  spark?: { field: string; span: number }
}

const timeWidth = 19
const [mostName, leastName] = [24, 10]
/** More shows nothing more of the last minutes; fewer than three show no course at all. */
const [mostCells, leastCells] = [8, 3]
/** Some 100 KB a column. */
const maxCells = 2000
const indent = ' '.repeat(timeWidth + 2)

/** What fits the terminal. */
interface Shape {
  width: number | undefined
  columns: TailColumn[]
  /** Cells right of the columns; undefined off a terminal, where nothing has to fit. */
  room: number | undefined
  /** Drawing of the course with the space before it, 0 where it does not fit. */
  spark: { gap: number; cells: number }
}

/** A table that scrolls: the head once, and again when the terminal's width changes it. */
export class TailTable {
  readonly #options: TailTableOptions
  readonly #courses = new Map<string, number[]>()
  readonly #names = new Map<string, string>()
  readonly #cells = new Map<string, Map<number, string>>()
  readonly #met = new Set<string>()
  #widestName: number
  #hasGrown = false
  #shape: Shape | undefined
  #nameWidth: number
  #day = ''
  #second = { at: Number.NaN, text: '' }

  constructor(options: TailTableOptions) {
    this.#options = options
    this.#widestName = Math.min(mostName, Math.max(leastName, options.nameWidth))
    this.#nameWidth = this.#widestName
  }

  /** Makes room for a name before its first record: cut short, stations may look the same. */
  meet(name: string): void {
    if (this.#met.has(name)) return
    this.#met.add(name)
    const width = Math.min(mostName, widthOf(harmless(name)))
    if (width <= this.#widestName) return
    this.#widestName = width
    this.#hasGrown = true
  }

  /** Lines of one record, with the head and the gap before it where they are due. */
  record(name: string, ms: number, row: Record<string, unknown>, marks: Marks): string[] {
    const lines = this.head()
    const { paint } = this.#options
    if (marks.gapMs !== undefined) {
      const text = `no record for ${roundText(marks.gapMs)} (expected every ${roundText(marks.expectedMs ?? 0)})`
      lines.push(this.#aside(name, paint.caution(text)))
    }
    if (marks.backMs !== undefined) {
      const text = `time goes back by ${roundText(marks.backMs)}`
      lines.push(this.#aside(name, paint.caution(text)))
    }
    const { columns, room, spark } = this.#shape as Shape
    const free = room ?? Number.POSITIVE_INFINITY
    const word = marks.late ? (marks.inserted ? 'inserted' : 'late') : ''
    const hasRoom = word.length + 1 <= free
    if (word !== '' && !hasRoom) lines.push(this.#aside(name, paint.caution(word)))
    let line = `${this.#time(ms).padEnd(timeWidth)}  ${this.#name(name)}`
    for (const column of columns) {
      const { field } = column
      const cell = this.#cell(column, row[field])
      const isSuspect = marks.suspects?.includes(field) ?? false
      line += isSuspect ? `  ${paint.bad(cell.slice(2))}` : cell
    }
    const air = word.length + 2 > free ? ' ' : '  '
    const mark = word !== '' && hasRoom ? air + word : ''
    const course = room === undefined ? '' : this.#course(name, row)
    // Where only one of both fits, the mark says more.
    if (spark.cells > 0 && (mark === '' || spark.gap + spark.cells + mark.length <= free))
      line += ' '.repeat(spark.gap) + paint.dim(mark === '' ? course : course.padEnd(spark.cells))
    if (mark !== '') line += paint.caution(mark)
    lines.push(line.trimEnd())
    return lines
  }

  /** A line about a station that is no record. */
  silent(name: string, silentMs: number, lastMs: number): string {
    const text = `silent for ${roundText(silentMs)}, last record ${this.#clockText(lastMs)}`
    return this.#aside(name, this.#options.paint.caution(text))
  }

  /** The head, where it was not printed yet or the terminal has another width now. */
  head(): string[] {
    const width = this.#options.width()
    if (this.#shape && this.#shape.width === width && !this.#hasGrown) return []
    this.#hasGrown = false
    const before = { columns: this.#shape?.columns.length, name: this.#nameWidth }
    this.#nameWidth = this.#nameFitting(width)
    this.#shape = { width, ...this.#fitting(width) }
    const { columns } = this.#shape
    if (this.#nameWidth !== before.name) this.#names.clear()
    else if (columns.length === before.columns) return []
    const zone = this.#options.utc ? 'UTC' : 'local'
    const titles = columns.map(({ title, width }) => harmless(title).padStart(width))
    const head = [`Time (${zone})`.padEnd(timeWidth), 'Station'.padEnd(this.#nameWidth), ...titles]
    return [this.#options.paint.bold(head.join('  ').trimEnd())]
  }

  /** A long name gives way to the first value, which without it would not fit. */
  #nameFitting(width: number | undefined): number {
    const first = this.#options.columns[0]
    if (width === undefined || !first) return this.#widestName
    const left = width - timeWidth - 2 - (first.width + 2)
    return Math.min(this.#widestName, Math.max(leastName, left))
  }

  /** The columns that fit: the drawing shrinks and goes first, then values from the right. */
  #fitting(width: number | undefined): Omit<Shape, 'width'> {
    const { columns, spark } = this.#options
    const none = { gap: 0, cells: 0 }
    if (width === undefined) return { columns, room: undefined, spark: none }
    let left = width - timeWidth - 2 - this.#nameWidth
    const fitting: TailColumn[] = []
    for (const column of columns) {
      if (left < column.width + 2) return { columns: fitting, room: left, spark: none }
      left -= column.width + 2
      fitting.push(column)
    }
    // Four cells right behind the values are worth more than three with air.
    const gap = left - 2 > leastCells ? 2 : 1
    const cells = Math.min(mostCells, left - gap)
    const isDrawn = spark !== undefined && cells >= leastCells
    return { columns: fitting, room: left, spark: isDrawn ? { gap, cells } : none }
  }

  #aside(name: string, text: string): string {
    return `${indent}${this.#name(name)}  ${text}`
  }

  #name(name: string): string {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const width = this.#nameWidth
    const shown = shortened(harmless(name), width)
    const text = shown + ' '.repeat(width - widthOf(shown))
    this.#names.set(name, text)
    return text
  }

  /** A value as wide as its column, with the space before it. Weather repeats its values. */
  #cell({ field, digits, width }: TailColumn, value: unknown): string {
    const isNumber = typeof value === 'number' && digits !== undefined
    if (!isNumber) {
      const text = cellText(value, digits, width)
      return ' '.repeat(2 + width - widthOf(text)) + text
    }
    const cells = this.#cells.get(field) ?? new Map<number, string>()
    this.#cells.set(field, cells)
    const known = cells.get(value)
    if (known !== undefined) return known
    const cell = `  ${cellText(value, digits, width).padStart(width)}`
    if (cells.size >= maxCells) cells.clear()
    cells.set(value, cell)
    return cell
  }

  /** Remembers a value, also while there is no room for it, and draws the last ones. */
  #course(name: string, row: Record<string, unknown>): string {
    const { spark } = this.#options
    if (!spark) return ''
    const values = this.#courses.get(name) ?? []
    this.#courses.set(name, values)
    const value = row[spark.field]
    if (typeof value === 'number') {
      values.push(value)
      if (values.length > mostCells) values.shift()
    }
    const { cells } = (this.#shape as Shape).spark
    return cells > 0 ? sparkline(values.slice(-cells), spark.span) : ''
  }

  /** The time of day; with the date where that is another one than in the line before. */
  #time(ms: number): string {
    const second = Math.floor(ms / 1000)
    // Stations share their seconds: in a long table this is half of the work saved.
    if (second === this.#second.at) return this.#second.text
    const { day, time } = clockTexts(ms, this.#options.utc)
    this.#second = { at: second, text: time }
    if (day === this.#day) return time
    this.#day = day
    return `${day} ${time}`
  }

  #clockText(ms: number): string {
    const { day, time } = clockTexts(ms, this.#options.utc)
    return day === this.#day ? time : `${day} ${time}`
  }
}

/** Date and time of day, local or UTC, as a person reads them. */
export function clockTexts(ms: number, utc: boolean): { day: string; time: string } {
  const date = new Date(ms)
  const local = utc ? date : new Date(ms - date.getTimezoneOffset() * 60_000)
  const text = local.toISOString()
  return { day: text.slice(0, 10), time: text.slice(11, 19) }
}

function cellText(value: unknown, digits: number | undefined, width: number): string {
  if (value === undefined || value === null) return '-'
  if (typeof value === 'number' && digits !== undefined) {
    const text = value.toFixed(digits)
    return text.length > width ? value.toExponential(0) : text
  }
  return shortened(harmless(String(value)), width)
}

function shortened(text: string, width: number): string {
  return widthOf(text) > width ? `${cut(text, width - 1)}…` : text
}

/** "2 s", "14 s", "1.5 s", "3 min 20 s": whole numbers without a fraction. */
export function roundText(ms: number): string {
  if (ms < 90_000) return `${Number((ms / 1000).toFixed(ms < 10_000 ? 1 : 0))} s`
  return secondsText(ms)
}

export interface TailSummary {
  records: number
  stations: number
  elapsedMs: number
  gaps: number
  longestGapMs: number
  reconnects: number
  late: number
  inserted: number
  backwards: number
  suspect: number
  silent: number
}

/** The last line: records, stations, gaps, reconnects, and what else was worth a mark. */
export function summaryText(summary: TailSummary): string {
  const { records, stations, elapsedMs, gaps, longestGapMs, reconnects } = summary
  const parts = [
    `${many(records, 'record')} from ${many(stations, 'station')} in ${roundText(elapsedMs)}`,
    `${many(gaps, 'gap')}${gaps === 0 ? '' : gaps === 1 ? ` (${roundText(longestGapMs)})` : ` (longest ${roundText(longestGapMs)})`}`,
    many(reconnects, 'reconnect'),
  ]
  if (summary.late > 0) parts.push(`${summary.late} late`)
  if (summary.inserted > 0) parts.push(`${summary.inserted} inserted behind`)
  if (summary.backwards > 0) parts.push(`${many(summary.backwards, 'step')} back in time`)
  if (summary.suspect > 0) parts.push(`${summary.suspect} suspect`)
  if (summary.silent > 0) parts.push(`${many(summary.silent, 'station')} fell silent`)
  return parts.join(' · ')
}

function many(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
