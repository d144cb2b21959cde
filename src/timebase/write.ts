import { WxError } from '../errors.js'
import { asciiJson, type TimebaseClient } from './client.js'
import type { StreamRecord } from './schema.js'
import { parseTimestamp } from './times.js'

/** APPEND refuses what is older than a symbol's last record; INSERT takes any time. */
export type WriteMode = 'APPEND' | 'INSERT'

/** A record that the server did not store, out of an answer of status 200. */
export interface RefusedRecord {
  /** `late`: older than the symbol's last record. */
  kind: 'late' | 'invalid'
  /** The server's words. */
  message: string
}

export interface Written {
  stored: number
  refused: RefusedRecord[]
}

/**
 * Writes one batch, at most 5000 records: more costs the server memory and gains little speed. The server stores record by record and lists the
 * ones it refused. Throws NO_ANSWER where the connection broke: the batch may or may not be stored.
 */
export async function writeRecords(
  client: TimebaseClient,
  stream: string,
  records: StreamRecord[],
  mode: WriteMode = 'APPEND',
  signal?: AbortSignal,
): Promise<Written> {
  if (records.length === 0) return { stored: 0, refused: [] }
  const answer = await client.post<unknown>([stream, 'write'], {
    query: { writeMode: mode },
    text: asciiJson(records.map(messageOf)),
    stream,
    signal,
  })
  if (!Array.isArray(answer))
    throw new WxError('ANSWER_INVALID', `${client.url} did not say which records it stored.`)
  const refused = answer.map(refusedRecord)
  return { stored: Math.max(0, records.length - refused.length), refused }
}

function messageOf({ symbol, timestamp, type, fields }: StreamRecord): object {
  // The server reads other forms of a time as other times, without a word.
  if (parseTimestamp(timestamp) === undefined) {
    throw new WxError('USAGE', `"${timestamp}" is no time of a record.`, {
      hint: 'Use the form 2026-11-23T21:00:00.000Z, with three digits after the point.',
    })
  }
  return { ...fields, ...(type && { $type: type }), symbol, timestamp }
}

function refusedRecord(one: unknown): RefusedRecord {
  const { message, error } = (one ?? {}) as { message?: unknown; error?: unknown }
  const className = String(error ?? '').split(':')[0] ?? ''
  const isLate = className.endsWith('.OutOfSequenceMessageException')
  const words = isLate ? String(message) : String(error ?? message ?? 'no reason given')
  return { kind: isLate ? 'late' : 'invalid', message: words.slice(0, 300) }
}
