import type { WebSocket } from 'ws'
import { JavaError } from '../java-error.js'
import { Tokens } from '../qql/lexer.js'
import { compileSelect, type Query } from '../qql/run.js'
import { queryTypeName } from '../query-api.js'
import type { Shared } from '../request.js'
import { readMessage } from '../store/record.js'
import { instant, isoTime } from '../time.js'
import { sender, sendHistory } from './plain.js'

/** `/ws/v0/query`: each message may subscribe to one query. */
export function openQuery(ws: WebSocket, shared: Shared, keep: (end: () => void) => void): void {
  ws.on('message', (data, isBinary) => {
    if (isBinary) return
    try {
      const message = JSON.parse(String(data)) as Record<string, unknown>
      if (message.messageType === 'SUBSCRIBE_QUERY') subscribe(ws, shared, message, keep)
    } catch (error) {
      // A query that does not compile closes the socket; what is no JSON is ignored.
      if (error instanceof JavaError) ws.close(1011)
    }
  })
}

function subscribe(
  ws: WebSocket,
  shared: Shared,
  message: Record<string, unknown>,
  keep: (end: () => void) => void,
): void {
  const text = String(message.query)
  const query = compileSelect(new Tokens(text), shared.store, () => queryTypeName(shared))
  const from = typeof message.from === 'string' ? instant(message.from) : undefined
  const symbols = Array.isArray(message.symbols) ? message.symbols.map(String) : undefined
  if (message.live !== true) {
    const rows = query.rows({ from, symbols }, 0, Number.POSITIVE_INFINITY)
    void sendHistory(ws, rows).catch(() => ws.close(1011))
    return
  }
  const where = `from: ${from === undefined ? 'null' : isoTime(from)}; live: true; symbols: ${symbols ? `[${symbols.join(', ')}]` : 'all'}`
  ws.send(
    JSON.stringify({
      status: 'OK',
      message: `Successfully subscribed to [${text}; [${where}]]`,
    }),
  )
  keep(follow(ws, query, from ?? Number.NEGATIVE_INFINITY, symbols))
}

/** History first, then each fitting message in a frame of its own; the answer ends it. */
function follow(
  ws: WebSocket,
  query: Query,
  from: number,
  symbols: string[] | undefined,
): () => void {
  const send = sender(ws)
  const { stream } = query
  const before = stream.end
  let last: Promise<void> = (async () => {
    const range = { from, symbols, before }
    for await (const batch of query.rows(range, 0, Number.POSITIVE_INFINITY)) {
      for (const text of batch) await send(`[${text}]`)
    }
  })()
  const stop = stream.onStored((stored) => {
    const wanted = stored.filter(
      ({ symbol, time, late }) =>
        !late && time >= from && (!symbols || symbols.includes(symbol.name)),
    )
    last = last
      .then(async () => {
        await stream.load(wanted.map(({ offset }) => offset))
        for (const { offset } of wanted) {
          const { bytes, at } = stream.find(offset)
          const text = query.row(readMessage(bytes, at))
          if (text !== undefined) await send(`[${text}]`)
        }
      })
      // The stream was deleted meanwhile: silence, as on the server.
      .catch(() => stop())
  })
  ws.on('close', stop)
  return stop
}
