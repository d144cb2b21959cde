import { WxError } from '../errors.js'
import { derive } from '../timebase/derive.js'
import { readSeries } from '../timebase/series.js'
import { streamSchema } from '../timebase/stream.js'
import { tailSource } from '../timebase/tail-source.js'
import { convertUnits, measureOf, type UnitSystem } from '../timebase/units.js'
import type { Context, Result } from './context.js'
import { brailleChart } from './render/braille.js'
import type { Chart } from './render/chart.js'
import { svgCharts } from './render/svg-chart.js'
import { fact } from './render/tables.js'
import { type KnownStation, knownStations, noStation, stationFilter } from './stations.js'
import { checkedUnits, checkFields, derivedFields, timeOf, unknownStream } from './tail-flags.js'
import { openTimebase } from './timebase.js'

export interface PlotFlags {
  since: string
  until?: string
  field?: string[]
  output?: string
  units: string
  stream?: string
  utc?: true
}

/** Steps across a picture, and what a line of a person's terminal may hold at most. */
const pictureSteps = 900
const maxColumns = 200
const chartRows = 14

/** Reads a range, condenses it and draws it: in the terminal, or into an SVG or PNG file. */
export async function runPlot(
  context: Context,
  stations: string[],
  flags: PlotFlags,
): Promise<Result> {
  const { system, signal, settings } = context
  const nowMs = system.clock.now()
  const fromMs = timeOf('--since', flags.since, nowMs)
  const toMs = flags.until === undefined ? nowMs : timeOf('--until', flags.until, nowMs)
  if (toMs <= fromMs) throw new WxError('USAGE', '--until lies before --since.')
  const units = checkedUnits(flags.units)
  const { output } = flags
  if (output !== undefined && !/\.(svg|png)$/i.test(output)) {
    throw new WxError('USAGE', `"${output}" is neither .svg nor .png.`, {
      hint: 'Give a file name that ends in .svg or .png.',
    })
  }
  const known = await knownStations(system)
  const stream = settings.with({ stream: flags.stream }).get('stream') ?? ''
  const client = await openTimebase(context)
  const classes = await streamSchema(client, stream, signal)
  if (!classes) throw unknownStream(stream, client.url)
  const stored = classes.flatMap((one) => one.fields.map(({ name }) => name))
  const fields = [...new Set(flags.field ?? ['temperature'])]
  checkFields(fields, [...stored, ...derivedFields], stream)

  const source = tailSource(client, stream, classes, system)
  const wants = stationFilter(stations, known)
  const there = wants && (await source.symbols(signal))
  const symbols = wants && there?.filter(wants)
  if (symbols?.length === 0) throw noStation(stream, stations, there ?? [])
  const width = Math.min(maxColumns, system.terminal.columns() - 1)
  const steps = output === undefined ? width * 2 : pictureSteps
  const found = await readSeries(
    source,
    {
      fields,
      sinceMs: fromMs,
      untilMs: toMs,
      steps,
      symbols,
      prepare(row) {
        derive(row, known.get(row.symbol)?.heightMeters)
        convertUnits(row, units)
      },
    },
    signal,
  )
  const charts: Chart[] = fields.map((field) => ({
    ...axisOf(field, units),
    series: (found.get(field) ?? []).map((one) => ({ ...one, name: nameOf(one.symbol, known) })),
    fromMs,
    toMs,
    utc: flags.utc ?? false,
  }))
  const drawn = charts.filter(({ series }) => series.length > 0)
  if (drawn.length === 0) {
    throw new WxError(
      'NO_RECORD',
      `The stream "${stream}" has nothing of ${fields.join(', ')} in that time.`,
      {
        hint: 'Look further back with --since, or run `wxstation tail` to see what there is.',
      },
    )
  }
  const data = { stream, charts: fields.map((field) => chartData(field, charts, fields)) }
  if (output !== undefined) return writePicture(context, output, drawn, data)
  return {
    data,
    pretty: (paint) =>
      drawn.flatMap((chart, i) => [
        ...(i > 0 ? [''] : []),
        ...brailleChart(chart, width, chartRows, paint),
      ]),
  }
}

async function writePicture(
  { system }: Context,
  output: string,
  charts: Chart[],
  data: Record<string, unknown>,
): Promise<Result> {
  const svg = svgCharts(charts)
  const isPng = /\.png$/i.test(output)
  const bytes = isPng ? await (await import('./png.js')).pngOf(svg, system) : svg
  try {
    await system.files.write(output, bytes)
  } catch (cause) {
    throw new WxError('FILE_UNREADABLE', `${output} cannot be written.`, { cause })
  }
  // Each chart draws another field of the same records.
  const drawn = charts.map(({ series }) => series.reduce((all, one) => all + one.records, 0))
  const records = Math.max(...drawn)
  return {
    data: { ...data, file: output },
    pretty: (paint) => [`${paint.good('✔')} ${fact('Chart', `${output} · ${records} records`)}`],
  }
}

const titles: Record<string, string> = {
  temperature: 'Air temperature',
  humidity: 'Relative humidity',
  pressure: 'Pressure at the station',
  case_temperature: 'Case temperature',
  dew_point: 'Dew point',
  sea_level_pressure: 'Pressure at sea level',
}

function axisOf(field: string, units: UnitSystem): Pick<Chart, 'title' | 'unit' | 'digits'> {
  const measure = measureOf(field, units)
  const title = titles[field] ?? field
  return { title, unit: measure?.unit ?? '', digits: measure?.digits ?? 1 }
}

function nameOf(symbol: string, known: Map<string, KnownStation>): string {
  return known.get(symbol)?.name ?? symbol
}

/** Numbers of a chart for scripts: [time, mean, low, high] a step. */
function chartData(field: string, charts: Chart[], fields: string[]): Record<string, unknown> {
  const chart = charts[fields.indexOf(field)] as Chart
  return {
    field,
    unit: chart.unit,
    series: chart.series.map(({ symbol, name, records, runs }) => ({
      symbol,
      name,
      records,
      runs: runs.map((run) =>
        run.map(({ ms, mean, low, high }) => [new Date(ms).toISOString(), mean, low, high]),
      ),
    })),
  }
}
