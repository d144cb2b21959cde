import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { type Gateway, startGateway } from '../../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../../src/system/node.js'
import { type Call, caller, createW3, createWeather, quarterHours } from './state.js'
import { filled, normalized, recorded, tokens } from './wire.js'

interface Frame {
  dir?: 'in' | 'out'
  text?: string
  ping?: string
  pong?: string
  close?: number
  note?: string
}

interface SocketEntry {
  name: string
  url: string
  headers: Record<string, string>
  handshake: { status: number; headers?: Record<string, string>; body?: string }
  frames: Frame[]
}

const secret = 'wx-secret-1'
const quietMs = 60

/** A WebSocket whose messages wait to be looked at. */
class Client {
  readonly socket: WebSocket
  readonly messages: string[] = []
  readonly opened: Promise<{ status: number; headers: Record<string, unknown>; body: string }>
  closeCode: number | undefined
  pongs: string[] = []
  private wake: () => void = () => undefined

  constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers })
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', () => resolve({ status: 101, headers: {}, body: '' }))
      this.socket.on('error', reject)
      this.socket.on('unexpected-response', (_request, response) => {
        let body = ''
        response.on('data', (chunk) => {
          body += String(chunk)
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      })
    })
    this.socket.on('message', (data) => {
      // A flush that fills a buffer twice is one frame on the wire; heart-beats say nothing.
      if (String(data) !== '\n') this.messages.push(String(data))
      this.wake()
    })
    this.socket.on('pong', (data) => {
      this.pongs.push(String(data))
      this.wake()
    })
    this.socket.on('close', (code) => {
      this.closeCode = code
      this.wake()
    })
  }

  /** Waits until `is` holds; the test's own ceiling ends what never does. */
  async until(is: () => boolean): Promise<void> {
    while (!is()) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  async next(): Promise<string> {
    await this.until(() => this.messages.length > 0)
    return this.messages.shift() as string
  }
}

type Row = { $type: string; symbol: string; timestamp: string }

const rowsOf = (text: string): Row[] => {
  const json = /\[\{.*\}\]/.exec(text)?.[0]
  return json ? (JSON.parse(json) as Row[]) : []
}

