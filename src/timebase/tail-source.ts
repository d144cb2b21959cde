import { WxError } from '../errors.js'
import type { System } from '../system.js'
import type { TimebaseClient } from './client.js'
import { transportError } from './errors.js'
import { jsonRows } from './json-rows.js'
import { openStompBell } from './live.js'
import { asRows } from './row.js'
import { RowScanner } from './row-scanner.js'
import { floatsOf } from './rows.js'
import type { RecordClass } from './schema.js'
import { maxRows } from './select.js'
import type { TailSource } from './source.js'
import { readVersion } from './status.js'
import { listSymbols } from './stream.js'

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
  const source: TailSource = {
    symbols: (signal) => listSymbols(client, stream, signal),
    async *select({ symbols, from, to, rows, offset, reverse }, signal) {
      const body = {
        rows: Math.min(rows, maxRows),
        ...(symbols && { symbols }),
        ...(from && { from }),
        ...(to && { to }),
        ...(offset && { offset }),
        ...(reverse && { reverse }),
      }
      const path = [stream, 'select']
      const response = await client.request('POST', path, { safe: true, stream, signal, body })
      try {
        for await (const batch of jsonRows(response.body, scanner)) yield asRows(batch, floats)
      } catch (error) {
        signal.throwIfAborted()
        throw transportError(error, client.url)
      }
    },
    async openBell(options, signal) {
      for (let attempt = 0; ; attempt++) {
        const login = await client.auth.stompHeaders(signal)
        const target = { server: client.url, stream, login, ...client.tls, ...options }
        try {
          return await openStompBell(target, system, signal)
        } catch (error) {
          const isRefused = error instanceof WxError && error.details.isRefused === true
          // A restart of the server voids tokens: a new one gets one chance.
          if (!isRefused || attempt > 0 || !(await client.auth.refused(login, signal))) throw error
        }
      }
    },
    async readClock(signal) {
      let offsetMs: number | undefined
      try {
        offsetMs = (await readVersion(client, system.clock, signal)).clockOffsetMs
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
