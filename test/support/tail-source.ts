import { WxError } from '../../src/errors.js'
import type { Clock } from '../../src/system.js'
import type { Row } from '../../src/timebase/row.js'
import type { Bell, Ring, Select, TailSource } from '../../src/timebase/source.js'

export interface FakeServer extends TailSource {
  /** Stores records as APPEND does: at the end of their symbol's. */
  append(symbol: string, ms: number, fields?: Record<string, unknown>): Row
  /** Stores a record where its time belongs. */
  insert(symbol: string, ms: number, fields?: Record<string, unknown>): Row
  /** Cuts a symbol's records from a time on. */
  truncate(symbol: string, ms: number): void
  /** While down every request fails and the bell is broken. */
  setUp(up: boolean): void
  /** Called before each batch of an answer: may throw, or store something. */
  onBatch: ((query: Select, batch: number) => void) | undefined
  bellBlocked: boolean
  /** Whether the bell rings when something is stored. */
  rings: boolean
  readonly requests: Select[]
  /** What each bell was asked for. */
  readonly openings: { symbols?: string[]; from?: string }[]
  readonly stored: Row[]
}

/** A stream in memory that answers as `select` does: merged by time, pages, reverse, offset. */
export function fakeServer(clock: Clock, batchRows = 50): FakeServer {
  const symbols = new Map<string, Row[]>()
  const bells = new Set<(ring: Ring | Error) => void>()
  let isUp = true
  let order = 0
  const orders = new WeakMap<Row, number>()

  const make = (symbol: string, ms: number, fields: Record<string, unknown> = {}): Row => {
    const timestamp = new Date(ms).toISOString()
    const row: Row = { $type: 'weather_record', symbol, timestamp, ...fields }
    orders.set(row, order++)
    return row
  }
  const rowsOf = (symbol: string): Row[] => {
    const rows = symbols.get(symbol) ?? []
    symbols.set(symbol, rows)
    return rows
  }
  const checkUp = (): void => {
    if (!isUp) throw new WxError('NETWORK_UNREACHABLE', 'down')
  }
  const server: FakeServer = {
    append(symbol, ms, fields) {
      const row = make(symbol, ms, fields)
      const rows = rowsOf(symbol)
      const last = rows.at(-1)
      if (last && last.timestamp > row.timestamp) throw new Error('out of sequence')
      rows.push(row)
      if (server.rings) for (const ring of bells) ring({ symbol, timestamp: row.timestamp })
      return row
    },
    insert(symbol, ms, fields) {
      const row = make(symbol, ms, fields)
      const rows = rowsOf(symbol)
      const at = rows.findIndex(({ timestamp }) => timestamp > row.timestamp)
      rows.splice(at < 0 ? rows.length : at, 0, row)
      return row
    },
    truncate(symbol, ms) {
      const end = new Date(ms).toISOString()
      symbols.set(
        symbol,
        rowsOf(symbol).filter(({ timestamp }) => timestamp < end),
      )
    },
    setUp(up) {
      isUp = up
      if (!up) for (const ring of [...bells]) ring(new WxError('NETWORK_UNREACHABLE', 'broke'))
    },
    onBatch: undefined,
    bellBlocked: false,
    rings: true,
    requests: [],
    openings: [],
    get stored() {
      return [...symbols.values()].flat()
    },
    async symbols() {
      checkUp()
      return [...symbols.keys()].sort()
    },
    async *select(query, signal) {
      checkUp()
      server.requests.push(query)
      const { from = '', to = '9', rows, offset = 0, reverse = false } = query
      const names = query.symbols ?? [...symbols.keys()]
      const fits = ({ timestamp }: Row): boolean =>
        reverse ? timestamp <= from : timestamp >= from && timestamp <= to
      const found = names
        .flatMap((name) => (symbols.get(name) ?? []).filter(fits).map((row, at) => ({ row, at })))
        .sort((a, b) =>
          a.row.timestamp !== b.row.timestamp
            ? a.row.timestamp < b.row.timestamp
              ? -1
              : 1
            : a.row.symbol !== b.row.symbol
              ? a.row.symbol < b.row.symbol
                ? -1
                : 1
              : a.at - b.at,
        )
        .map(({ row }) => row)
      if (reverse) found.reverse()
      const page = found.slice(offset, offset + rows)
      for (let i = 0, batch = 0; i < page.length; i += batchRows, batch++) {
        await Promise.resolve()
        signal.throwIfAborted()
        server.onBatch?.(query, batch)
        checkUp()
        yield page.slice(i, i + batchRows).map((row) => ({ ...row }))
      }
    },
    async openBell(options, signal) {
      checkUp()
      server.openings.push(options)
      if (server.bellBlocked) throw new WxError('LIVE_BLOCKED', 'blocked')
      return fakeBell(bells, signal)
    },
    readClock: async () => checkUp(),
    serverNow: () => clock.now(),
  }
  return server
}

function fakeBell(bells: Set<(ring: Ring | Error) => void>, signal: AbortSignal): Bell {
  const queue: (Ring | Error)[] = []
  let wake = (): void => {}
  let isOpen = true
  const ring = (one: Ring | Error): void => {
    queue.push(one)
    wake()
  }
  bells.add(ring)
  const close = (): void => {
    isOpen = false
    bells.delete(ring)
    wake()
  }
  signal.addEventListener('abort', close, { once: true })
  async function* rings(): AsyncGenerator<Ring[]> {
    while (isOpen) {
      const one = queue.shift()
      if (one instanceof Error) throw one
      if (one) yield [one]
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return { rings: rings(), close }
}
