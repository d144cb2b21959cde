import { Arrivals } from '../timebase/arrivals.js'
import { derive } from '../timebase/derive.js'
import { type Rhythm, suspects, Watch } from '../timebase/gaps.js'
import { type RowLine, ScannedRow } from '../timebase/row-scanner.js'
import type { RecordClass } from '../timebase/schema.js'
import type { TailEvent, TailRecord } from '../timebase/tail.js'
import { parseTemplate, type Template } from '../timebase/template.js'
import { convertUnits, measureOf, type UnitSystem } from '../timebase/units.js'
import type { Condition } from '../timebase/where.js'
import type { Context } from './context.js'
import { csvLine } from './render/csv.js'
import { harmless } from './render/harmless.js'
import {
  clockTexts,
  type Marks,
  type TailColumn,
  type TailSummary,
  TailTable,
} from './render/tail.js'
import type { KnownStation } from './stations.js'
import type { TailFlags } from './tail.js'

export interface PrinterOptions {
  /** pretty, json, csv or a template. */
  format: string
  units: UnitSystem
  known: Map<string, KnownStation>
  condition: Condition | undefined
  flags: Pick<TailFlags, 'count' | 'derived' | 'utc'>
}

type Values = Record<string, unknown>

/** Writes the events of a tail in one of its formats, and keeps count. */
export class TailPrinter {
  readonly #context: Context
  readonly #options: PrinterOptions
  readonly #template: Template | undefined
  readonly #startedMs: number
  readonly #watch = new Watch()
  readonly #arrivals = new Arrivals((symbol) => this.#watch.interval(symbol))
  readonly #count = {
    records: 0,
    gaps: 0,
    longestGapMs: 0,
    reconnects: 0,
    late: 0,
    inserted: 0,
    backwards: 0,
    suspect: 0,
    silent: 0,
  }
  #fields: string[] = []
  #table: TailTable | undefined
  #headIsDue = false
  /** Whether records hold no objects: then many are written in one go. */
  #isFlat = false
  #nowMs = 0
  #plain: Values[] = []
  /** Lines that were read as they are to be written, one behind the other. */
  #verbatim: RowLine | undefined

  constructor(context: Context, options: PrinterOptions) {
    this.#context = context
    this.#options = options
    this.#startedMs = context.system.clock.monotonic()
    const isTemplate = !['pretty', 'json', 'csv'].includes(options.format)
    if (isTemplate) this.#template = parseTemplate(options.format)
  }

  /** Learns the fields of the stream: columns of the table and of CSV. */
  describe(classes: RecordClass[]): void {
    const { known, units, flags, format } = this.#options
    const stored = [...new Set(classes.flatMap(({ fields }) => fields.map(({ name }) => name)))]
    const hasHeight = [...known.values()].some(({ heightMeters }) => heightMeters !== undefined)
    const derived = [
      ...(stored.includes('humidity') ? ['dew_point'] : []),
      ...(stored.includes('pressure') && hasHeight ? ['sea_level_pressure'] : []),
    ]
    this.#fields = flags.derived ? [...stored, ...derived] : stored
    this.#headIsDue = format === 'csv'
    this.#isFlat = classes.every(({ fields }) => fields.every(({ type }) => flatTypes.has(type)))
    if (format !== 'pretty') return
    const { terminal } = this.#context.system
    const names = [...known.values()].map(({ name }) => [...(name ?? '')].length)
    const isWeather = stored.includes('temperature')
    this.#table = new TailTable({
      columns: this.#fields
        .filter((field) => !wordy.has(field))
        .map((field) => columnOf(field, units)),
      nameWidth: Math.max(0, ...names),
      utc: flags.utc ?? false,
      paint: this.#context.paint,
      width: () => (terminal.isTerminal ? terminal.columns() : undefined),
      ...(isWeather && { spark: { field: 'temperature', span: units === 'us' ? 1.8 : 1 } }),
    })
  }

  /** Prints one batch; true when --count is met. */
  async print(events: TailEvent[]): Promise<boolean> {
    const lines: string[] = []
    let isEnough = false
    this.#nowMs = this.#context.system.clock.monotonic()
    for (const event of events) {
      if (event.type !== 'record') {
        this.#notice(event)
        continue
      }
      this.#record(event, lines)
      isEnough = this.#count.records >= (this.#options.flags.count ?? Number.POSITIVE_INFINITY)
      if (isEnough) break
    }
    this.#flush(lines)
    this.#silences(lines)
    if (lines.length > 0) await this.#context.emit(lines.join('\n'))
    return isEnough
  }

  summary(): TailSummary {
    const elapsedMs = this.#context.system.clock.monotonic() - this.#startedMs
    return { ...this.#count, stations: this.#watch.stations, elapsedMs }
  }

  #record(event: TailRecord, lines: string[]): void {
    const { units, condition, flags, known } = this.#options
    const { row, ms, live, late, inserted } = event
    const count = this.#count
    const station = known.get(row.symbol)
    // A row put behind others says nothing about the station's rhythm.
    const rhythm: Rhythm = inserted ? {} : this.#watch.observe(row.symbol, ms)
    if (!inserted) this.#arrivals.observe(row.symbol, ms, live, this.#nowMs)
    const wrong = suspects(row)
    if (rhythm.gapMs !== undefined) {
      count.gaps++
      count.longestGapMs = Math.max(count.longestGapMs, rhythm.gapMs)
    }
    if (rhythm.backMs !== undefined) count.backwards++
    if (flags.derived) derive(row, station?.heightMeters)
    convertUnits(row, units)
    if (condition && !condition(this.#named(row, station))) return
    count.records++
    if (late) count.late++
    if (inserted) count.inserted++
    if (wrong.length > 0) count.suspect++
    const isNoted = late || inserted || wrong.length > 0 || 'gapMs' in rhythm || 'backMs' in rhythm
    if (!isNoted || this.#context.options.quiet) {
      this.#write(event, unmarked, station, lines)
      return
    }
    const marks: Marks = {
      ...rhythm,
      ...(late && { late }),
      ...(inserted && { inserted, late: true }),
      ...(wrong.length > 0 && { suspects: wrong }),
    }
    this.#write(event, marks, station, lines)
  }

  #write(
    { row, ms }: TailRecord,
    marks: Marks,
    station: KnownStation | undefined,
    lines: string[],
  ): void {
    if (this.#table) {
      const shown = this.#table.record(station?.name ?? row.symbol, ms, row, marks)
      // Quiet leaves data: no head.
      lines.push(...(this.#context.options.quiet ? shown.slice(-1) : shown))
    } else if (this.#template) {
      const { day, time } = clockTexts(ms, this.#options.flags.utc ?? false)
      lines.push(this.#template(plain({ ...this.#named(row, station), time: `${day} ${time}` })))
    } else if (this.#options.format === 'csv') {
      if (this.#headIsDue) lines.push(csvLine(['timestamp', 'symbol', 'name', ...this.#fields]))
      this.#headIsDue = false
      const values = this.#fields.map((field) => row[field])
      lines.push(csvLine([row.timestamp, row.symbol, station?.name ?? '', ...values]))
    } else if (this.#isFlat && marks === unmarked && !station?.name) {
      this.#plainLine(row, lines)
    } else {
      this.#flush(lines)
      lines.push(jsonLine(row, station, marks))
    }
  }

  #plainLine(row: TailRecord['row'], lines: string[]): void {
    const { units, flags } = this.#options
    const isAsRead = units === 'metric' && !flags.derived
    const line = isAsRead ? ScannedRow.lineOf(row) : undefined
    const before = this.#verbatim
    if (line && before?.block === line.block && before.end + 1 === line.start) {
      before.end = line.end
      return
    }
    if (line || before) this.#flush(lines)
    if (line) this.#verbatim = { ...line }
    else this.#plain.push(row)
  }

  /** Plain records as one text: half the time of one by one. */
  #flush(lines: string[]): void {
    if (this.#verbatim) {
      const { block, start, end } = this.#verbatim
      lines.push(block.text.slice(start, end))
      this.#verbatim = undefined
    }
    const rows = this.#plain
    if (rows.length === 0) return
    this.#plain = []
    const parts = JSON.stringify(rows).slice(1, -1).split(seam)
    // Rows of a server that does not begin with the type have no seam.
    if (parts.length === rows.length) lines.push(parts.join(seam.replace(',', '\n')))
    else lines.push(...rows.map((row) => JSON.stringify(row)))
  }

  #named(row: Values, station: KnownStation | undefined): Values {
    return { ...row, name: station?.name ?? row.symbol }
  }

  #silences(lines: string[]): void {
    const { known } = this.#options
    for (const { symbol, lastMs, silentMs } of this.#arrivals.silences(this.#nowMs)) {
      this.#count.silent++
      if (!this.#table || this.#context.options.quiet) continue
      lines.push(this.#table.silent(known.get(symbol)?.name ?? symbol, silentMs, lastMs))
    }
  }

  #notice(event: Exclude<TailEvent, TailRecord>): void {
    const { report } = this.#context
    switch (event.type) {
      case 'following':
        this.#arrivals.begin(this.#nowMs, event.serverMs)
        return
      case 'lost': {
        this.#arrivals.lose()
        const { time } = clockTexts(event.atMs, this.#options.flags.utc ?? false)
        report({
          type: 'notice',
          notice: 'tail-lost',
          values: { at: time, reason: event.reason },
        })
        return
      }
      case 'back':
        this.#arrivals.resume(this.#nowMs)
        this.#count.reconnects++
        report({ type: 'notice', notice: 'tail-back', values: { afterMs: event.afterMs } })
        return
      case 'polling':
        report({ type: 'notice', notice: 'tail-polling', values: { reason: event.reason } })
        return
      case 'inserted':
        this.#count.inserted += event.count
        return
    }
  }
}

const unmarked: Marks = {}

/** Texts of a record as a terminal may get them: a template is for people as the table is. */
function plain(values: Values): Values {
  const entries = Object.entries(values)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? harmless(value) : value]),
  )
}

