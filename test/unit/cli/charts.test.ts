import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { pngOf } from '../../../src/cli/png.js'
import { padded, timeTicks, valueTicks } from '../../../src/cli/render/axis.js'
import { brailleChart } from '../../../src/cli/render/braille.js'
import type { Chart } from '../../../src/cli/render/chart.js'
import { makePaint } from '../../../src/cli/render/paint.js'
import { sparkline } from '../../../src/cli/render/sparkline.js'
import { svgCharts } from '../../../src/cli/render/svg-chart.js'
import { widthOf } from '../../../src/cli/render/tables.js'
import { nodeSystem } from '../../../src/system/node.js'
import type { Series } from '../../../src/timebase/series.js'

const paint = makePaint(false)
const fromMs = Date.UTC(2026, 10, 23)
const hour = 3_600_000

function series(symbol: string, values: (number | undefined)[]): Series & { name: string } {
  const runs: Series['runs'] = [[]]
  values.forEach((value, i) => {
    if (value === undefined) {
      if (runs.at(-1)?.length) runs.push([])
    } else
      runs.at(-1)?.push({ ms: fromMs + i * hour, mean: value, low: value - 0.2, high: value + 0.2 })
  })
  const known = values.filter((value) => value !== undefined)
  return {
    symbol,
    name: symbol,
    runs,
    records: known.length,
    low: Math.min(...known),
    high: Math.max(...known),
    last: known.at(-1) ?? Number.NaN,
  }
}

const day: Chart = {
  title: 'Air temperature',
  unit: '°C',
  digits: 1,
  series: [
    series(
      'roof',
      Array.from({ length: 25 }, (_, i) => 15 + 5 * Math.sin((i - 9) / 4)),
    ),
    series(
      '<cellar> & "co"',
      Array.from({ length: 25 }, (_, i) => (i > 8 && i < 14 ? undefined : 12)),
    ),
  ],
  fromMs,
  toMs: fromMs + 24 * hour,
  utc: true,
}

describe('ticks', () => {
  it.each([
    [0, 10, 5, ['0', '2', '4', '6', '8', '10']],
    [1007.7, 1011.8, 5, ['1008', '1009', '1010', '1011']],
    [21.43, 21.52, 4, ['21.45', '21.50']],
    [-0.3, 0.3, 3, ['-0.2', '0.0', '0.2']],
    [29.9, 30.1, 4, ['29.90', '29.95', '30.00', '30.05', '30.10']],
  ])('from %s to %s', (low, high, most, texts) => {
    expect(valueTicks(low, high, most).map(({ text }) => text.replace('-0.0', '0.0'))).toEqual(
      texts,
    )
  })

  it('are round, inside and not too many', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        fc.integer({ min: 2, max: 12 }),
        (low, size, most) => {
          const ticks = valueTicks(low, low + size, most)
          expect(ticks.length).toBeLessThanOrEqual(most + 1)
          for (const { value } of ticks) {
            expect(value).toBeGreaterThanOrEqual(low - size * 1e-6)
            expect(value).toBeLessThanOrEqual(low + size * 1.000001)
          }
        },
      ),
    )
  })

  it('of a day are hours, with the date at midnight', () => {
    expect(timeTicks(fromMs, fromMs + 24 * hour, 9, true).map(({ text }) => text)).toEqual([
      '11-23',
      '03:00',
      '06:00',
      '09:00',
      '12:00',
      '15:00',
      '18:00',
      '21:00',
      '11-24',
    ])
  })

  it.each([
    // The clock goes back on the 25th of October, forward on the 29th of March (2026).
    ['2026-10-24T12:00+02:00', '2026-10-26T12:00+01:00', ['10-25', '10-26']],
    ['2026-03-28T12:00+01:00', '2026-03-30T12:00+02:00', ['03-29', '03-30']],
    ['2026-10-24T12:00+02:00', '2026-10-31T12:00+01:00', ['10-25', '10-31']],
    ['2026-10-25T00:30+02:00', '2026-10-25T06:30+01:00', ['01:00', '06:00']],
    ['2026-03-29T00:30+01:00', '2026-03-29T06:30+02:00', ['01:00', '06:00']],
    ['2026-10-25T02:10+02:00', '2026-10-25T02:50+01:00', ['02:15', '02:45']],
  ])('from %s to %s stand where a clock shows them', (from, to, texts) => {
    const zone = process.env.TZ
    process.env.TZ = 'Europe/Berlin'
    onTestFinished(() => {
      process.env.TZ = zone
    })
    const ticks = timeTicks(Date.parse(from), Date.parse(to), 9, false)
    expect(ticks.map(({ text }) => text)).toEqual(expect.arrayContaining(texts))
    for (const { value, text } of ticks) {
      const [, month, date, time] = /^\d+-(\d+)-(\d+) (\d+:\d+)/.exec(
        new Date(value).toLocaleString('sv'),
      ) as unknown as [string, string, string, string]
      expect(text).toBe(time === '00:00' ? `${month}-${date}` : time)
    }
    const values = ticks.map(({ value }) => value)
    expect(values).toEqual([...new Set(values)].sort((a, b) => a - b))
  })

  it.each([60_000, hour, 100 * hour, 10_000 * hour, 200_000 * hour])('of %s ms are few', (span) => {
    const ticks = timeTicks(fromMs + 1234, fromMs + 1234 + span, 9, true)
    expect(ticks.length).toBeGreaterThan(0)
    expect(ticks.length).toBeLessThanOrEqual(24)
  })

  it('stand in a range even where all values are one', () => {
    expect(padded(5, 5, 1)).toEqual({ low: 4.5, high: 5.5 })
    expect(padded(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1)).toEqual({
      low: 0,
      high: 1,
    })
  })
})

