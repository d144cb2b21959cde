import type { TimebaseClient } from './client.js'
import { jsonRows } from './json-rows.js'
import { parseRow } from './rows.js'
import type { StreamRecord } from './schema.js'
import { farFuture, formatTime } from './times.js'
import { transportError } from './transport.js'

export interface Selection {
  /** Only these; undefined is all. */
  symbols?: string[] | undefined
  /** Inclusive bounds, epoch milliseconds. In a reverse read `from` is the upper one. */
  from?: number | undefined
  to?: number | undefined
  /** At most this many, 10000 at the very most: more would give 10001. */
  rows?: number | undefined
  reverse?: boolean | undefined
  /** Names of classes. */
  types?: string[] | undefined
  signal?: AbortSignal | undefined
  floats?: Parameters<typeof parseRow>[1]
}

export const maxRows = 10_000

/**
 * Reads one page of a stream, in pieces as they arrive. Throws ANSWER_INCOMPLETE or NO_ANSWER
 * where the answer broke off: rows that were yielded by then are good, more may exist.
 */
export async function* selectBatches(
  client: TimebaseClient,
  stream: string,
  selection: Selection = {},
): AsyncGenerator<StreamRecord[]> {
  const { symbols, from, to, rows, reverse, types, signal, floats } = selection
  // The list may not be empty: the server would read that as "all".
  if (symbols?.length === 0) return
  const response = await client.request('POST', [stream, 'select'], {
    safe: true,
    stream,
    signal,
    body: {
      ...(symbols && { symbols }),
      ...(types && { types }),
      // Without an upper bound a reverse read finds nothing.
      ...(from !== undefined ? { from: formatTime(from) } : reverse && { from: farFuture }),
      ...(to !== undefined && { to: formatTime(to) }),
      rows: Math.min(rows ?? 1000, maxRows),
      ...(reverse && { reverse: true }),
    },
  })
  try {
    for await (const batch of jsonRows(response.body))
      yield batch.map((row) => parseRow(row, floats))
  } catch (error) {
    signal?.throwIfAborted()
    throw transportError(error, client.url)
  }
}

/** The same, record by record. */
export async function* selectPage(
  client: TimebaseClient,
  stream: string,
  selection: Selection = {},
): AsyncGenerator<StreamRecord> {
  for await (const batch of selectBatches(client, stream, selection)) yield* batch
}
