import { padded, timeTicks, valueTicks } from './axis.js'
import { type Chart, valueRange } from './chart.js'
import type { Paint } from './paint.js'

/** Dots of a braille cell by column and row (Unicode 10.0, block U+2800). */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
]

const paints = ['accent', 'caution', 'good', 'bad', 'bold', 'dim'] as const

/** A chart in braille dots, 2 by 4 a cell: `width` columns, `rows` rows of plot and three of text. */
export function brailleChart(chart: Chart, width: number, rows: number, paint: Paint): string[] {
  const range = valueRange(chart)
  const { low, high } = padded(range.low, range.high, 10 ** -chart.digits * 5)
  const ticks = valueTicks(low, high, Math.max(2, Math.floor(rows / 3)))
  const labelWidth = Math.max(...ticks.map(({ text }) => text.length), 3)
  const columns = Math.max(10, width - labelWidth - 2)
  const canvas = new Canvas(columns, rows)
  const x = (ms: number): number =>
    ((ms - chart.fromMs) / (chart.toMs - chart.fromMs)) * (columns * 2 - 1)
  const y = (value: number): number => ((high - value) / (high - low)) * (rows * 4 - 1)

  chart.series.forEach(({ runs }, index) => {
    for (const run of runs) {
      run.forEach((point, i) => {
        const next = run[i + 1] ?? point
        canvas.line(x(point.ms), y(point.mean), x(next.ms), y(next.mean), index)
      })
    }
  })

  const rowOf = (value: number): number => Math.round(y(value) / 4 - 0.5)
  const labels = new Map(ticks.map(({ value, text }) => [rowOf(value), text]))
  const lines = [paint.bold(`${chart.title}, ${chart.unit}`)]
  for (let row = 0; row < rows; row++) {
    const label = (labels.get(row) ?? '').padStart(labelWidth)
    const axis = labels.has(row) ? '┤' : '│'
    lines.push(`${paint.dim(`${label} ${axis}`)}${canvas.row(row, paint).trimEnd()}`)
  }
  lines.push(paint.dim(`${' '.repeat(labelWidth + 1)}└${'─'.repeat(columns)}`))
  lines.push(paint.dim(timeLine(chart, columns, labelWidth + 2)))
  return [...lines, ...legend(chart, paint)]
}

function timeLine(chart: Chart, columns: number, indent: number): string {
  const ticks = timeTicks(chart.fromMs, chart.toMs, Math.floor(columns / 9), chart.utc)
  let line = ''
  for (const { value, text } of ticks) {
    const at = Math.round(((value - chart.fromMs) / (chart.toMs - chart.fromMs)) * (columns - 1))
    const start = indent + Math.max(0, at - Math.floor(text.length / 2))
    if (start < line.length + 1 || start + text.length > indent + columns) continue
    line = line.padEnd(start) + text
  }
  return line
}

function legend({ series, digits, unit }: Chart, paint: Paint): string[] {
  return series.map(({ name, low, high, last, records }, i) => {
    const mark = paint[paints[i % paints.length] ?? 'accent']('●')
    const value = (number: number): string => number.toFixed(digits)
    return `${mark} ${name}  ${value(last)} ${unit} now, ${value(low)} to ${value(high)}, ${records} records`
  })
}

class Canvas {
  readonly #cells: Uint8Array
  readonly #owners: Int16Array
  readonly #columns: number
  readonly #rows: number

  constructor(columns: number, rows: number) {
    this.#columns = columns
    this.#rows = rows
    this.#cells = new Uint8Array(columns * rows)
    this.#owners = new Int16Array(columns * rows).fill(-1)
  }

  line(x0: number, y0: number, x1: number, y1: number, owner: number): void {
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))))
    for (let i = 0; i <= steps; i++) {
      this.#dot(x0 + ((x1 - x0) * i) / steps, y0 + ((y1 - y0) * i) / steps, owner)
    }
  }

  #dot(x: number, y: number, owner: number): void {
    const column = Math.round(x)
    const row = Math.round(y)
    if (column < 0 || row < 0 || column >= this.#columns * 2 || row >= this.#rows * 4) return
    const cell = (row >> 2) * this.#columns + (column >> 1)
    this.#cells[cell] = (this.#cells[cell] ?? 0) | (dots[column & 1]?.[row & 3] ?? 0)
    this.#owners[cell] = owner
  }

  row(row: number, paint: Paint): string {
    let text = ''
    for (let column = 0; column < this.#columns; column++) {
      const cell = row * this.#columns + column
      const bits = this.#cells[cell] ?? 0
      const owner = this.#owners[cell] ?? -1
      const glyph = bits === 0 ? ' ' : String.fromCharCode(0x2800 + bits)
      text += owner < 0 ? glyph : paint[paints[owner % paints.length] ?? 'accent'](glyph)
    }
    return text
  }
}
