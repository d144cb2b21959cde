import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { AsyncBuffer, FileMetaData } from 'hyparquet'
import { isAbort, WxError } from '../errors.js'
import { checksumKey, createdBy } from './parquet-encoder.js'
import { badRecord, recordCheck } from './record-check.js'
import type { RecordClass, StreamRecord } from './schema.js'

/** So many rows are read at once: a group of those that export writes. */
const rowsAtOnce = 50_000
const pieceBytes = 1_000_000
/** Every Parquet file begins and ends with it. */
const magic = 'PAR1'

/** Whether these are the first bytes of a Parquet file. */
export function isParquet(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).toString('latin1', 0, magic.length) === magic
}

/**
 * Reads a Parquet file of export, or another one with the same columns, with no more than a group of
 * rows in memory. Throws FILE_INVALID with the row.
 */
export async function* readParquet(
  file: FileHandle,
  classes: RecordClass[],
  signal?: AbortSignal,
): AsyncGenerator<StreamRecord> {
  const { parquetMetadataAsync, parquetReadObjects } = await import('hyparquet')
  const check = recordCheck(classes)
  const bytes = bytesOf(file, (await file.stat()).size)
  const metadata = await understood(parquetMetadataAsync(bytes))
  await understood(verify(file, metadata, signal))
  const count = Number(metadata.num_rows)
  for (let rowStart = 0; rowStart < count; rowStart += rowsAtOnce) {
    signal?.throwIfAborted()
    const rowEnd = Math.min(rowStart + rowsAtOnce, count)
    const rows = await understood(parquetReadObjects({ file: bytes, metadata, rowStart, rowEnd }))
    if (rows.length !== rowEnd - rowStart)
      throw badRecord({ row: rowStart + rows.length + 1 }, 'the file ends before it')
    for (const [i, row] of rows.entries()) yield check(plain(row), { row: rowStart + i + 1 })
  }
}

/** Compares a file of export with its own checksum. */
async function verify(
  file: FileHandle,
  { row_groups, num_rows, created_by, key_value_metadata = [] }: FileMetaData,
  signal?: AbortSignal,
): Promise<void> {
  const damaged = new WxError('FILE_INVALID', 'This Parquet file is damaged.', {
    hint: 'Export the records again.',
  })
  if (row_groups.reduce((sum, group) => sum + group.num_rows, 0n) !== num_rows) throw damaged
  // Other programs hand on the keys of a file they read.
  if (created_by !== createdBy) return
  const said = key_value_metadata.find(({ key }) => key === checksumKey)?.value?.split(':')
  if (!said) return
  const [end = 0, wanted] = said.map(Number)
  const piece = new Uint8Array(pieceBytes)
  let crc = 0
  let at = 0
  while (at < end) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(piece, 0, Math.min(piece.length, end - at), at)
    if (bytesRead === 0) throw damaged
    crc = crc32(piece.subarray(0, bytesRead), crc)
    at += bytesRead
  }
  if (crc !== wanted) throw damaged
}

/** The library asks for places of a file. */
function bytesOf(file: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const wanted = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start))
      const { bytesRead } = await file.read(wanted, 0, wanted.length, start)
      return wanted.buffer.slice(0, bytesRead)
    },
  }
}

/** The library throws plain errors where a file is damaged or packed in a way it does not know. */
async function understood<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    // Ours, and what the system says of the file itself.
    if (!(cause instanceof Error) || cause instanceof WxError || isAbort(cause)) throw cause
    if ('syscall' in cause) throw cause
    const [said] = cause.message.split('\n')
    throw new WxError('FILE_INVALID', `This Parquet file cannot be read: ${said}.`, {
      hint: said?.includes('codec')
        ? 'Write it again, compressed with Snappy or not at all.'
        : 'It may be cut short or damaged: export the records again.',
      cause,
    })
  }
}

/** Values as the other kinds of file have them. */
function plain(row: { [name: string]: unknown }): { [name: string]: unknown } {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (value instanceof Date && !Number.isNaN(value.getTime()))
        return [name, value.toISOString()]
      return [name, typeof value === 'bigint' ? Number(value) : value]
    }),
  )
}