/** What stands between two flat records in JSON: inside a text its quote would be escaped. */
const seam = '},{"$type":'
const flatTypes = new Set([
  'FLOAT',
  'INTEGER',
  'BOOLEAN',
  'VARCHAR',
  'TIMESTAMP',
  'TIMEOFDAY',
  'CHAR',
])

/** Columns of station_status that would push everything else off the screen; json has them. */
const wordy = new Set(['oldest_queued', 'runtime', 'address', 'free_heap', 'reset_reason'])

const titles: Record<string, string> = {
  temperature: 'Air',
  humidity: 'Humidity',
  pressure: 'Pressure',
  case_temperature: 'Case',
  dew_point: 'Dew',
  sea_level_pressure: 'Sea level',
  boot: 'Boot',
  uptime: 'Up s',
  clock: 'Clock',
  queued: 'Queued',
  dropped: 'Dropped',
  refused: 'Refused',
  sensor_errors: 'Sensor err',
  upload_errors: 'Upload err',
  rssi: 'dBm',
  station: 'Code',
  tls: 'TLS',
  last_error: 'Last error',
}
const widths: Record<string, number> = { uptime: 8, clock: 5, tls: 8, last_error: 24, station: 8 }

function columnOf(field: string, units: UnitSystem): TailColumn {
  const measure = measureOf(field, units)
  const name = titles[field] ?? field
  const title = measure ? `${name} ${measure.unit}` : name
  const least = measure ? 7 : (widths[field] ?? 5)
  return { field, title, digits: measure?.digits, width: Math.max([...title].length, least) }
}

/** The record as the server has it, floats as numbers, with what was noticed about it. */
function jsonLine(row: Values, station: KnownStation | undefined, marks: Marks): string {
  const { gapMs, backMs, late, inserted, suspects } = marks
  const isPlain = !station?.name && !gapMs && !backMs && !late && !suspects
  if (isPlain) return JSON.stringify(row)
  return JSON.stringify({
    ...row,
    ...(station?.name && { name: station.name }),
    ...(late && { late }),
    ...(inserted && { inserted }),
    ...(gapMs && { gap_ms: gapMs }),
    ...(backMs && { back_ms: backMs }),
    ...(suspects && { suspect: suspects }),
  })
}
