import type { FileHandle } from 'node:fs/promises'
import { errnoOf, isAbort, WxError } from '../errors.js'
import type { FileStat, System } from '../system.js'
import type { ExportFormat } from '../timebase/export.js'
import { isParquet, readParquet } from '../timebase/parquet-rows.js'
import { readRecords } from '../timebase/record-file.js'
import type { RecordClass, StreamRecord } from '../timebase/schema.js'

/** What export writes, or the flash of a station with its queue. */
export type ImportFormat = ExportFormat | 'queue'

const typeBits = 0o170000
const regularFile = 0o100000

/** Whether it is a file on a disk: no folder, pipe or device. */
export function isDiskFile({ mode }: FileStat): boolean {
  return (mode & typeBits) === regularFile
}

/** Refuses a pipe: read once to be checked, it would be empty when its records are to be written. */
export async function checkTwice({ files }: System, path: string, name: string): Promise<void> {
  const found = await files.stat(path)
  if (!found || found.isFolder || isDiskFile(found)) return
  throw new WxError('FILE_UNREADABLE', `"${name}" is no file that can be read twice.`, {
    hint: 'Save what it says in a file: all of it is checked before the first record is written.',
  })
}

/** The format that the ending of a file's name tells. */
export function formatByName(path: string | undefined): ExportFormat | undefined {
  if (path === undefined) return undefined
  if (/\.parquet$/i.test(path)) return 'parquet'
  if (/\.csv$/i.test(path)) return 'csv'
  return /\.(ndjson|jsonl)$/i.test(path) ? 'ndjson' : undefined
}

/** The format that the first bytes of a file tell. */
export async function formatByContent(system: System, path: string): Promise<ImportFormat> {
  const bytes = await firstBytes(system, path)
  if (isParquet(bytes)) return 'parquet'
  // A text has no zeros and no 0xFF.
  if (bytes.some((byte) => byte === 0 || byte === 0xff)) return 'queue'
  for await (const text of fileText(system, path)) {
    const first = text.trimStart()[0]
    if (first !== undefined) return first === '{' ? 'ndjson' : 'csv'
  }
  return 'ndjson'
}

async function firstBytes(system: System, path: string): Promise<Uint8Array> {
  const reading = opened(system, path, async function* (file) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(64), 0, 64)
    yield buffer.subarray(0, bytesRead)
  })
  for await (const bytes of reading) return bytes
  return new Uint8Array()
}

/** The records of a file, checked against the classes of a stream. */
export function fileRecords(
  system: System,
  path: string,
  format: ExportFormat,
  classes: RecordClass[],
  signal: AbortSignal,
): AsyncGenerator<StreamRecord> {
  return format === 'parquet'
    ? opened(system, path, (file) => readParquet(file, classes, signal))
    : readRecords(fileText(system, path, signal), format, classes)
}

/** A file as text, piece by piece; one that is no UTF-8 is no file of records. */
function fileText(system: System, path: string, signal?: AbortSignal): AsyncGenerator<string> {
  return opened(system, path, async function* (file) {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const buffer = new Uint8Array(65_536)
    try {
      while (true) {
        signal?.throwIfAborted()
        const { bytesRead } = await file.read(buffer, 0, buffer.length)
        yield decoder.decode(buffer.subarray(0, bytesRead), { stream: bytesRead > 0 })
        if (bytesRead === 0) return
      }
    } catch (cause) {
      if (cause instanceof TypeError)
        throw new WxError('FILE_INVALID', `${path} is no text file.`, { cause })
      throw cause
    }
  })
}

/** What is read of a file, which is open meanwhile. */
async function* opened<T>(
  system: System,
  path: string,
  read: (file: FileHandle) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const unreadable = (cause: unknown): WxError =>
    new WxError('FILE_UNREADABLE', `${path} cannot be read.`, { cause })
  const file = await system.files.open(path, 'r').catch((cause: unknown) => {
    throw unreadable(cause)
  })
  try {
    yield* read(file)
  } catch (cause) {
    // A folder opens like a file and fails when it is read.
    if (errnoOf(cause) && !(cause instanceof WxError) && !isAbort(cause)) throw unreadable(cause)
    throw cause
  } finally {
    await file.close()
  }
}
