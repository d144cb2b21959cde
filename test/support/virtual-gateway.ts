import { onTestFinished } from 'vitest'
import {
  type Gateway,
  type GatewayOptions,
  startGateway,
} from '../../src/sandbox/gateway/gateway.js'
import { Secret } from '../../src/secret.js'
import { nodeSystem } from '../../src/system/node.js'
import type { System } from '../../src/system.js'
import type { Authenticator } from '../../src/timebase/auth/authenticator.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { openStompBell } from '../../src/timebase/live.js'
import { weatherSchema } from '../../src/timebase/schema.js'
import type { Bell } from '../../src/timebase/source.js'
import { applyStreams, planStreams } from '../../src/timebase/stream.js'
import { type TailEvent, type TailOptions, tail } from '../../src/timebase/tail.js'
import { tailSource } from '../../src/timebase/tail-source.js'
import { type FakeClock, fakeClock } from './clock.js'
import { temporaryFolder } from './system.js'
import { type VirtualNetwork, virtualNetwork } from './virtual-network.js'

export const stream = 'weather_record'

export interface VirtualGateway {
  gateway: Gateway
  clock: FakeClock
  network: VirtualNetwork
  /** A client with a login of its own; `only` limits nothing: faults are the gateway's. */
  client(auth?: (system: Pick<System, 'fetch' | 'clock'>) => Authenticator): TimebaseClient
  /** Requests so far, as "POST /api/v0/…/select". */
  readonly requests: string[]
  /** Stores records past every fault, and remembers them as "symbol time". */
  write(rows: { symbol: string; ms: number; temperature?: number }[]): Promise<void>
  readonly written: string[]
  /** Deletes the stream and makes it again, empty. */
  makeAgain(): Promise<void>
  /** Another monitor of the stream. */
  ring(): Promise<Bell>
}

/** A gateway and its network in virtual time. `skewMs`: the server's clock minus the computer's. */
export async function virtualGateway(
  options: Partial<GatewayOptions> & { skewMs?: number } = {},
): Promise<VirtualGateway> {
  const { skewMs = 0, ...rest } = options
  const network = virtualNetwork()
  const clock = fakeClock(undefined, network.isBusy)
  const { net, files } = network
  const system = {
    ...nodeSystem(),
    net,
    files,
    clock: { ...clock, now: () => clock.now() + skewMs },
  }
  const gateway = await startGateway({ folder: temporaryFolder(), password: 'pw', ...rest }, system)
  onTestFinished(() => gateway.stop())
  const requests: string[] = []
  const fetch: System['fetch'] = (url, asked) => {
    requests.push(`${asked?.method ?? 'GET'} ${new URL(url).pathname}`)
    return network.fetch(url, asked)
  }
  const { user, url } = gateway
  const byPassword = (own: Pick<System, 'fetch' | 'clock'>): Authenticator =>
    passwordAuth({ url, user, password: new Secret('pw') }, own)
  const writer = makeClient(
    { url, auth: byPassword({ fetch: network.soundFetch, clock }) },
    { fetch: network.soundFetch, clock },
  )
  const make = async (): Promise<void> => {
    await applyStreams(writer, await planStreams(writer, [{ stream, schema: weatherSchema }]))
  }
  await make()
  const written: string[] = []
  return {
    gateway,
    clock,
    network,
    requests,
    written,
    client: (auth = byPassword) =>
      makeClient({ url, auth: auth({ fetch, clock }) }, { fetch, clock }),
    async makeAgain() {
      await writer.post([stream, 'delete'])
      await make()
    },
    async ring() {
      const login = await writer.auth.stompHeaders()
      const { fetch, webSocket } = network
      const target = { server: url, stream, login }
      return openStompBell(target, { fetch, webSocket, clock }, new AbortController().signal)
    },
    async write(rows) {
      const body = rows.map(({ symbol, ms, temperature = 20 }) => ({
        symbol,
        timestamp: new Date(ms).toISOString(),
        temperature,
      }))
      const faults = { ...gateway.faults }
      Object.assign(gateway.faults, { timebaseDown: false, only: 'no request at all' })
      const refused = await writer.post<unknown[]>([stream, 'write'], { body })
      Object.assign(gateway.faults, faults)
      if (refused.length > 0) throw new Error(JSON.stringify(refused[0]))
      written.push(...body.map(({ symbol, timestamp }) => `${symbol} ${timestamp}`))
    },
  }
}

export interface Following {
  events: TailEvent[]
  /** Lets time pass until the bell hangs. */
  bell(): Promise<void>
  /** "symbol time" of each record shown. */
  shown(): string[]
  count(type: TailEvent['type']): number
  failure(): unknown
  isOver(): boolean
  stop(): Promise<void>
}

/** Follows the stream as the command does. */
export function follow(
  { clock, network, requests, ...server }: VirtualGateway,
  options: Partial<TailOptions> = {},
  client = server.client(),
): Following {
  const fetch: System['fetch'] = (url, asked) => {
    requests.push(`GET ${new URL(url).pathname}`)
    return network.fetch(url, asked)
  }
  let isSubscribed = false
  const webSocket: System['webSocket'] = async (url, asked) => {
    const socket = await network.webSocket(url, asked)
    const send: typeof socket.send = (data) => {
      socket.send(data)
      isSubscribed ||= String(data).startsWith('SUBSCRIBE')
    }
    return { ...socket, send }
  }
  const source = tailSource(client, stream, weatherSchema.classes, { webSocket, fetch, clock })
  const events: TailEvent[] = []
  const stop = new AbortController()
  let failure: unknown
  let isOver = false
  const done = (async () => {
    try {
      for await (const batch of tail(source, { follow: true, ...options }, clock, stop.signal))
        events.push(...batch)
    } catch (error) {
      failure = error
    }
    isOver = true
  })()
  return {
    events,
    async bell() {
      while (!isSubscribed) await clock.advance(10)
    },
    shown: () =>
      events.flatMap((event) =>
        event.type === 'record' ? [`${event.row.symbol} ${event.row.timestamp}`] : [],
      ),
    count: (type) => events.filter((event) => event.type === type).length,
    failure: () => failure,
    isOver: () => isOver,
    async stop() {
      stop.abort(new Error('test is over'))
      await clock.advance(0)
      await done
    },
  }
}
