import { badMember, parseBody } from './jackson.js'
import { badParameter, missingParameter, noStreams } from './java-error.js'
import { json, type Reply, untyped } from './reply.js'
import type { Request, Route } from './request.js'
import { type RowQuery, rowTexts } from './rows.js'
import type { Stream } from './store/stream.js'
import { interval, strictTime } from './time.js'
import { traits } from './versions.js'

/** One select, whichever form it came in. */
export interface Selection extends RowQuery {
  streams?: string[] | undefined
  depth?: string | undefined
  offset: number
  rows: number
}

// More than 10000 rows are answered with one row more than that, which says that there are more.
const maxRows = 10_000

function fromQuery(request: Request): Selection {
  return {
    streams: request.list('streams'),
    symbols: request.list('symbols'),
    types: request.list('types'),
    depth: request.query.get('depth') ?? undefined,
    from: request.time('from'),
    to: request.time('to'),
    reverse: request.flag('reverse'),
    offset: request.integer('offset', 0),
    rows: request.integer('rows', 1000),
  }
}

const strings = (value: unknown): string[] | undefined =>
  Array.isArray(value) ? value.map(String) : undefined

const isTextList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')

/** The members that all select bodies share. `model` is the Java class that error texts name. */
export function fromBody(text: string, model: string): Selection & Record<string, unknown> {
  if (text === '') return { offset: 0, rows: 1000 }
  const body = parseBody(text, model)
  const time = (name: 'from' | 'to'): number | undefined => {
    const value = body[name]
    if (value === undefined || value === null) return undefined
    // Jackson takes a number for seconds: milliseconds land far in the future.
    if (typeof value === 'number') return value * 1000
    const ms = strictTime(String(value))
    if (ms !== undefined) return ms
    const index = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(String(value)) ? 19 : 0
    throw badMember(
      text,
      name,
      model,
      `\`java.time.Instant\` from String "${value}": Failed to deserialize java.time.Instant: (java.time.format.DateTimeParseException) Text '${value}' could not be parsed at index ${index}`,
    )
  }
  const integer = (name: string, fallback: number): number => {
    const value = body[name]
    if (value === undefined || value === null) return fallback
    if (/^[+-]?\d+(\.\d+)?$/.test(String(value))) return Math.trunc(Number(value))
    throw badMember(text, name, model, `\`int\` from String "${value}": not a valid \`int\` value`)
  }
  return {
    ...body,
    streams: strings(body.streams),
    symbols: strings(body.symbols),
    // Exports put classes with their fields here, which only they read.
    types: isTextList(body.types) ? body.types : undefined,
    typeList: body.types,
    depth: typeof body.depth === 'string' ? body.depth : undefined,
    from: time('from'),
    to: time('to'),
    reverse: body.reverse === true || body.reverse === 'true',
    offset: integer('offset', 0),
    rows: integer('rows', 1000),
  }
}

/** A depth replaces an absent `from`: so long before `to`, or before the end of the stream. */
export function startOf(selection: Selection, streams: Stream[]): number | undefined {
  if (selection.from !== undefined || !selection.depth) return selection.from
  const length = interval(selection.depth)
  if (!length) return undefined
  const ends = streams.flatMap((stream) => stream.range()?.end ?? [])
  const end = selection.to ?? (ends.length > 0 ? Math.max(...ends) : undefined)
  return end === undefined ? undefined : end - length.ms
}

export function limitOf(rows: number): number {
  return rows > maxRows ? maxRows + 1 : Math.max(0, rows)
}

/** A JSON array out of batches of element texts. */
export async function* arrayText(batches: AsyncIterable<string[]>): AsyncGenerator<string> {
  let open = '['
  for await (const batch of batches) {
    yield open + batch.join(',')
    open = ','
  }
  yield open === '[' ? '[]' : ']'
}

async function* noRows(): AsyncGenerator<string[]> {}

function answer(request: Request, keys: string[], selection: Selection): AsyncIterable<string> {
  const streams = keys.flatMap((key) => request.shared.store.get(key) ?? [])
  if (streams.length === 0) throw noStreams(`No streams [${keys.join(', ')}] found.`, 107)
  const { reverse, to } = selection
  const from = startOf(selection, streams)
  // A reverse read knows no lower end: a `to` below `from` leaves nothing, another one is ignored.
  if (reverse && from !== undefined && to !== undefined && to < from) return arrayText(noRows())
  const query = { ...selection, from, ...(reverse && { to: undefined }) }
  const skip = Math.max(0, selection.offset)
  const { sendsStatics } = traits[request.shared.version]
  return arrayText(rowTexts(streams, query, skip, limitOf(selection.rows), sendsStatics))
}

const model = 'com.epam.deltix.tbwg.webapp.model.input.StreamRequest'

function getSelect(request: Request): Reply {
  const selection = fromQuery(request)
  if (selection.depth !== undefined && !interval(selection.depth)) {
    throw badParameter(
      selection.depth,
      'com.epam.deltix.gflog.api.Interval',
      `java.lang.NumberFormatException: For input string: "${selection.depth}"`,
    )
  }
  const { stream, symbol } = request.path
  const keys = stream === undefined ? selection.streams : [stream]
  if (!keys) throw missingParameter('streams', 'String[]')
  request.allowRead()
  return untyped(
    answer(request, keys, symbol === undefined ? selection : { ...selection, symbols: [symbol] }),
  )
}

function postSelect(request: Request): Reply {
  const selection = fromBody(request.body, model)
  const { stream, symbol } = request.path
  request.allowRead()
  if (symbol !== undefined) {
    if (!request.shared.store.get(stream ?? '')) return { status: 404, headers: {} }
    return json(answer(request, [stream ?? ''], { ...selection, symbols: [symbol] }))
  }
  const keys = stream === undefined ? selection.streams : [stream]
  if (!keys || keys.length === 0) throw noStreams('No streams provided in request.', 98)
  return untyped(answer(request, keys, selection))
}

export const selectRoutes: Route[] = [
  { method: 'GET', path: 'select', handle: getSelect },
  { method: 'POST', path: 'select', handle: postSelect },
  { method: 'GET', path: ':stream/select', handle: getSelect },
  { method: 'POST', path: ':stream/select', handle: postSelect },
  { method: 'GET', path: ':stream/:symbol/select', handle: getSelect },
  { method: 'POST', path: ':stream/:symbol/select', handle: postSelect },
]
