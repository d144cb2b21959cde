import { describe, expect, it, onTestFinished } from 'vitest'
import WebSocket from 'ws'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { caller, createWeather, gateway } from './state.js'
import { tokens } from './wire.js'

interface Socket {
  socket: WebSocket
  messages: string[]
  /** Waits until `is` holds. */
  until(is: (messages: string[]) => boolean): Promise<void>
}

async function open(on: Gateway, path: string, headers = {}): Promise<Socket> {
  const socket = new WebSocket(`${on.url.replace('http', 'ws')}${path}`, { headers })
  onTestFinished(() => socket.terminate())
  const messages: string[] = []
  let wake = (): void => undefined
  socket.on('message', (data) => {
    messages.push(String(data))
    wake()
  })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const until: Socket['until'] = async (is) => {
    while (!is(messages)) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { socket, messages, until }
}

const message = (n: number, symbol = 'st-1'): object => ({
  symbol,
  timestamp: new Date(Date.UTC(2026, 10, 2) + n * 1000).toISOString(),
  temperature: n,
})

const frame = (...lines: string[]): string => `${lines.join('\n')}\n\n\0`

describe('live select', () => {
  it('joins history and live without a gap or a double while messages keep coming', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createWeather(call)
    const history = Array.from({ length: 3000 }, (_, n) => message(n + 1))
    await call('POST', 'weather/write', history)
    const { access } = await tokens(on)
    const headers = { Authorization: `Bearer ${access}` }
    const total = 3400
    const writing = (async () => {
      for (let n = 3001; n <= total; n += 2) {
        await call('POST', 'weather/write', [message(n), message(n + 1)])
      }
    })()
    const { messages, until } = await open(on, '/ws/v0/weather/select?live&symbols=st-1', headers)
    await writing
    await until((all) => all.length >= total)
    const seen = messages.map((text) => Number(JSON.parse(text)[0].temperature))
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  })
})

describe('STOMP', () => {
  it('monitors conflated: the latest of each symbol, and nothing while nothing comes', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createWeather(call)
    const { access } = await tokens(on)
    const { socket, messages, until } = await open(on, '/stomp/v0')
    socket.send(frame('CONNECT', 'accept-version:1.2', 'heart-beat:0,0', `authorization:${access}`))
    socket.send(frame('SUBSCRIBE', 'id:m', 'destination:/user/topic/monitor/weather'))
    await until((all) => all.length === 1)
    const many = Array.from({ length: 50 }, (_, n) => [message(n), message(n, 'st-2')]).flat()
    await call('POST', 'weather/write', many)
    await until((all) => all.length === 2)
    const rows = JSON.parse(/\n\n(.*)\0$/s.exec(messages[1] ?? '')?.[1] ?? '[]')
    expect(rows).toMatchObject([
      { symbol: 'st-1', temperature: '49.0' },
      { symbol: 'st-2', temperature: '49.0' },
    ])
  })

  it('says nothing more on a monitor when TimeBase restarted, and keeps the session', async () => {
    const on = await gateway()
    const call = await caller(on)
    await createWeather(call)
    const { access } = await tokens(on)
    const { socket, messages, until } = await open(on, '/stomp/v0')
    socket.send(frame('CONNECT', 'accept-version:1.2', `authorization:${access}`))
    socket.send(frame('SUBSCRIBE', 'id:old', 'destination:/user/topic/monitor/weather'))
    await call('POST', 'weather/write', [message(1)])
    await until((all) => all.length === 2)
    on.restartTimebase()
    socket.send(frame('SUBSCRIBE', 'id:new', 'destination:/user/topic/monitor/weather'))
    await until((all) => all.length === 3)
    await call('POST', 'weather/write', [message(2)])
    await until((all) => all.length === 4)
    const ids = messages.slice(1).map((text) => /\nsubscription:(\w+)/.exec(text)?.[1])
    expect(ids).toEqual(['old', 'new', 'new'])
  })

  it('tells of streams that come and go', async () => {
    const on = await gateway()
    const call = await caller(on)
    const { access } = await tokens(on)
    const { socket, messages, until } = await open(on, '/stomp/v0')
    socket.send(frame('CONNECT', 'accept-version:1.2', `authorization:${access}`))
    socket.send(frame('SUBSCRIBE', 'id:s', 'destination:/topic/streams'))
    await until((all) => all.length >= 1)
    await createWeather(call)
    await until((all) => all.some((text) => text.includes('DB_STATE')))
    expect(messages.join()).toContain('"added":["weather"]')
  })

  it('takes a CONNECT signed with an API key, as documented', async () => {
    const on = await gateway({ apiKeys: [{ name: 'wx-key', key: 'wx-secret-1', user: 'admin' }] })
    const signature = '7wm6vCDpRsldtn8zQYaWV1cToKtzRqIiu5MtZhewbJs2C93xrKrrgGcMfWl7Kr6B'
    const lines = ['CONNECT', 'accept-version:1.2', 'X-Deltix-ApiKey:wx-key']
    const { socket, messages, until } = await open(on, '/stomp/v0')
    const payload = 'X-Deltix-Payload:p-0001'
    socket.send(frame(...lines, payload, `X-Deltix-Signature:${signature}`))
    await until((all) => all.length === 1)
    expect(messages[0]).toMatch(/^CONNECTED\n/)
    const other = await open(on, '/stomp/v0')
    other.socket.send(frame(...lines, payload, 'X-Deltix-Signature:AAAA'))
    await other.until((all) => all.length === 1)
    expect(other.messages[0]).toMatch(/^ERROR\n/)
  })
})
