import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { TimebaseClient } from './client.js'
import { Outage } from './outage.js'
import { readForward } from './pages.js'
import { floatsOf } from './rows.js'
import type { RecordClass, StreamRecord } from './schema.js'
import { lastRecord } from './stream.js'
import { parseTimestamp } from './times.js'
import { type RefusedRecord, type WriteMode, writeRecords } from './write.js'

/** What a file holds, found out before anything is written. */
export interface ImportPlan {
  records: number
  symbols: string[]
  /** Epoch milliseconds; undefined where there is no record. */
  first: number | undefined
  last: number | undefined
}

export interface Imported {
  stored: number
  /** Were in the stream already. */
  present: number
  refused: number
  /** The first ones that were refused: a list of a million helps nobody. */
  reasons: RefusedRecord[]
}

interface Batch {
  stored: number
  present: number
  refused: RefusedRecord[]
}

/** Fast (72,000 records/s where measured), and small enough to compare in memory. */
export const batchSize = 5000
/** The most that a write takes without harm. */
const maxBatch = 20_000
const maxReasons = 10

/** Reads everything once, so that a bad line is found before the first record is written. */
export async function planImport(records: AsyncIterable<StreamRecord>): Promise<ImportPlan> {
  const symbols = new Set<string>()
  const plan: ImportPlan = { records: 0, symbols: [], first: undefined, last: undefined }
  for await (const record of records) {
    const ms = parseTimestamp(record.timestamp) ?? 0
    plan.records++
    plan.first = Math.min(plan.first ?? ms, ms)
    plan.last = Math.max(plan.last ?? ms, ms)
    symbols.add(record.symbol)
  }
  plan.symbols = [...symbols].sort()
  return plan
}

/**
 * Writes what the stream does not hold yet, so that running it again finishes the job and changes
 * nothing more. Newer records are appended, older ones inserted in order of time.
 */
export async function applyImport(
  client: TimebaseClient,
  stream: string,
  records: AsyncIterable<StreamRecord>,
  context: {
    classes: RecordClass[]
    plan: ImportPlan
    system: Pick<System, 'clock'>
    report: Report
    signal?: AbortSignal | undefined
  },
): Promise<Imported> {
  const { classes, plan, system, report, signal } = context
  const startedMs = system.clock.monotonic()
  const target: Target = { client, stream, classes, clock: system.clock, signal, lasts: new Map() }
  const result: Imported = { stored: 0, present: 0, refused: 0, reasons: [] }
  let done = 0
  for await (const batch of batches(records)) {
    const { stored, present, refused } = await importBatch(target, batch)
    result.stored += stored
    result.present += present
    result.refused += refused.length
    result.reasons.push(...refused.slice(0, maxReasons - result.reasons.length))
    done += batch.length
    report({ type: 'progress', stage: 'import', done, total: plan.records, unit: 'records' })
  }
  const { stored, present, refused } = result
  const values = { stored, present, refused }
  const elapsedMs = system.clock.monotonic() - startedMs
  report({ type: 'done', stage: 'import', elapsedMs, values })
  return result
}

interface Target {
  client: TimebaseClient
  stream: string
  classes: RecordClass[]
  clock: System['clock']
  signal: AbortSignal | undefined
  /** Time of each symbol's newest record; undefined where it has none. Such texts sort as times do. */
  lasts: Map<string, string | undefined>
}

async function importBatch(target: Target, batch: StreamRecord[]): Promise<Batch> {
  const outage = new Outage(target.clock)
  const refused: RefusedRecord[] = []
  // The mode of each record is chosen before the first is sent: APPEND wants them in order.
  const ordered = batch.toSorted(byTime)
  let missing: StreamRecord[] | undefined
  let present = 0
  let isUnsure = false
  while (true) {
    try {
      if (missing === undefined) {
        missing = await missingRecords(target, ordered, outage)
        present = batch.length - missing.length
      }
      // A batch whose answer was lost is compared with the stream, and what is missing sent again.
      if (isUnsure) missing = await missingAgain(target, missing, outage)
      isUnsure = false
      for (const mode of ['INSERT', 'APPEND'] as const) {
        const part: StreamRecord[] = missing.filter((record) => modeFor(target, record) === mode)
        const written = await writePart(target, part, mode, outage)
        refused.push(...written.refused)
        present += written.present
        // What was stored is not sent again when the other half of the batch fails.
        const sent = new Set(part)
        missing = missing.filter((record) => !sent.has(record))
        for (const record of part) raise(target, record)
      }
      return { stored: batch.length - present - refused.length, present, refused }
    } catch (error) {
      await outage.outlast(error, target.signal)
      isUnsure = missing !== undefined
    }
  }
}

