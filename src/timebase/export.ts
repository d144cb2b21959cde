import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { fileError, WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { TimebaseClient } from './client.js'
import { Outage } from './outage.js'
import { type Page, type PageCursor, readForward } from './pages.js'
import { type ParquetState, parquetEncoder } from './parquet-encoder.js'
import { textEncoder } from './record-encoder.js'
import { columnsOf, type FileFormat } from './record-file.js'
import { floatsOf } from './rows.js'
import type { RecordClass } from './schema.js'
import { streamRange, streamSchema } from './stream.js'

export interface ExportOptions {
  stream: string
  symbols?: string[] | undefined
  /** Inclusive, epoch milliseconds. */
  from?: number | undefined
  to?: number | undefined
  /** The range in the user's words: "7d" means another time in each run, and the same export. */
  asked?: { since?: string | undefined; until?: string | undefined }
  /** Whether a file that is there already goes. */
  replaces?: boolean | undefined
  signal?: AbortSignal | undefined
}

export interface Exported {
  records: number
  bytes: number
  /** Records that an earlier, interrupted run had written already. */
  resumedAt: number
}

/** What stands beside an unfinished file: where it was, and what it was made from. */
interface Progress {
  key: string
  /** The range as the first run understood it. */
  from?: number | undefined
  to?: number | undefined
  records: number
  bytes: number
  cursor: PageCursor
  /** What the encoder needs to go on, as v8 serializes it, in base64. */
  encoder?: string | undefined
}

/** Often enough to lose little, seldom enough not to slow a fast read; a group of Parquet's rows. */
const saveEveryRecords = 50_000

export type ExportFormat = FileFormat | 'parquet'

/** Sends every record of a range as text pieces to `write`. Answers how many there were. */
export async function exportTo(
  client: TimebaseClient,
  options: ExportOptions & { format: FileFormat },
  system: Pick<System, 'clock'>,
  report: Report,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  const classes = await classesOf(client, options)
  const encoder = textEncoder(options.format, columnsOf(classes))
  await write(encoder.head())
  let done = 0
  for await (const { records } of readRange(client, options, classes, system, report)) {
    await write(encoder.add(records))
    done += records.length
  }
  return done
}

/**
 * Writes a range into a file. The file appears when it is whole; until then `<path>.part` grows,
 * and an interrupted export of the same range goes on where its part ends.
 */
export async function exportToFile(
  client: TimebaseClient,
  path: string,
  options: ExportOptions & { format: ExportFormat },
  system: Pick<System, 'clock' | 'files'>,
  report: Report,
): Promise<Exported> {
  const { files } = system
  const startedMs = system.clock.monotonic()
  const classes = await classesOf(client, options)
  const part = `${path}.part`
  const state = `${path}.part.json`
  const key = exportKey(client, options, classes)
  return lockedFile(files, path, async (lost) => {
    // Looked at only now: another export may have made it while this one waited for its turn.
    if (!options.replaces && (await files.stat(path))) throw existsError(path)
    const signal = AbortSignal.any([lost, ...(options.signal ? [options.signal] : [])])
    const before = await resumable(files, part, state, key)
    const { from, to } = before ?? options
    const range = { ...options, from, to, signal }
    // A duration ago is another time by now; half a file of each would be neither.
    if (from !== options.from || to !== options.to)
      report({
        type: 'notice',
        notice: 'export-range-kept',
        values: { ...(from !== undefined && { from }), ...(to !== undefined && { to }) },
      })
    // What another export noted would be believed of the part that is begun here.
    if (!before) await files.remove(state)
    const encoder =
      options.format === 'parquet'
        ? await parquetEncoder(classes, before)
        : textEncoder(options.format, columnsOf(classes))
    const file = await files.open(part, before ? 'r+' : 'w')
    const done: Exported = {
      records: before?.records ?? 0,
      bytes: before?.bytes ?? 0,
      resumedAt: before?.records ?? 0,
    }
    try {
      await file.truncate(done.bytes)
      const append = async (bytes: Uint8Array): Promise<void> => {
        lost.throwIfAborted()
        await writeAll(file, bytes, done.bytes)
        done.bytes += bytes.length
      }
      if (!before) await append(encoder.head())
      let savedRecords = done.records
      let cursor = before?.cursor
      // Rows that the encoder counts and the disk did not take: only an older note is true then.
      let isTorn = false
      const save = async (): Promise<void> => {
        if (!cursor || isTorn) return
        const rows = encoder.flush()
        isTorn = rows.length > 0
        await append(rows)
        isTorn = false
        await file.datasync()
        const { records, bytes } = done
        const encoded = serialize(encoder.state()).toString('base64')
        const progress: Progress = { key, from, to, records, bytes, cursor, encoder: encoded }
        await files.write(state, JSON.stringify(progress))
        savedRecords = done.records
      }
      try {
        for await (const page of readRange(client, range, classes, system, report, before)) {
          await append(encoder.add(page.records))
          done.records += page.records.length
          cursor = page.cursor
          if (done.records - savedRecords >= saveEveryRecords) await save()
        }
      } catch (error) {
        // The part is another export's by now.
        lost.throwIfAborted()
        // A full disk has room for the note once half a piece is off it; why it stopped is said.
        await file
          .truncate(done.bytes)
          .then(save)
          .catch(() => {})
        throw error
      }
      await append(encoder.flush())
      await append(encoder.end())
      await file.datasync()
    } finally {
      await file.close()
    }
    await files.rename(part, path)
    await files.remove(state)
    const elapsedMs = system.clock.monotonic() - startedMs
    report({ type: 'done', stage: 'export', elapsedMs, values: { ...done, path } })
    return done
  })
}

/** The records of a range, page by page, with their progress reported. */
async function* readRange(
  client: TimebaseClient,
  options: ExportOptions,
  classes: RecordClass[],
  { clock }: Pick<System, 'clock'>,
  report: Report,
  before?: Pick<Progress, 'records' | 'cursor'>,
): AsyncGenerator<Page> {
  const { stream, signal } = options
  const range = await streamRange(client, stream, signal)
  const start = Math.max(options.from ?? Number.NEGATIVE_INFINITY, range?.start ?? 0)
  const end = Math.min(options.to ?? Number.POSITIVE_INFINITY, range?.end ?? 0)
  let done = before?.records ?? 0
  const selection = { ...options, floats: floatsOf(classes) }
  const outage = new Outage(clock)
  for await (const page of readForward(client, stream, selection, outage, before?.cursor)) {
    done += page.records.length
    yield page
    const share = end > start ? (page.cursor.time - start) / (end - start) : 1
    report({ type: 'progress', stage: 'export', done, total: 0, unit: 'records', share })
  }
}

async function classesOf(
  client: TimebaseClient,
  { stream, signal }: ExportOptions,
): Promise<RecordClass[]> {
  const classes = await streamSchema(client, stream, signal)
  if (classes) return classes
  throw new WxError('STREAM_UNKNOWN', `There is no stream "${stream}" on ${client.url}.`)
}

/** Two exports with the same key write the same file, as far as records do not change. */
function exportKey(
  client: TimebaseClient,
  options: ExportOptions & { format: ExportFormat },
  classes: RecordClass[],
): string {
  const { stream, format, symbols, asked } = options
  const since = asked?.since ?? options.from ?? null
  const until = asked?.until ?? options.to ?? null
  const parts = [client.url, stream, format, symbols ?? null, since, until, classes]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

async function resumable(
  files: System['files'],
  part: string,
  state: string,
  key: string,
): Promise<(Progress & { state: ParquetState }) | undefined> {
  try {
    const progress = JSON.parse((await files.readText(state)) ?? 'null') as Progress | null
    const size = (await files.stat(part))?.size ?? 0
    // Shorter than its own record of itself: the part was touched by somebody else.
    if (progress?.key !== key || size < progress.bytes) return undefined
    return { ...progress, state: deserialize(Buffer.from(progress.encoder ?? '', 'base64')) }
  } catch {
    return undefined
  }
}

export function existsError(path: string): WxError {
  return new WxError('USAGE', `${path} exists already.`, {
    hint: 'Give another name, or overwrite it with --force.',
  })
}

/** Runs `fn` while no other export writes the file; what the disk refuses is said of the file itself. */
async function lockedFile<T>(
  files: System['files'],
  path: string,
  fn: (lost: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await files.locked(`${path}.part`, fn)
  } catch (error) {
    throw fileError(error, path) ?? error
  }
}

/** One write may take less than it is given, on a disk that fills up without any error. */
async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}
