import { randomUUID } from 'node:crypto'
import type { WebSocket } from 'ws'
import type { Authenticator } from '../authenticate.js'
import type { Shared } from '../request.js'
import type { StreamChange } from '../store/store.js'
import { instant } from '../time.js'
import { Monitor, type MonitorOptions } from './monitor.js'
import { escapeHeader, frameText, parseFrames, type StompFrame } from './stomp-frames.js'

const heartbeatMs = 10_000
// Spring gives a silent client three heart-beats; changes of the stream list are told after a second.
const silenceMs = 3 * heartbeatMs
const changeMs = 1000

// monitors of one gateway; further ones wait without a word.
const maxMonitors = 50

/** What all STOMP sessions of a gateway share. */
export class StompBroker {
  private readonly running = new Set<() => void>()
  private readonly waiting: (() => void)[] = []
  private messages = 0
  private changes = 0

  nextMessage(): number {
    return this.messages++
  }

  nextChange(): number {
    return this.changes++
  }

  /** Starts a monitor when there is room for it; the answer ends it. */
  admit(start: () => () => void): () => void {
    let stop: (() => void) | undefined
    let isOver = false
    const begin = (): void => {
      if (isOver) return
      stop = start()
      this.running.add(begin)
    }
    if (this.running.size < maxMonitors) begin()
    else this.waiting.push(begin)
    return () => {
      isOver = true
      stop?.()
      if (this.running.delete(begin)) this.waiting.shift()?.()
    }
  }
}

/** One STOMP connection. */
export class StompSession {
  private readonly id = randomUUID()
  private readonly subscriptions = new Map<string, { destination: string; stop: () => void }>()
  private isConnected = false
  private heardAt: number
  private cancelBeat: (() => void) | undefined

  constructor(
    private readonly ws: WebSocket,
    private readonly shared: Shared,
    private readonly auth: Authenticator,
    private readonly broker: StompBroker,
  ) {
    this.heardAt = shared.system.clock.monotonic()
    ws.on('message', (data) => this.receive(String(data)))
    ws.on('close', () => this.end())
  }

  private receive(text: string): void {
    this.heardAt = this.shared.system.clock.monotonic()
    const frames = parseFrames(text)
    if (frames) for (const frame of frames) this.handle(frame)
    else this.fail('Illegal frame', '500 INTERNAL_SERVER_ERROR')
  }

  private handle(frame: StompFrame): void {
    if (frame.command === 'CONNECT' || frame.command === 'STOMP') this.connect(frame)
    else if (!this.isConnected) this.refuse()
    else if (frame.command === 'SUBSCRIBE') this.subscribe(frame)
    else if (frame.command === 'UNSUBSCRIBE') this.unsubscribe(frame.headers.get('id') ?? '')
    else if (frame.command === 'DISCONNECT') {
      for (const id of [...this.subscriptions.keys()]) this.unsubscribe(id)
      const receipt = frame.headers.get('receipt')
      if (receipt !== undefined) {
        this.ws.send(frameText('RECEIPT', [['receipt-id', escapeHeader(receipt)]]))
      }
    }
  }

  private connect({ headers }: StompFrame): void {
    const key = headers.get('X-Deltix-ApiKey')
    const token = headers.get('authorization')
    if (key !== undefined) {
      const payload = headers.get('X-Deltix-Payload') ?? ''
      const signature = headers.get('X-Deltix-Signature') ?? ''
      if (!this.auth.apiKeys.checkStomp(key, payload, signature)) {
        this.refuse()
        return
      }
    } else if (token === undefined) {
      this.refuse()
      return
    } else {
      const user = this.auth.byToken(token)
      if (typeof user === 'string') {
        const what =
          user === 'expired'
            ? 'Access token expired'
            : user === 'refresh'
              ? 'Encoded token is a refresh token'
              : 'Cannot convert access token to JSON'
        this.fail(
          `${failed} error="invalid_token", error_description="${what}"`,
          '500 INTERNAL_SERVER_ERROR',
        )
        return
      }
    }
    this.isConnected = true
    const offered = headers.get('accept-version') ?? '1.0'
    const version = ['1.2', '1.1'].find((one) => offered.includes(one)) ?? '1.0'
    this.ws.send(
      frameText('CONNECTED', [
        ['version', version],
        ['heart-beat', `${heartbeatMs},${heartbeatMs}`],
      ]),
    )
    const [sends = 0, wants = 0] = (headers.get('heart-beat') ?? '0,0').split(',').map(Number)
    if (sends > 0 || wants > 0) this.beat(sends > 0, wants)
  }

