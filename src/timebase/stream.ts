import { isAbort, WxError } from '../errors.js'
import type { TimebaseClient } from './client.js'
import { checkNewStreamName } from './names.js'
import {
  ddl,
  parseSchema,
  type RecordClass,
  type StreamRecord,
  type StreamSchema,
  schemaBody,
} from './schema.js'
import { compareSchemas, type SchemaDifference } from './schema-difference.js'
import { selectPage } from './select.js'
import { parseTimestamp } from './times.js'

export interface StreamInfo {
  key: string
  name: string
  symbols: number
}

/** Streams by name, TimeBase's own (`views#`, `events#`) left out. */
export async function listStreams(
  client: TimebaseClient,
  signal?: AbortSignal,
): Promise<StreamInfo[]> {
  const answer = await client.get<unknown>(['streams'], { signal })
  if (!Array.isArray(answer))
    throw new WxError('ANSWER_INVALID', `${client.url} sent no list of streams.`)
  return answer
    .map((one) => {
      const { key, name, symbols } = (one ?? {}) as { [key: string]: unknown }
      return {
        key: String(key ?? ''),
        name: String(name ?? key ?? ''),
        symbols: Number(symbols) || 0,
      }
    })
    .filter(({ key }) => key !== '' && !key.endsWith('#'))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** Classes of a stream, or undefined where there is no such stream. */
export async function streamSchema(
  client: TimebaseClient,
  stream: string,
  signal?: AbortSignal,
): Promise<RecordClass[] | undefined> {
  try {
    return parseSchema(await client.get([stream, 'schema'], { stream, signal }))
  } catch (error) {
    if (error instanceof WxError && error.code === 'STREAM_UNKNOWN') return undefined
    throw error
  }
}

/** The server's own statement that would make this stream. */
export async function describeStream(
  client: TimebaseClient,
  stream: string,
  signal?: AbortSignal,
): Promise<string> {
  const answer = await client.get<{ ddl?: unknown }>([stream, 'describe'], { stream, signal })
  if (typeof answer?.ddl !== 'string')
    throw new WxError('ANSWER_INVALID', `${client.url} did not describe the stream "${stream}".`)
  return `CREATE ${answer.ddl}`
}

export async function listSymbols(
  client: TimebaseClient,
  stream: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const answer = await client.get<unknown>([stream, 'symbols'], { stream, signal })
  if (!Array.isArray(answer))
    throw new WxError('ANSWER_INVALID', `${client.url} sent no list of stations.`)
  return answer.map(String).sort()
}

/** Times of the first and the last record in epoch milliseconds; undefined where there is none. */
export async function streamRange(
  client: TimebaseClient,
  stream: string,
  signal?: AbortSignal,
): Promise<{ start: number; end: number } | undefined> {
  const range = await client.get<{ start?: unknown; end?: unknown }>([stream, 'range'], {
    stream,
    signal,
  })
  const start = parseTimestamp(String(range?.start))
  const end = parseTimestamp(String(range?.end))
  return start === undefined || end === undefined ? undefined : { start, end }
}

/** The newest record of a symbol, or undefined where it has none (or is unknown). */
export async function lastRecord(
  client: TimebaseClient,
  stream: string,
  symbol: string,
  signal?: AbortSignal,
): Promise<StreamRecord | undefined> {
  const page = selectPage(client, stream, { symbols: [symbol], rows: 1, reverse: true, signal })
  let last: StreamRecord | undefined
  for await (const record of page) last ??= record
  return last
}

/** What `stream create` would do with one stream. */
export interface StreamPlan {
  stream: string
  schema: StreamSchema
  action: 'create' | 'keep' | 'differs'
  differences: SchemaDifference[]
  ddl: string
}

/** Compares the wanted streams with the server's; changes nothing. */
export async function planStreams(
  client: TimebaseClient,
  wanted: { stream: string; schema: StreamSchema }[],
  signal?: AbortSignal,
): Promise<StreamPlan[]> {
  const plans: StreamPlan[] = []
  for (const { stream, schema } of wanted) {
    checkNewStreamName(stream)
    const found = await streamSchema(client, stream, signal)
    const differences = found ? compareSchemas(schema.classes, found) : []
    const action = !found ? 'create' : differences.length === 0 ? 'keep' : 'differs'
    plans.push({ stream, schema, action, differences, ddl: ddl(stream, schema) })
  }
  return plans
}

/** Creates what is missing. A stream that somebody else created meanwhile is compared like any other. */
export async function applyStreams(
  client: TimebaseClient,
  plans: StreamPlan[],
  signal?: AbortSignal,
): Promise<StreamPlan[]> {
  const applied: StreamPlan[] = []
  for (const plan of plans) {
    if (plan.action === 'create') await create(client, plan, signal)
    applied.push(plan)
  }
  return applied
}

/**
 * `createStream`, not the statement: the server lets every reader create and drop streams by
 * statement, and whoever may only read should not.
 */
async function create(
  client: TimebaseClient,
  { stream, schema }: StreamPlan,
  signal?: AbortSignal,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const query = { key: stream }
      await client.post(['createStream'], { query, body: schemaBody(schema), signal })
      return
    } catch (error) {
      if (isAbort(error)) throw error
      // A lost answer or a duplicate: what is there now decides.
      const found = await streamSchema(client, stream, signal)
      const isLost = error instanceof WxError && error.code === 'NO_ANSWER'
      if (!found && isLost && attempt === 0) continue
      if (!found || compareSchemas(schema.classes, found).length > 0) throw error
      return
    }
  }
}
