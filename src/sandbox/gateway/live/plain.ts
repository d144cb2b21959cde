import type { WebSocket } from 'ws'
import type { Shared } from '../request.js'
import { rowTexts, symbolsOf } from '../rows.js'
import { startOf } from '../select-api.js'
import type { Stream } from '../store/stream.js'
import { instant, interval } from '../time.js'
import { LiveCursor } from './live-cursor.js'
import { Monitor } from './monitor.js'

// Frames of a historical read are flushed at about 16 kB.
const frameChars = 16_384

/** The parameters of a plain WebSocket. Only `symbols` is URL-decoded (timebase-webadmin, 5.1). */
export interface PlainQuery {
  streams: string[]
  symbols: string[] | undefined
  types: string[] | undefined
  from: number | undefined
  to: number | undefined
  depth: string | undefined
  isLive: boolean
}

/** Undefined where a time cannot be read: such a socket opens and closes with 1011. */
export function plainQuery(search: string): PlainQuery | undefined {
  const all = search.split('&').map((part): [string, string] => {
    const at = part.indexOf('=')
    return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)]
  })
  const first = (name: string): string | undefined => all.find(([one]) => one === name)?.[1]
  const from = first('from')
  const to = first('to')
  const depth = first('depth')
  const query: PlainQuery = {
    streams: all.filter(([name]) => name === 'streams').map(([, value]) => value),
    symbols: first('symbols')?.split(',').map(decoded),
    types: first('types')?.split(','),
    from: from === undefined ? undefined : instant(from),
    to: to === undefined ? undefined : instant(to),
    depth,
    isLive: first('live') !== undefined,
  }
  const isBad =
    (from !== undefined && query.from === undefined) ||
    (to !== undefined && query.to === undefined) ||
    (depth !== undefined && !interval(depth))
  return isBad ? undefined : query
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Sends at the reader's speed. */
export function sender(ws: WebSocket): (text: string) => Promise<void> {
  return (text) =>
    new Promise((resolve) => {
      if (ws.bufferedAmount < 1_000_000) {
        ws.send(text)
        resolve()
      } else ws.send(text, () => resolve())
    })
}

/** Everything from `from` to `to`, in frames that are JSON arrays of their own, then 1000. */
export async function sendHistory(ws: WebSocket, rows: AsyncIterable<string[]>): Promise<void> {
  const send = sender(ws)
  let open = ''
  for await (const batch of rows) {
    for (const text of batch) {
      open += open === '' ? `[${text}` : `,${text}`
      if (open.length >= frameChars) {
        await send(`${open}]`)
        open = ''
      }
    }
    if (ws.readyState !== ws.OPEN) return
  }
  // The server closes an array it has not opened: an empty last buffer is a lone bracket.
  await send(open === '' ? '[' : `${open}]`)
  ws.close(1000)
}

/** A plain select socket; gives what ends its cursor, if it has one that stays. */
export function openSelect(
  ws: WebSocket,
  streams: Stream[],
  query: PlainQuery,
  shared: Shared,
): (() => void) | undefined {
  const from = startOf({ ...query, offset: 0, rows: 0 }, streams)
  const { symbols, types, to } = query
  const now = shared.system.clock.now()
  if (!query.isLive || (to !== undefined && to < now)) {
    const rows = historyTexts(streams, { symbols, types, from, to })
    void sendHistory(ws, rows).catch(() => ws.close(1011))
    return undefined
  }
  const send = sender(ws)
  const subscription = {
    all: false,
    names: new Set(symbols ?? []),
    types: types && new Set(types),
  }
  const range = {
    from: from ?? Number.NEGATIVE_INFINITY,
    to: to ?? Number.POSITIVE_INFINITY,
  }
  const cursor = new LiveCursor(
    streams,
    subscription,
    range,
    async (texts) => {
      for (const text of texts) await send(`[${text}]`)
    },
    () => ws.close(1011),
  )
  ws.on('close', () => cursor.stop())
  ws.on('message', (data, isBinary) => {
    if (!isBinary) subscribe(cursor, streams, String(data))
  })
  if (symbols) cursor.start(symbols)
  return () => cursor.stop()
}

/** As rowTexts, but static fields are left out, as they are on every socket. */
async function* historyTexts(
  streams: Stream[],
  query: Parameters<typeof rowTexts>[1],
): AsyncGenerator<string[]> {
  yield* rowTexts(streams, query, 0, Number.POSITIVE_INFINITY, false)
}

interface Change {
  subscribeToAll?: unknown
  add?: unknown
  remove?: unknown
}

const list = (value: unknown): string[] | undefined =>
  Array.isArray(value) ? value.map(String) : undefined

/** SET_SUBSCRIPTION and SUBSCRIBE; anything else is ignored. */
function subscribe(cursor: LiveCursor, streams: Stream[], text: string): void {
  const message = parsed(text)
  if (message?.messageType === 'SET_SUBSCRIPTION') setSubscription(cursor, streams, message)
  if (message?.messageType === 'SUBSCRIBE') {
    changeTypes(cursor, message.types as Change | undefined)
    changeSymbols(cursor, message.symbols as Change | undefined)
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

function setSubscription(
  cursor: LiveCursor,
  streams: Stream[],
  message: Record<string, unknown>,
): void {
  const names = list(message.symbols)
  // Names are matched against symbols that exist; others stay silent for ever.
  const known = names?.filter((name) =>
    streams.some((stream) => symbolsOf(stream, [name]).length > 0),
  )
  const { subscription } = cursor
  subscription.all = known === undefined
  subscription.names = new Set(known ?? [])
  const types = list(message.types)
  subscription.types = types && new Set(types)
  const from = typeof message.from === 'string' ? instant(message.from) : undefined
  cursor.restart()
  cursor.start(known, from)
}

function changeTypes({ subscription }: LiveCursor, change: Change | undefined): void {
  if (!change) return
  if (change.subscribeToAll === true) {
    subscription.types = undefined
    return
  }
  const types = subscription.types ?? new Set<string>()
  for (const one of list(change.add) ?? []) types.add(one)
  for (const one of list(change.remove) ?? []) types.delete(one)
  subscription.types = types
}

function changeSymbols(cursor: LiveCursor, change: Change | undefined): void {
  if (!change) return
  const { subscription } = cursor
  if (change.subscribeToAll === true) {
    subscription.all = true
    cursor.start(undefined)
    return
  }
  for (const one of list(change.remove) ?? []) subscription.names.delete(one)
  const added = (list(change.add) ?? []).filter((one) => !subscription.names.has(one))
  for (const one of added) subscription.names.add(one)
  // A new symbol is read from the time the connection began with.
  if (added.length > 0) cursor.start(added)
}

/** `/ws/v0/{stream}/monitor`: conflated frames. */
export function openMonitor(
  ws: WebSocket,
  stream: Stream,
  query: PlainQuery,
  shared: Shared,
): () => void {
  const { symbols, types } = query
  const from = startOf({ ...query, offset: 0, rows: 0 }, [stream])
  const monitor = new Monitor(shared.system, stream, { symbols, types, from }, (text) =>
    ws.send(text),
  )
  ws.on('close', () => monitor.stop())
  return () => monitor.stop()
}
