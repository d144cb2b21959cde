import { randomUUID } from 'node:crypto'
import type { WebSocket } from 'ws'
import type { Authenticator } from '../authenticate.js'
import type { Shared } from '../request.js'
import type { StreamChange } from '../store/store.js'
import { instant } from '../time.js'
import { type Beating, heartbeatMs, type StompBroker } from './broker.js'
import { Monitor, type MonitorOptions } from './monitor.js'
import { escapeHeader, frameText, parseFrames, type StompFrame } from './stomp-frames.js'

// Spring gives a silent client three heart-beats.
const patience = 3
// changes of the stream list are told after a second.
const changeMs = 1000

/** One STOMP connection. */
export class StompSession {
  private readonly id = randomUUID()
  private readonly subscriptions = new Map<string, { destination: string; stop: () => void }>()
  private isConnected = false
  private readonly pulse: Beating
  private stopBeating: (() => void) | undefined

  constructor(
    private readonly ws: WebSocket,
    private readonly shared: Shared,
    private readonly auth: Authenticator,
    private readonly broker: StompBroker,
  ) {
    const now = shared.system.clock.monotonic()
    this.pulse = {
      heardAt: now,
      writtenAt: now,
      readMs: 0,
      writeMs: 0,
      beat: () => this.write('\n'),
      giveUp: () => ws.close(1002),
    }
    ws.on('message', (data) => this.receive(String(data)))
    ws.on('close', () => this.end())
  }

  private receive(text: string): void {
    this.pulse.heardAt = this.shared.system.clock.monotonic()
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
        this.write(frameText('RECEIPT', [['receipt-id', escapeHeader(receipt)]]))
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
    this.write(
      frameText('CONNECTED', [
        ['version', version],
        ['heart-beat', `${heartbeatMs},${heartbeatMs}`],
      ]),
    )
    const [sends = 0, wants = 0] = (headers.get('heart-beat') ?? '0,0').split(',').map(Number)
    if (sends > 0) this.pulse.readMs = patience * Math.max(heartbeatMs, sends)
    if (wants > 0) this.pulse.writeMs = Math.max(heartbeatMs, wants)
    if (sends > 0 || wants > 0) this.stopBeating = this.broker.keepBeating(this.pulse)
  }

  private write(text: string): void {
    this.pulse.writtenAt = this.shared.system.clock.monotonic()
    this.ws.send(text)
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
    this.write(
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
    this.write(
      frameText('ERROR', [
        ['message', escapeHeader(message)],
        ['status', status],
        ['content-length', 0],
      ]),
    )
    this.ws.close(1002)
  }

  private end(): void {
    this.stopBeating?.()
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
