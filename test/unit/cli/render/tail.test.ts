import { expect, it } from 'vitest'
import { makePaint } from '../../../../src/cli/render/paint.js'
import { widthOf } from '../../../../src/cli/render/tables.js'
import { type TailColumn, TailTable } from '../../../../src/cli/render/tail.js'

const columns: TailColumn[] = [
  { field: 'temperature', title: 'Air °C', digits: 1, width: 7 },
  { field: 'humidity', title: 'Humidity %', digits: 1, width: 10 },
  { field: 'pressure', title: 'Pressure hPa', digits: 1, width: 12 },
  { field: 'case_temperature', title: 'Case °C', digits: 1, width: 7 },
]

/** Prints ten records in a terminal whose width each record may find changed. */
function printed(widths: number[], late: number[] = [], name = 'rooftop'): string[] {
  let width = 0
  const table = new TailTable({
    columns,
    nameWidth: widthOf(name),
    utc: true,
    paint: makePaint(false),
    width: () => width,
    spark: { field: 'temperature', span: 1 },
  })
  return widths.flatMap((now, i) => {
    width = now
    const row = {
      temperature: 20 + i / 4,
      humidity: 48,
      pressure: 1013.2,
      case_temperature: 22.1,
    }
    const marks = late.includes(i) ? { late: true } : {}
    return table.record(name, Date.UTC(2026, 10, 23) + i * 2000, row, marks)
  })
}

const times = (count: number, width: number): number[] => Array(count).fill(width) as number[]

it.each([
  ['80', times(10, 80)],
  ['100', times(10, 100)],
  ['80-50-100', [...times(4, 80), ...times(3, 50), ...times(4, 100)]],
])('a table of %s columns looks so', async (name, widths) => {
  const lines = printed(widths)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
    `../../../golden/tail/course-${name}.txt`,
  )
})

it('never is wider than the terminal, marks included', () => {
  for (let width = 80; width <= 110; width++) {
    const lines = printed(times(10, width), [8, 9])
    for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(width)
    expect(lines.at(-1)).toMatch(/ late$/)
  }
})

it('has a line for a mark that has no room beside the values', () => {
  for (let width = 40; width < 80; width++) {
    const lines = printed(times(10, width), [9])
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(width)
    expect(lines.slice(-2).join()).toMatch(/ late/)
  }
})

it.each([
  ['weather-station-at-the-pier', 40],
  ['weather-station-at-the-pier', 53],
  ['weather-station-at-the-pier', 100],
  ['気象台の屋根の上の温度計', 40],
  ['気象台の屋根の上の温度計', 80],
])('shows the air of %s in %i columns, and is no wider', (name, width) => {
  const lines = printed(times(10, width), [9], name)
  for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(width)
  expect(lines.filter((line) => / 2\d\.\d/.test(line))).toHaveLength(10)
})

it('gives a long name its room back where the terminal grows', () => {
  const lines = printed([60, 45, 45, 60, 60], [], 'weather-station-at-the-pier')
  expect(lines.map((line) => line.slice(21).trimStart().split(/ {2,}/)[0])).toEqual([
    'Station',
    'weather-station-at-the-…',
    'Station',
    'weather-statio…',
    'weather-statio…',
    'Station',
    'weather-station-at-the-…',
    'weather-station-at-the-…',
  ])
})

it.each([
  [78, 0],
  [79, 3],
  [80, 4],
  [84, 7],
  [85, 8],
  [120, 8],
])('at %s columns draws %s cells', (width, cells) => {
  const line = printed(times(10, width)).at(-1) ?? ''
  expect(line.match(/[▁▂▃▄▅▆▇█]/g)?.length ?? 0).toBe(cells)
})

it.each([
  [Math.fround(1e30), '  1e+30'],
  [-123_456_789, '  -1e+8'],
  [99_999.9, '99999.9'],
])('writes a wild %s within its column', (temperature, cell) => {
  const table = new TailTable({
    columns: columns.slice(0, 1),
    nameWidth: 0,
    utc: true,
    paint: makePaint(false),
    width: () => 80,
  })
  const line = table.record('a', 0, { temperature }, {}).at(-1) ?? ''
  expect(line.slice(31)).toBe(`  ${cell}`)
})
