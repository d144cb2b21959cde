import { WxError } from '../errors.js'
import type { TimebaseClient } from './client.js'
import type { Waiting } from './outage.js'
import type { StreamRecord } from './schema.js'
import { maxRows, type Selection, selectBatches } from './select.js'
import { parseTimestamp } from './times.js'

/** Where a read that goes forward in time stands. */
export interface PageCursor {
  /** Time of the last records that were read, epoch milliseconds. */
  time: number
  /** Records read at exactly that time: the next page begins with them again. */
  seen: string[]
}

export interface Page {
  records: StreamRecord[]
  /** Goes on after these records. */
  cursor: PageCursor
}

/**
 * Reads a range forward in time, page by page, each record once, starting again where an answer
 * broke off. Records of one time come in no fixed order, so a page boundary remembers which it had.
 */
export async function* readForward(
  client: TimebaseClient,
  stream: string,
  selection: Pick<Selection, 'symbols' | 'from' | 'to' | 'types' | 'signal' | 'floats'>,
  outage: Waiting,
  start?: PageCursor,
): AsyncGenerator<Page> {
  let cursor = start
  while (true) {
    let rows = 0
    const firstTime = cursor?.time
    const again = remaining(cursor)
    const from = cursor?.time ?? selection.from
    try {
      const range = { ...selection, rows: maxRows, ...(from !== undefined && { from }) }
      for await (const batch of selectBatches(client, stream, range)) {
        rows += batch.length
        const records = batch.filter((record) => !takeOne(again, record))
        if (records.length === 0) continue
        cursor = advanced(cursor, records)
        outage.end()
        yield { records, cursor }
      }
    } catch (error) {
      await outage.outlast(error, selection.signal)
      continue
    }
    if (rows < maxRows) return
    if (cursor !== undefined && cursor.time === firstTime && rows <= cursor.seen.length)
      throw new WxError('TIMEBASE_REFUSED', `More than ${maxRows} records have the same time.`, {
        hint: 'Read the stations in several parts: name some of them.',
      })
  }
}

/** Records that the next page will repeat, with how often. */
function remaining(cursor: PageCursor | undefined): Map<string, number> {
  const counts = new Map<string, number>()
  for (const key of cursor?.seen ?? []) counts.set(key, (counts.get(key) ?? 0) + 1)
  return counts
}

function takeOne(counts: Map<string, number>, record: StreamRecord): boolean {
  if (counts.size === 0) return false
  const key = recordKey(record)
  const count = counts.get(key)
  if (count === undefined) return false
  if (count === 1) counts.delete(key)
  else counts.set(key, count - 1)
  return true
}

function advanced(cursor: PageCursor | undefined, records: StreamRecord[]): PageCursor {
  const last = records.at(-1)?.timestamp ?? ''
  const time = parseTimestamp(last)
  if (time === undefined)
    throw new WxError('ANSWER_INVALID', `The server sent a record with the time "${last}".`)
  const seen = records.filter(({ timestamp }) => timestamp === last).map(recordKey)
  return { time, seen: cursor?.time === time ? [...cursor.seen, ...seen] : seen }
}

function recordKey({ symbol, timestamp, type, fields }: StreamRecord): string {
  return JSON.stringify([symbol, timestamp, type, fields])
}
