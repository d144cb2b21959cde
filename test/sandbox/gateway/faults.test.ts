import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { noGatewayFaults } from '../../../src/sandbox/gateway/faults.js'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { caller, createWeather, gateway } from './state.js'
import { exchange, tokens } from './wire.js'

const message = [{ symbol: 'a', timestamp: '2026-11-02T10:00:00.000Z', temperature: 1 }]

async function weather(): Promise<{ on: Gateway; headers: Record<string, string> }> {
  const on = await gateway()
  await createWeather(await caller(on))
  const { access } = await tokens(on)
  return {
    on,
    headers: { Authorization: `Bearer ${access}`, 'Content-Type': 'application/json' },
  }
}

const write = (on: Gateway, headers: Record<string, string>): ReturnType<typeof exchange> =>
  exchange(on, {
    method: 'POST',
    path: '/api/v0/weather/write',
    headers,
    body: JSON.stringify(message),
  })

const rows = async (on: Gateway): Promise<number> =>
  (JSON.parse(await (await caller(on))('GET', 'weather/select')) as unknown[]).length

/** All bytes of one answer, whatever becomes of the connection. */
function rawGet(on: Gateway, path: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(on.port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    })
    socket.on('data', (data) => {
      text += String(data)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

describe('faults', () => {
  it('loses the answer of a write that was stored, once', async () => {
    const { on, headers } = await weather()
    Object.assign(on.faults, { answerLost: true, only: 'POST /api/v0/weather/write', times: 1 })
    await expect(write(on, headers)).rejects.toThrow()
    expect(await rows(on)).toBe(1)
    expect((await write(on, headers)).status).toBe(200)
  })

  it('breaks the connection inside the request, and nothing is stored', async () => {
    const { on, headers } = await weather()
    Object.assign(on.faults, { cutRequestAfter: 10, only: '/write' })
    await expect(write(on, headers)).rejects.toThrow()
    Object.assign(on.faults, noGatewayFaults())
    expect(await rows(on)).toBe(0)
  })

  it.each([0, 1, 20, 100])('breaks the connection after %i bytes of the answer', async (bytes) => {
    const on = await gateway()
    on.faults.cutAnswerAfter = bytes
    const text = await rawGet(on, '/api/v0/v')
    expect(text).toHaveLength(bytes)
    expect('HTTP/1.1 200 OK\r\n'.startsWith(text.slice(0, 17))).toBe(true)
  })

  it('answers 503 or a captive portal when told to', async () => {
    const { on, headers } = await weather()
    on.faults.status = 503
    expect(await write(on, headers)).toMatchObject({
      status: 503,
      headers: { 'content-type': 'text/html', connection: 'close' },
    })
    on.faults.status = undefined
    on.faults.captivePortal = true
    const { status, body } = await write(on, headers)
    expect({ status, isPage: body?.startsWith('<!DOCTYPE html>') }).toEqual({
      status: 200,
      isPage: true,
    })
    on.faults.captivePortal = false
    expect(await rows(on)).toBe(0)
  })

  it('never answers while it stalls, and lets go when the client does', async () => {
    const on = await gateway()
    on.faults.stallMs = Number.POSITIVE_INFINITY
    const socket = connect(on.port, '127.0.0.1')
    socket.write('GET /ping HTTP/1.1\r\nHost: x\r\n\r\n')
    let heard = 0
    socket.on('data', (data) => {
      heard += data.length
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(heard).toBe(0)
    socket.destroy()
  })

  it('stalls one connection again and again without keeping anything of it', async () => {
    const on = await gateway()
    on.faults.stallMs = 1
    const warnings: Error[] = []
    const onWarning = (warning: Error): void => void warnings.push(warning)
    process.on('warning', onWarning)
    const socket = connect(on.port, '127.0.0.1')
    // Node warns of the eleventh listener of a kind.
    for (let n = 0; n < 12; n++) {
      socket.write('GET /ping HTTP/1.1\r\nHost: x\r\n\r\n')
      await once(socket, 'data')
    }
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    socket.destroy()
    expect(warnings).toEqual([])
  })

  it('voids every token at a restart and keeps the data', async () => {
    const { on, headers } = await weather()
    await write(on, headers)
    await on.restart()
    expect(await write(on, headers)).toMatchObject({ status: 401 })
    expect(await rows(on)).toBe(1)
  })
})