  /** One timer a connection: sends our beat, and ends a client that has lost its own. */
  private beat(expects: boolean, wants: number): void {
    const { clock } = this.shared.system
    this.cancelBeat = clock.timer(Math.max(heartbeatMs, wants), () => {
      if (expects && clock.monotonic() - this.heardAt > silenceMs) {
        this.ws.close(1002)
        return
      }
      if (wants > 0) this.ws.send('\n')
      this.beat(expects, wants)
    })
  }

  private subscribe({ headers }: StompFrame): void {
    const id = headers.get('id') ?? ''
    const destination = headers.get('destination') ?? ''
    this.unsubscribe(id)
    const stop = destination.startsWith('/user/topic/monitor/')
      ? this.monitor(id, destination, headers)
      : destination === '/topic/streams'
        ? this.watchStreams(id)
        : () => undefined
    this.subscriptions.set(id, { destination, stop })
  }

  private monitor(id: string, destination: string, headers: Map<string, string>): () => void {
    const from = headers.get('fromTimestamp')
    const ms = from === undefined ? undefined : instant(from)
    if (from !== undefined && ms === undefined) {
      this.respond(
        `java.time.format.DateTimeParseException: Text '${from}' could not be parsed at index ${badIndex(from)}`,
      )
      return () => undefined
    }
    const key = decoded(destination.slice('/user/topic/monitor/'.length))
    const stream = this.shared.store.get(key)
    // An unknown stream is silence.
    if (!stream) return () => undefined
    const options: MonitorOptions = {
      from: ms,
      symbols: jsonList(headers.get('symbols')),
      types: jsonList(headers.get('types')),
    }
    const topic = `/topic/monitor/${key}?session=${this.id}&subscription=${id}-user${this.id}`
    return this.broker.admit(() => {
      const monitor = new Monitor(this.shared.system, stream, options, (text) =>
        this.message(id, topic, 'text/plain;charset=UTF-8', text),
      )
      return () => monitor.stop()
    })
  }

  private watchStreams(id: string): () => void {
    let changes: StreamChange[] = []
    let cancel: (() => void) | undefined
    const forget = this.shared.store.onChange((change) => {
      changes.push(change)
      cancel ??= this.shared.system.clock.timer(changeMs, () => {
        cancel = undefined
        const text = JSON.stringify({
          added: changes.flatMap(({ added }) => added ?? []),
          deleted: changes.flatMap(({ deleted }) => deleted ?? []),
          changed: changes.flatMap(({ changed }) => changed ?? []),
          renamed: changes.flatMap(({ renamed }) => renamed ?? []),
          messageType: 'DB_STATE',
          id: this.broker.nextChange(),
        })
        changes = []
        this.message(id, '/topic/streams', 'application/json', text)
      })
    })
    return () => {
      forget()
      cancel?.()
    }
  }

  /** Tells a subscriber of /user/topic/responses what went wrong. */
  private respond(problem: string): void {
    for (const [id, { destination }] of this.subscriptions) {
      if (destination !== '/user/topic/responses') continue
      const body = JSON.stringify({ message: 'stomp_error', name: problem })
      this.message(id, destination, 'application/json', body, [['status', 200]])
    }
  }

  private message(
    id: string,
    destination: string,
    type: string,
    body: string,
    first: [string, string | number][] = [],
  ): void {
    this.ws.send(
      frameText(
        'MESSAGE',
        [
          ...first,
          ['destination', destination],
          ['content-type', type],
          ['subscription', escapeHeader(id)],
          ['message-id', `${this.id}-${this.broker.nextMessage()}`],
          ['content-length', Buffer.byteLength(body)],
        ],
        body,
      ),
    )
  }

  private unsubscribe(id: string): void {
    this.subscriptions.get(id)?.stop()
    this.subscriptions.delete(id)
  }

  private refuse(): void {
    this.fail(
      `${failed} org.springframework.security.access.AccessDeniedException: User not authenticated.`,
      '401 UNAUTHORIZED',
    )
  }

  private fail(message: string, status: string): void {
    this.ws.send(
      frameText('ERROR', [
        ['message', escapeHeader(message)],
        ['status', status],
        ['content-length', 0],
      ]),
    )
    this.ws.close(1002)
  }

  private end(): void {
    this.cancelBeat?.()
    for (const id of [...this.subscriptions.keys()]) this.unsubscribe(id)
  }
}

const failed =
  'Failed to send message to ExecutorSubscribableChannel[clientInboundChannel]; nested exception is'

/** Where Java's instant parser gives up. */
const badIndex = (text: string): number => (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(text) ? 19 : 0)

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function jsonList(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value.map(String) : undefined
  } catch {
    return undefined
  }
}