/**
 * Writes records of one mode. Where a station wrote meanwhile, APPEND refuses what lies before its
 * record: that is inserted, unless it was this very record that the station wrote.
 */
async function writePart(
  target: Target,
  part: StreamRecord[],
  mode: WriteMode,
  outage: Outage,
): Promise<Omit<Batch, 'stored'>> {
  const { client, stream, signal } = target
  const { refused } = await writeRecords(client, stream, part, mode, signal)
  if (!refused.some(({ kind }) => kind === 'late')) return { present: 0, refused }
  // The server does not say which ones it refused, and in another mode it may refuse none.
  const left = await missingAgain(target, part, outage)
  const again = await writeRecords(client, stream, left, 'INSERT', signal)
  return { present: refused.length - left.length, refused: again.refused }
}

function missingAgain(
  target: Target,
  records: StreamRecord[],
  outage: Outage,
): Promise<StreamRecord[]> {
  for (const { symbol } of records) target.lasts.delete(symbol)
  return missingRecords(target, records, outage)
}

function modeFor({ lasts }: Target, record: StreamRecord): WriteMode {
  const last = lasts.get(record.symbol)
  return last !== undefined && record.timestamp < last ? 'INSERT' : 'APPEND'
}

function raise({ lasts }: Target, { symbol, timestamp }: StreamRecord): void {
  const last = lasts.get(symbol)
  if (last === undefined || timestamp > last) lasts.set(symbol, timestamp)
}

function byTime(a: StreamRecord, b: StreamRecord): number {
  return a.timestamp < b.timestamp ? -1 : Number(a.timestamp > b.timestamp)
}

/** Records of a batch, in order, that the stream lacks; reads no more than the batch's own time. */
async function missingRecords(
  target: Target,
  batch: StreamRecord[],
  outage: Outage,
): Promise<StreamRecord[]> {
  if (batch.length === 0) return batch
  const { client, stream, lasts, signal } = target
  for (const symbol of new Set(batch.map((record) => record.symbol))) {
    if (lasts.has(symbol)) continue
    const last = await lastRecord(client, stream, symbol, signal)
    lasts.set(symbol, last?.timestamp)
  }
  // Whatever the last record's time: a station that sends its queue meanwhile writes the same ones.
  const counts = await storedCounts(target, batch, outage)
  return batch.filter((record) => {
    const key = valueKey(record, target.classes)
    const count = counts.get(key) ?? 0
    if (count > 0) counts.set(key, count - 1)
    return count === 0
  })
}

async function storedCounts(
  target: Target,
  batch: StreamRecord[],
  outage: Outage,
): Promise<Map<string, number>> {
  const { client, stream, classes, signal } = target
  const counts = new Map<string, number>()
  const selection = {
    symbols: [...new Set(batch.map(({ symbol }) => symbol))],
    from: parseTimestamp(batch[0]?.timestamp ?? ''),
    to: parseTimestamp(batch.at(-1)?.timestamp ?? ''),
    floats: floatsOf(classes),
    signal,
  }
  const wanted = new Set(batch.map((record) => valueKey(record, classes)))
  for await (const { records } of readForward(client, stream, selection, outage.part())) {
    for (const record of records) {
      const key = valueKey(record, classes)
      if (wanted.has(key)) counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return counts
}

/** Two records with the same key are the same record, as far as the stream can store them. */
function valueKey(
  { symbol, timestamp, type, fields }: StreamRecord,
  classes: RecordClass[],
): string {
  const found = classes.find(({ name }) => name === type)
  const values = (found?.fields ?? []).map(({ name, encoding, isStatic }) => {
    // The server's own value, which another file may lack.
    if (isStatic) return null
    const value = fields[name] ?? null
    return typeof value === 'number' && encoding === 'IEEE32' ? Math.fround(value) : value
  })
  return JSON.stringify([symbol, timestamp, type, values])
}

/**
 * Records of one time stay in one batch: a record that a station sent twice is in the stream twice,
 * and the second one is no leftover of an earlier batch.
 */
async function* batches(records: AsyncIterable<StreamRecord>): AsyncGenerator<StreamRecord[]> {
  let batch: StreamRecord[] = []
  for await (const record of records) {
    const isSameTime = batch.at(-1)?.timestamp === record.timestamp
    if (batch.length >= (isSameTime ? maxBatch : batchSize)) {
      yield batch
      batch = []
    }
    batch.push(record)
  }
  if (batch.length > 0) yield batch
}
