import { WxError } from '../errors.js'
import type { System } from '../system.js'
import type { TimebaseClient } from './client.js'
import { jsonRows } from './json-rows.js'
import { openStompBell } from './live.js'
import { Patience } from './patience.js'
import { answersPing } from './ping.js'
import { ReadAhead, type SelectBody } from './read-ahead.js'
import { asRows } from './row.js'
import { RowScanner } from './row-scanner.js'
import { floatsOf } from './rows.js'
import type { RecordClass } from './schema.js'
import { maxRows } from './select.js'
import type { TailSource } from './source.js'
import { readVersion } from './status.js'
import { listSymbols } from './stream.js'
import { transportError } from './transport.js'

/** Longer than any patience: what is too long is judged here, not by the client. */
const headersTimeoutMs = 120_000

/** A stream of a real server as `tail` reads it. `classes`: the stream's own, for its floats. */
export function tailSource(
  client: TimebaseClient,
  stream: string,
  classes: RecordClass[],
  system: Pick<System, 'webSocket' | 'fetch' | 'clock'>,
): TailSource {
  const floats = new Map([...floatsOf(classes)].map(([name, fields]) => [name, [...fields]]))
  const scanner = new RowScanner(floats)
  // On the steady clock: a computer whose wall clock is set meanwhile must not take the server's along.
  let serverZeroMs = system.clock.now() - system.clock.monotonic()
  const isThere = (signal: AbortSignal): Promise<boolean> =>
    answersPing(client.url, client.tls, system, signal)
  const patience = new Patience(client.url, system.clock, isThere)
  const pages = new ReadAhead(patience, (body, asked) => {
    const options = { safe: true, stream, body, headersTimeoutMs, signal: asked, ahead: true }
    return client.request('POST', [stream, 'select'], options)
  })
  const source: TailSource = {
    symbols: (signal) => patience.within(signal, (limited) => listSymbols(client, stream, limited)),
    async *select({ symbols, from, to, rows, offset, reverse }, signal) {
      const body: SelectBody = {
        rows: Math.min(rows, maxRows),
        ...(symbols && { symbols }),
        ...(from && { from }),
        ...(to && { to }),
        ...(offset && { offset }),
        ...(reverse && { reverse }),
      }
      const page = pages.page(body, signal)
      const { exchange, answer } = page
      let count = 0
      let isFull = false
      try {
        const { body: bytes } = await answer
        for await (const batch of jsonRows(exchange.pieces(bytes), scanner)) {
          count += batch.length
          yield asRows(batch, floats)
        }
        isFull = count >= body.rows
        pages.learn(page, count)
      } catch (error) {
        exchange.signal.throwIfAborted()
        throw transportError(error, client.url)
      } finally {
        exchange.end()
        // Only a full page has a next one.
        if (!isFull) pages.drop()
      }
    },
    async openBell(options, signal) {
      for (let attempt = 0; ; attempt++) {
        const login = await patience.within(signal, (limited) => client.auth.stompHeaders(limited))
        const target = { server: client.url, stream, login, ...client.tls, ...options }
        try {
          return await openStompBell(target, system, signal)
        } catch (error) {
          const isRefused = error instanceof WxError && error.details.isRefused === true
          if (!isRefused || attempt > 0) throw error
          // A restart of the server voids tokens: a new one gets one chance.
          const renew = (limited: AbortSignal): Promise<boolean> =>
            client.auth.refused(login, limited)
          if (!(await patience.within(signal, renew))) throw error
        }
      }
    },
    async readClock(signal) {
      let offsetMs: number | undefined
      try {
        const read = patience.within(signal, (limited) =>
          readVersion(client, system.clock, limited),
        )
        offsetMs = (await read).clockOffsetMs
      } catch {
        // Not worth losing a tail for; what is wrong with the server, the next request will say.
        signal.throwIfAborted()
      }
      serverZeroMs = system.clock.now() + (offsetMs ?? 0) - system.clock.monotonic()
    },
    serverNow: () => serverZeroMs + system.clock.monotonic(),
  }
  return source
}
