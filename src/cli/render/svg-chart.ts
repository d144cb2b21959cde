import type { Point } from '../../timebase/series.js'
import { padded, timeTicks, valueTicks } from './axis.js'
import { type Chart, valueRange } from './chart.js'
import { clockTexts } from './tail.js'

/** Colors that stay apart for people who see fewer (Okabe and Ito, 2008), black last. */
const colors = [
  '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000',
] // biome-ignore format: one row of colors

const width = 1200
const panelHeight = 420
const margin = { left: 72, right: 205, top: 64, bottom: 44 }
const font = "font-family=\"B612,'DejaVu Sans','Helvetica Neue',Arial,sans-serif\""

/** Panels below each other as one SVG picture: light, self-contained, fit for print. */
export function svgCharts(charts: Chart[]): string {
  const height = panelHeight * charts.length + 8
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${font} font-size="14" role="img">`,
    `<title>${escaped(charts.map(({ title }) => title).join(', '))}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...charts.flatMap((chart, i) => [
      `<g transform="translate(0 ${i * panelHeight})">`,
      ...panel(chart),
      '</g>',
    ]),
    '</svg>',
    '',
  ].join('\n')
}

function panel(chart: Chart): string[] {
  const right = width - margin.right
  const bottom = panelHeight - margin.bottom
  const range = valueRange(chart)
  const { low, high } = padded(range.low, range.high, 10 ** -chart.digits * 5)
  const x = (ms: number): number =>
    margin.left + ((ms - chart.fromMs) / (chart.toMs - chart.fromMs)) * (right - margin.left)
  const y = (value: number): number =>
    margin.top + ((high - value) / (high - low)) * (bottom - margin.top)

  const lines = [
    text(margin.left, 28, `${chart.title}, ${chart.unit}`, 'font-size="20" fill="#111"'),
    text(margin.left, 50, subtitle(chart), 'fill="#666"'),
  ]
  for (const tick of valueTicks(low, high, 8)) {
    const at = place(y(tick.value))
    lines.push(`<path d="M${margin.left} ${at}H${right}" stroke="#e3e3e3"/>`)
    lines.push(text(margin.left - 10, Number(at) + 5, tick.text, 'text-anchor="end" fill="#444"'))
  }
  for (const tick of timeTicks(chart.fromMs, chart.toMs, 9, chart.utc)) {
    const at = place(x(tick.value))
    lines.push(`<path d="M${at} ${margin.top}V${bottom}" stroke="#f0f0f0"/>`)
    lines.push(`<path d="M${at} ${bottom}v6" stroke="#888"/>`)
    lines.push(text(Number(at), bottom + 24, tick.text, 'text-anchor="middle" fill="#444"'))
  }
  lines.push(
    `<path d="M${margin.left} ${margin.top}V${bottom}H${right}" fill="none" stroke="#888"/>`,
  )
  chart.series.forEach(({ runs }, i) => {
    const color = colors[i % colors.length] ?? '#000'
    for (const run of runs) lines.push(...curve(run, x, y, color))
  })
  return [...lines, ...labels(chart, y, right)]
}

/** The mean as a line; where a step holds more, the range between its extremes as a band. */
function curve(
  run: Point[],
  x: (ms: number) => number,
  y: (value: number) => number,
  color: string,
): string[] {
  const at = ({ ms }: Point, value: number): string => `${place(x(ms))} ${place(y(value))}`
  const first = run[0]
  if (run.length === 1 && first) {
    const [cx, cy] = at(first, first.mean).split(' ')
    return [`<circle cx="${cx}" cy="${cy}" r="2" fill="${color}"/>`]
  }
  const line = run.map((point) => at(point, point.mean)).join('L')
  const drawn = `<path d="M${line}" fill="none" stroke="${color}" stroke-width="1.8" stroke-linejoin="round" stroke-linecap="round"/>`
  if (run.every(({ low, high }) => low === high)) return [drawn]
  const upper = run.map((point) => at(point, point.high))
  const lower = run.map((point) => at(point, point.low)).reverse()
  return [
    `<path d="M${[...upper, ...lower].join('L')}Z" fill="${color}" fill-opacity="0.15"/>`,
    drawn,
  ]
}

/** Heights of a label with its values below the name, and of one line: many stations share the panel. */
const [twoLines, oneLine] = [36, 14]

/** Names stand at the ends of their lines, moved apart where they would touch. */
function labels(chart: Chart, y: (value: number) => number, right: number): string[] {
  const top = margin.top + 4
  const bottom = panelHeight - margin.bottom
  const all = chart.series
    .map((series, i) => ({
      series,
      color: colors[i % colors.length] ?? '#000',
      at: y(series.last),
    }))
    .filter(({ at }) => Number.isFinite(at))
    .sort((a, b) => a.at - b.at)
  const gap = all.length <= placesFor(twoLines, top, bottom) ? twoLines : oneLine
  const places = placesFor(gap, top, bottom)
  // Of more than there is room for, the outermost and some between.
  const wanted =
    all.length <= places
      ? all
      : Array.from(
          { length: places },
          (_, i) => all[Math.round((i * (all.length - 1)) / (places - 1))] as (typeof all)[0],
        )
  let least = top
  for (const one of wanted) {
    one.at = Math.max(one.at, least)
    least = one.at + gap
  }
  // What ran out below moves up again.
  let most = bottom
  for (const one of [...wanted].reverse()) {
    one.at = Math.min(one.at, most)
    most = one.at - gap
  }
  const { digits, unit } = chart
  const more = `and ${all.length - wanted.length} more`
  return [
    ...wanted.flatMap(({ series, color, at }) => {
      const last = `${series.last.toFixed(digits)} ${unit}`
      const style = `fill="${color}" font-weight="bold"`
      if (gap === oneLine)
        return [text(right + 12, at + 1, `${series.name}  ${last}`, `${style} font-size="11"`)]
      const range = `${last}  (${series.low.toFixed(digits)} – ${series.high.toFixed(digits)})`
      return [
        text(right + 12, at + 1, series.name, style),
        text(right + 12, at + 17, range, 'fill="#555" font-size="12"'),
      ]
    }),
    ...(wanted.length < all.length
      ? [text(right + 12, bottom + 40, more, 'fill="#555" font-size="12"')]
      : []),
  ]
}

function placesFor(gap: number, top: number, bottom: number): number {
  return Math.floor((bottom - top) / gap) + 1
}

function subtitle({ fromMs, toMs, utc, series }: Chart): string {
  const from = clockTexts(fromMs, utc)
  const to = clockTexts(toMs, utc)
  const records = series.reduce((sum, one) => sum + one.records, 0)
  const end = from.day === to.day ? to.time.slice(0, 5) : `${to.day} ${to.time.slice(0, 5)}`
  const zone = utc ? ' UTC' : ''
  return `${from.day} ${from.time.slice(0, 5)} to ${end}${zone} · ${records} records`
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${place(x)}" y="${place(y)}" ${attributes}>${escaped(content)}</text>`
}

function place(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/** Names come from people and servers: what XML does not allow is left out. */
function escaped(content: string): string {
  const allowed = content.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
  return allowed
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