describe('websocket.jsonl', () => {
  let on: Gateway
  let call: Call
  let token: string
  const written = new Set<string>()
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-sockets-'))

  beforeAll(async () => {
    on = await startGateway(
      {
        folder,
        password: 'secret',
        apiKeys: [{ name: 'wx-key', key: secret, user: 'admin' }],
      },
      nodeSystem(),
    )
    call = await caller(on)
    token = (await tokens(on)).access
    await createWeather(call)
    await createW3(call)
    await createWeather(call, 'tmp')
    await call('POST', 'weather/write', quarterHours())
    for (const { symbol, timestamp } of quarterHours() as Row[]) written.add(symbol + timestamp)
  })
  afterAll(async () => {
    await on.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  const write = async (stream: string, rows: Row[], mode = 'APPEND'): Promise<void> => {
    const fresh = rows.filter(({ symbol, timestamp }) => !written.has(symbol + timestamp))
    // Two equal rows of one frame are two messages.
    if (fresh.length === 0) return
    const body = fresh.map(({ $type: _, ...row }) => row)
    await call('POST', `${stream}/write?writeMode=${mode}`, body)
    for (const { symbol, timestamp } of fresh) written.add(symbol + timestamp)
  }

  /** What happens on the server while a recorded socket is open, by the number of frames seen. */
  const meanwhile: Record<string, (seen: number) => Promise<unknown> | undefined> = {
    'live-late-same-symbol-insert': (seen) =>
      seen === 1
        ? call('POST', 'weather/write?writeMode=INSERT', [
            { symbol: 'st-41', timestamp: '2026-11-23T21:49:10.400Z', temperature: 1 },
          ])
        : undefined,
    // The second of two messages with one time.
    'live-duplicate-timestamps': (seen) =>
      seen === 2
        ? call('POST', 'weather/write', [
            { symbol: 'st-1', timestamp: '2026-11-23T21:44:44.876Z', temperature: 2 },
          ])
        : undefined,
    'live-no-symbols-no-subscription': () => {
      const timestamp = '2026-11-23T21:38:58.599Z'
      const row = { $type: 'weather_record', symbol: 'st-1', timestamp }
      return write('weather', [{ ...row, temperature: 25, humidity: 50 } as Row])
    },
    'live-stream-deleted': (seen) => (seen === 1 ? call('POST', 'tmp/delete') : undefined),
    'live-timebase-restart': async (seen) => (seen === 0 ? on.restartTimebase() : undefined),
  }

  /** Rows a socket asks for that were there before it opened. */
  const earlier: Record<string, Row[]> = {
    'live-set-subscription-from': ['50.137', '50.893', '53.008', '54.749', '58.599']
      .map((second) => `2026-11-23T21:38:${second}Z`)
      .concat('2026-11-23T21:39:00.418Z')
      .map((timestamp) => ({
        $type: 'weather_record',
        symbol: 'st-1',
        timestamp,
        temperature: timestamp.includes('50.893') ? 25.5 : 25,
        humidity: 50,
      })),
  }

  // In the order in which they were recorded, which their times tell: a station only appends.
  const recordedAt = (entry: SocketEntry): string => {
    const time = /2026-11-23T21(?::|\\+c)(\d\d)(?::|\\+c)(\d\d)/.exec(JSON.stringify(entry))
    // Its message number says that it came after the other STOMP entries.
    if (entry.name === 'stomp-bad-time') return 'last'
    return time ? `${time[1]}:${time[2]}` : ''
  }
  const inOrder = recorded<SocketEntry>('websocket').sort((a, b) =>
    recordedAt(a) < recordedAt(b) ? -1 : 1,
  )

  it.each(inOrder.map((entry) => [entry.name, entry] as const))('%s', async (name, entry) => {
    on.faults.timebaseDown = name === 'down-websocket'
    await write('weather', earlier[name] ?? [], 'INSERT')
    const path = entry.url.split('?')[0] ?? ''
    const text = `GET${path}from=2026-11-02T12:15:00.000Z&symbols=st-1&to=2026-11-03T00:00:00.000Z`
    const key = name.includes('bad-signature') ? 'other' : secret
    const signature = createHmac('sha384', key).update(text).digest('base64')
    const values = { access_token: token, signature }
    const client = new Client(
      `${on.url.replace('http', 'ws')}${filled(entry.url, values)}`,
      Object.fromEntries(
        Object.entries(entry.headers).map(([header, value]) => [header, filled(value, values)]),
      ),
    )
    const opened = await client.opened
    expect(opened.status).toBe(entry.handshake.status)
    if (entry.handshake.body !== undefined) expect(opened.body).toBe(entry.handshake.body)
    for (const [header, value] of Object.entries(entry.handshake.headers ?? {})) {
      expect(opened.headers[header.toLowerCase()]).toBe(value)
    }
    on.faults.timebaseDown = false
    const stream = /^\/ws\/v0\/(\w+)\//.exec(entry.url)?.[1] ?? 'weather'
    let seen = 0
    for (const frame of entry.frames) {
      await meanwhile[name]?.(seen)
      if (frame.ping !== undefined) client.socket.ping(frame.ping)
      else if (frame.pong !== undefined) {
        await client.until(() => client.pongs.includes(frame.pong ?? ''))
      } else if (frame.close !== undefined) {
        await client.until(() => client.closeCode !== undefined)
        expect(client.closeCode).toBe(frame.close)
      } else if (frame.dir === 'out') client.socket.send(filled(frame.text ?? '', values))
      else if (frame.dir === 'in') {
        const isLive = /live|monitor/.test(name)
        // What the subscription covers is written when its turn comes.
        if (isLive) {
          await new Promise((resolve) => setTimeout(resolve, quietMs / 2))
          await write(stream === 'tmp' ? 'tmp' : 'weather', rowsOf(frame.text ?? ''))
        }
        const own = await client.next()
        expect(steady(own)).toEqual(steady(frame.text ?? ''))
        seen++
      } else if (frame.note) {
        await new Promise((resolve) => setTimeout(resolve, quietMs))
        expect({ messages: client.messages, closed: client.closeCode }).toEqual({
          messages: [],
          closed: undefined,
        })
      }
    }
    client.socket.terminate()
  })
})

/** STOMP frames carry a session id; the number of a message counts over all sessions. */
function steady(text: string): unknown {
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
  return normalized(
    text.replace(uuid, '<uuid>').replace(/"\$type":"r"/, '"$type":"weather_record"'),
  )
}
