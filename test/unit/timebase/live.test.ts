import { describe, expect, it } from 'vitest'
import { WxError } from '../../../src/errors.js'
import type { FetchResponse, WebSocketLike } from '../../../src/system.js'
import { openStompBell, ringsOf } from '../../../src/timebase/live.js'
import type { Ring } from '../../../src/timebase/source.js'
import { encodeFrame, FrameReader } from '../../../src/timebase/stomp.js'
import { type FakeClock, fakeClock } from '../../support/clock.js'
import { wireEntries } from '../../support/wire.js'

interface Script {
  clock: FakeClock
  sent: string[]
  /** What the server sends. */
  say(text: string | Uint8Array): void
  /** The server closes, or the connection breaks. */
  end(error?: Error): void
  isClosed(): boolean
  system: Parameters<typeof openStompBell>[1]
  urls: string[]
  /** When the server was asked whether it is there, ms. */
  pings: number[]
  /** Its answer; rejects or never comes where it is not. */
  answer: () => Promise<FetchResponse>
}

const pong: FetchResponse = {
  status: 200,
  headers: {},
  body: (async function* () {})(),
  text: async () => '',
  bytes: async () => new Uint8Array(),
  discard: async () => {},
}
const never = (): Promise<never> => new Promise(() => {})

function script(handshake: () => Promise<void> = async () => {}): Script {
  const clock = fakeClock()
  const sent: string[] = []
  const urls: string[] = []
  const queue: (string | Uint8Array)[] = []
  let wake = (): void => {}
  let ended = false
  let failure: Error | undefined
  let closed = false
  async function* messages(): AsyncGenerator<string | Uint8Array> {
    while (true) {
      const next = queue.shift()
      if (next !== undefined) yield next
      else if (failure) throw failure
      else if (ended) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  const socket: WebSocketLike = {
    send: (data) => void sent.push(String(data)),
    // As a dead peer: the closing handshake is never answered.
    close: () => {
      closed = true
    },
    messages: messages(),
    closed: new Promise(() => {}),
  }
  const one: Script = {
    clock,
    sent,
    urls,
    pings: [],
    answer: async () => pong,
    say(text) {
      queue.push(text)
      wake()
    },
    end(error) {
      failure = error
      ended = true
      wake()
    },
    isClosed: () => closed,
    system: {
      clock,
      fetch(url) {
        expect(url).toBe('https://tb.example/base/ping')
        one.pings.push(clock.monotonic())
        return one.answer()
      },
      async webSocket(url) {
        urls.push(url)
        await handshake()
        return socket
      },
    },
  }
  return one
}

const options = {
  server: 'https://tb.example/base',
  stream: 'weather/é',
  login: { authorization: 'jwt' },
}
const connected = 'CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\0'

/** Opens the bell and collects what it rings. */
async function listening(
  one: Script,
  hello = connected,
): Promise<{ rung: Ring[]; failure(): unknown; over(): boolean }> {
  const signal = new AbortController().signal
  const opening = openStompBell(
    { ...options, symbols: ['a'], from: '2026-11-23T00:00:00.000Z' },
    one.system,
    signal,
  )
  await one.clock.advance(0)
  one.say(hello)
  const bell = await opening
  const rung: Ring[] = []
  let failure: unknown
  let over = false
  void (async () => {
    try {
      for await (const rings of bell.rings) rung.push(...rings)
    } catch (error) {
      failure = error
    }
    over = true
  })()
  await one.clock.advance(0)
  return { rung, failure: () => failure, over: () => over }
}

const message = (body: string): string => encodeFrame({ command: 'MESSAGE', headers: {}, body })

describe('the bell', () => {
  it('speaks as recorded: raw token, subscription of the encoded stream', async () => {
    const one = script()
    await listening(one)
    expect(one.urls).toEqual(['wss://tb.example/base/stomp/v0'])
    const reader = new FrameReader()
    const [connect, subscribe] = one.sent.flatMap((text) => reader.take(text))
    expect(connect).toMatchObject({ command: 'CONNECT', headers: { authorization: 'jwt' } })
    expect(subscribe?.headers).toMatchObject({
      destination: '/user/topic/monitor/weather%2F%C3%A9',
      fromTimestamp: '2026-11-23T00:00:00.000Z',
      symbols: '["a"]',
    })
    // As the recording has it: colons of header values are escaped.
    const recorded = wireEntries('websocket').find(({ name }) => name === 'stomp-monitor')
    const text = recorded?.frames.find((frame) => frame.text?.startsWith('SUBSCRIBE'))?.text
    expect(text).toContain('fromTimestamp:2026-11-23T21\\c47\\c43.595Z')
    expect(one.sent[1]).toContain('fromTimestamp:2026-11-23T00\\c00\\c00.000Z')
  })

  it('rings for the symbols of each message, also as bytes in pieces', async () => {
    const one = script()
    const { rung } = await listening(one)
    const body = JSON.stringify([{ symbol: 'ä', timestamp: 't1', temperature: '1' }])
    const bytes = Buffer.from(message(body))
    one.say(bytes.subarray(0, 30))
    one.say(bytes.subarray(30))
    one.say('\n')
    one.say(message('stomp_error'))
    one.say(message('{"message":"stomp_error"}'))
    await one.clock.advance(0)
    expect(rung).toEqual([{ symbol: 'ä', timestamp: 't1' }])
  })

  it('sends its own heartbeats and lives as long as the server sends its', async () => {
    const one = script()
    const { over } = await listening(one)
    for (let i = 0; i < 10; i++) {
      await one.clock.advance(10_000)
      one.say('\n')
    }
    await one.clock.advance(0)
    expect(over()).toBe(false)
    expect(one.sent.filter((text) => text === '\n').length).toBeGreaterThanOrEqual(10)
  })

  it('takes 20 s of silence for what they are, as long as the server answers elsewhere', async () => {
    const one = script()
    const { over } = await listening(one)
    for (let i = 0; i < 10; i++) {
      await one.clock.advance(19_900)
      one.say('\n')
    }
    await one.clock.advance(0)
    expect(over()).toBe(false)
    expect(one.pings).toHaveLength(10)
  })

  it.each([
    ['breaks', async () => Promise.reject(new Error('ECONNREFUSED'))],
    ['never answers', never],
    ['is not behind its proxy', async () => ({ ...pong, status: 502 })],
  ])('notices within 15 s a server that %s', async (_what, answer) => {
    const one = script()
    one.answer = answer
    const { failure } = await listening(one)
    await one.clock.advance(10_000)
    expect(failure()).toBeUndefined()
    await one.clock.advance(5000)
    expect(failure()).toMatchObject({ code: 'NETWORK_UNREACHABLE' })
    expect(one.isClosed()).toBe(true)
    const sent = one.sent.length
    await one.clock.advance(60_000)
    expect(one.sent).toHaveLength(sent)
  })

  it('asks again at once where the first question met a connection just closed', async () => {
    const one = script()
    const { over } = await listening(one)
    one.answer = async () => {
      one.answer = async () => pong
      throw new Error('ECONNRESET')
    }
    await one.clock.advance(15_000)
    expect(one.pings).toEqual([10_500, 10_500])
    expect(over()).toBe(false)
  })

  it('gives a connection up that misses three beats, though the server lives', async () => {
    const one = script()
    const { failure } = await listening(one)
    await one.clock.advance(30_000)
    expect(failure()).toBeUndefined()
    await one.clock.advance(2000)
    expect(failure()).toMatchObject({ code: 'NETWORK_UNREACHABLE' })
  })

  it.each([
    ['says that it does not', 'CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0'],
    ['says nothing of it', 'CONNECTED\nversion:1.2\n\n\0'],
  ])('lives without beats where the server %s, and answers elsewhere', async (_what, hello) => {
    const one = script()
    const { failure } = await listening(one, hello)
    await one.clock.advance(120_000)
    expect(failure()).toBeUndefined()
    one.answer = never
    await one.clock.advance(15_000)
    expect(failure()).toMatchObject({ code: 'NETWORK_UNREACHABLE' })
  })

  it.each([
    ['closes', (one: Script) => one.end()],
    ['breaks', (one: Script) => one.end(new Error('ECONNRESET'))],
    ['sends garbage', (one: Script) => one.say('garbage\0')],
    ['sends ERROR', (one: Script) => one.say('ERROR\nmessage:no\n\n\0')],
  ])('ends when the server %s', async (_what, act) => {
    const one = script()
    const { over, failure } = await listening(one)
    act(one)
    await one.clock.advance(0)
    expect(over()).toBe(true)
    if (failure() !== undefined) expect(failure()).toBeInstanceOf(WxError)
  })
})

describe('a bell that cannot be hung up', () => {
  const open = (one: Script, signal = new AbortController().signal): Promise<unknown> =>
    openStompBell(options, one.system, signal).then(
      () => 'open',
      (error: unknown) => error,
    )

  it('is blocked where the handshake fails', async () => {
    const one = script(async () => {
      throw new Error('Unexpected server response: 403')
    })
    expect(await open(one)).toMatchObject({ code: 'LIVE_BLOCKED' })
  })

  it('is blocked where the handshake never ends', async () => {
    const one = script(() => new Promise(() => {}))
    const opening = open(one)
    await one.clock.advance(10_000)
    expect(await opening).toMatchObject({ code: 'LIVE_BLOCKED' })
  })

  it.each(wireEntries('websocket').filter(({ name }) => /^stomp-(no|bad)-token$/.test(name)))(
    'is blocked at $name as recorded',
    async ({ frames }) => {
      const one = script()
      const opening = open(one)
      await one.clock.advance(0)
      for (const { dir, text } of frames) if (dir === 'in' && text) one.say(text)
      one.end()
      await one.clock.advance(0)
      expect(await opening).toMatchObject({ code: 'LIVE_BLOCKED' })
      expect(one.isClosed()).toBe(true)
    },
  )

  it('ends with the command', async () => {
    const one = script(() => new Promise(() => {}))
    const stop = new AbortController()
    const opening = open(one, stop.signal)
    const reason = new WxError('INTERRUPTED', 'Interrupted.')
    stop.abort(reason)
    expect(await opening).toBe(reason)
  })
})

describe('messages of the monitor', () => {
  it.each([
    ['[]', []],
    ['', []],
    ['[', []],
    ['null', []],
    ['[null, 1, {"symbol":1,"timestamp":"t"}, {"symbol":"a"}]', []],
    ['[{"symbol":"a","timestamp":"t"}]', [{ symbol: 'a', timestamp: 't' }]],
  ])('%s', (body, rings) => expect(ringsOf(body)).toEqual(rings))
})
