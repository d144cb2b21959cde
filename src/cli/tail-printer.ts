import { WxError } from '../errors.js'
import { Arrivals } from '../timebase/arrivals.js'
import { derive } from '../timebase/derive.js'
import { type Rhythm, statusMs, suspects, told, Watch } from '../timebase/gaps.js'
import { type RecordClass, statusSchema } from '../timebase/schema.js'
import type { TailEvent, TailRecord } from '../timebase/tail.js'
import { parseTemplate, type Template } from '../timebase/template.js'
import { convertUnits, type UnitSystem } from '../timebase/units.js'
import type { Condition } from '../timebase/where.js'
import type { Context } from './context.js'
import { csvLine } from './render/csv.js'
import { harmless } from './render/harmless.js'
import { widthOf } from './render/tables.js'
import { clockTexts, type Marks, type TailSummary, TailTable } from './render/tail.js'
import type { KnownStation } from './stations.js'
import type { TailFlags } from './tail.js'
import { tailColumns } from './tail-columns.js'
import { checkFields, derivedFields } from './tail-flags.js'
import { TailLines } from './tail-lines.js'

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
  #watch = new Watch()
  #isStatus = false
  readonly #arrivals = new Arrivals(
    (symbol) => this.#watch.interval(symbol) ?? (this.#isStatus ? statusMs : undefined),
  )
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
  readonly #lines = new TailLines()
  readonly #stations = new Set<string>()

  constructor(context: Context, options: PrinterOptions) {
    this.#context = context
    this.#options = options
    this.#startedMs = context.system.clock.monotonic()
    const { format } = options
    if (['pretty', 'json', 'csv'].includes(format)) return
    // A bare word as a template would be written for each record.
    if (/^\w*$/.test(format))
      throw new WxError('USAGE', `"${format}" is no format.`, {
        hint: "Give pretty, json, csv, or a template such as '{time} {name} {temperature:1}'.",
      })
    this.#template = parseTemplate(format)
  }

  /** Learns the fields of the stream: columns of the table and of CSV, and what may be named. */
  describe(stream: string, classes: RecordClass[]): void {
    const { known, units, flags, format, condition } = this.#options
    const stored = [...new Set(classes.flatMap(({ fields }) => fields.map(({ name }) => name)))]
    const hasHeight = [...known.values()].some(({ heightMeters }) => heightMeters !== undefined)
    const derived = [
      ...(stored.includes('humidity') ? ['dew_point'] : []),
      ...(stored.includes('pressure') && hasHeight ? ['sea_level_pressure'] : []),
    ]
    this.#fields = flags.derived ? [...stored, ...derived] : stored
    const named = [...stored, 'name', 'symbol', 'timestamp', '$type']
    const there = flags.derived ? [...named, ...derivedFields] : named
    checkFields(condition?.fields ?? [], there, stream)
    checkFields(this.#template?.fields ?? [], [...there, 'time'], stream)
    this.#isStatus = classes.some(({ name }) => name === statusSchema.classes[0]?.name)
    if (this.#isStatus) this.#watch = new Watch(told)
    this.#headIsDue = format === 'csv'
    this.#isFlat = classes.every(({ fields }) => fields.every(({ type }) => flatTypes.has(type)))
    if (format !== 'pretty') return
    const { terminal } = this.#context.system
    const names = [...known.values()].map(({ name }) => widthOf(name ?? ''))
    const isWeather = stored.includes('temperature')
    this.#table = new TailTable({
      columns: tailColumns(this.#fields, units),
      nameWidth: Math.max(0, ...names),
      utc: flags.utc ?? false,
      paint: this.#context.paint,
      width: () => (terminal.isTerminal ? terminal.columns() : undefined),
      ...(isWeather && { spark: { field: 'temperature', span: units === 'us' ? 1.8 : 1 } }),
    })
  }

  /** Prints one batch; true when --count is met. */
  async print(events: TailEvent[]): Promise<boolean> {
    let isEnough = false
    this.#nowMs = this.#context.system.clock.monotonic()
    if (this.#table)
      for (const event of events)
        if (event.type === 'record') this.#table.meet(this.#nameOf(event.row.symbol))
    for (const event of events) {
      if (event.type !== 'record') {
        this.#notice(event)
        continue
      }
      this.#record(event)
      isEnough = this.#count.records >= (this.#options.flags.count ?? Number.POSITIVE_INFINITY)
      if (isEnough) break
    }
    this.#silences()
    await this.#lines.emit(this.#context.emit)
    return isEnough
  }

  summary(): TailSummary {
    const elapsedMs = this.#context.system.clock.monotonic() - this.#startedMs
    return { ...this.#count, stations: this.#stations.size, elapsedMs }
  }

  #record(event: TailRecord): void {
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
    this.#stations.add(row.symbol)
    if (late) count.late++
    if (inserted) count.inserted++
    if (wrong.length > 0) count.suspect++
    const isNoted = late || inserted || wrong.length > 0 || 'gapMs' in rhythm || 'backMs' in rhythm
    if (!isNoted || this.#context.options.quiet) {
      this.#write(event, unmarked, station)
      return
    }
    const marks: Marks = {
      ...rhythm,
      ...(late && { late }),
      ...(inserted && { inserted, late: true }),
      ...(wrong.length > 0 && { suspects: wrong }),
    }
    this.#write(event, marks, station)
  }

  #write({ row, ms }: TailRecord, marks: Marks, station: KnownStation | undefined): void {
    const { format, units, flags } = this.#options
    const lines = this.#lines
    if (this.#table) {
      const shown = this.#table.record(station?.name ?? row.symbol, ms, row, marks)
      // Quiet leaves data: no head.
      lines.push(...(this.#context.options.quiet ? shown.slice(-1) : shown))
    } else if (this.#template) {
      const { day, time } = clockTexts(ms, flags.utc ?? false)
      lines.push(this.#template(plain({ ...this.#named(row, station), time: `${day} ${time}` })))
    } else if (format === 'csv') {
      if (this.#headIsDue) lines.push(csvLine(['timestamp', 'symbol', 'name', ...this.#fields]))
      this.#headIsDue = false
      const values = this.#fields.map((field) => row[field])
      lines.push(csvLine([row.timestamp, row.symbol, station?.name ?? '', ...values]))
    } else if (this.#isFlat && marks === unmarked && !station?.name) {
      lines.record(row, units === 'metric' && !flags.derived)
    } else {
      lines.push(jsonLine(row, station, marks))
    }
  }

  #nameOf(symbol: string): string {
    return this.#options.known.get(symbol)?.name ?? symbol
  }

  #named(row: Values, station: KnownStation | undefined): Values {
    return { ...row, name: station?.name ?? row.symbol }
  }

  #silences(): void {
    const { known } = this.#options
    for (const { symbol, lastMs, silentMs } of this.#arrivals.silences(this.#nowMs)) {
      this.#count.silent++
      if (!this.#table || this.#context.options.quiet) continue
      this.#lines.push(this.#table.silent(known.get(symbol)?.name ?? symbol, silentMs, lastMs))
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

const flatTypes = new Set([
  'FLOAT',
  'INTEGER',
  'BOOLEAN',
  'VARCHAR',
  'TIMESTAMP',
  'TIMEOFDAY',
  'CHAR',
])

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