describe('the chart of a terminal', () => {
  it('looks as it should', async () => {
    const text = `${brailleChart(day, 80, 12, paint).join('\n')}\n`
    await expect(text).toMatchFileSnapshot('../../golden/plot/terminal.txt')
  })

  it.each([20, 40, 80, 200])('fits %s columns', (width) => {
    for (const line of brailleChart(day, width, 10, paint).slice(0, -2))
      expect(widthOf(line)).toBeLessThanOrEqual(Math.max(width, 22))
  })
})

describe('the picture', () => {
  it('looks as it should', async () => {
    await expect(svgCharts([day])).toMatchFileSnapshot('../../golden/plot/day.svg')
  })

  it('is the same PNG with its letters, whatever fonts the computer has', async () => {
    const { files, ...system } = nodeSystem()
    const bare = {
      ...system,
      files: {
        ...files,
        read: async (path: string) =>
          /^(\/usr\/share\/fonts|\/System|C:)/.test(path) ? undefined : files.read(path),
      },
    }
    const svg = svgCharts([{ ...day, series: day.series.slice(0, 1) }])
    const png = Buffer.from(await pngOf(svg, bare))
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2400, 856])
    expect(png.equals(Buffer.from(await pngOf(svg, { ...system, files })))).toBe(true)
    // Every letter that a chart writes by itself is in the font.
    for (const letter of '0123456789:-–−·°C%hPam/sTemperaturX') {
      const one = `<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" font-family="B612"><text x="2" y="15">${letter}</text></svg>`
      const blank = one.replace(`>${letter}<`, '><')
      const drawn = Buffer.from(await pngOf(one, bare))
      expect(drawn.equals(Buffer.from(await pngOf(blank, bare))), letter).toBe(false)
    }
  })

  it.each([
    [1, 1, ''],
    [9, 9, ''],
    [10, 10, ''],
    [23, 23, ''],
    [24, 23, 'and 1 more'],
    [300, 23, 'and 277 more'],
  ])('of %i stations names %i in its panel', (count, named, more) => {
    const many = Array.from({ length: count }, (_, i) => series(`s${i}-`, [i, i + 1, i]))
    const svg = svgCharts([day, { ...day, series: many }])
    const labels = [...svg.matchAll(/<text x="1007" y="([-\d.]+)".*?>(s\d+-|and)/g)]
    const names = labels.filter(([, , name]) => name !== 'and')
    expect(names).toHaveLength(named)
    expect(names.map(([, , name]) => name)).toContain('s0-')
    expect(names.map(([, , name]) => name)).toContain(`s${count - 1}-`)
    const ys = names.map(([, at]) => Number(at))
    for (const at of ys) expect(at > 60 && at < 380, String(at)).toBe(true)
    for (const [i, at] of ys.slice(1).entries()) expect(at - (ys[i] ?? 0)).toBeGreaterThan(11)
    expect(svg.includes('more</text>')).toBe(more !== '')
    expect(svg).toContain(more)
  })

  it('breaks its line at a gap and escapes names', () => {
    const svg = svgCharts([day])
    expect(svg).toContain('&lt;cellar&gt; &amp; &quot;co&quot;')
    expect(svg).not.toContain('NaN')
    expect(svg.match(/stroke-width="1.8"/g)?.length).toBe(3)
  })
})

describe('sparklines', () => {
  it.each([
    [[], ''],
    [[20], '▅'],
    [[20, 20.1, 19.9], '▅▅▄'],
    [[0, 1, 2, 3, 4, 5, 6, 7], '▁▂▃▄▅▆▇█'],
    [[10, 0], '█▁'],
  ])('%j', (values, text) => expect(sparkline(values, 1)).toBe(text))
})
