import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Gateway, startGateway } from '../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../src/system/node.js'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

const password = 'p&a+s%s'

async function gatewayWithStream(): Promise<Gateway> {
  const gateway = await startGateway({ folder: temporaryFolder(), password }, nodeSystem())
  onTestFinished(() => gateway.stop())
  const ddl = new URL('../../templates/weather_record.ddl', import.meta.url)
  await ask(gateway, 'query', { query: readFileSync(ddl, 'utf8') })
  return gateway
}

async function ask(gateway: Gateway, path: string, body: object): Promise<unknown> {
  const login = await fetch(`${gateway.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('web:secret')}` },
    body: new URLSearchParams({ grant_type: 'password', username: 'admin', password }),
  })
  const { access_token } = (await login.json()) as { access_token: string }
  const answer = await fetch(`${gateway.url}/api/v0/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return answer.json()
}

/** Connection by connection: `cut` says after how many bytes, and of which direction, it breaks. */
async function cuttingProxy(
  port: number,
  cut: (connection: number) => { request?: number; answer?: number },
): Promise<{ url: string; count: () => number }> {
  let count = 0
  const pump = (from: Socket, to: Socket, limit = Number.POSITIVE_INFINITY): void => {
    let left = limit
    from.on('data', (data) => {
      to.write(data.subarray(0, Math.min(left, data.length)))
      left -= data.length
      if (left > 0) return
      // What was let through arrives; then both ends find the connection gone.
      to.end()
      from.destroy()
    })
    from.on('error', () => to.destroy())
    from.on('close', () => to.end())
  }
  const server = createServer((near) => {
    const { request, answer } = cut(count++)
    const far = connect(port, '127.0.0.1')
    pump(near, far, request)
    pump(far, near, answer)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { url: `http://127.0.0.1:${address.port}`, count: () => count }
}

describe.skipIf(missing)(`the station's uploads in real MicroPython ${missing ?? ''}`, () => {
  for (const [direction, most] of [
    ['request', 2400],
    ['answer', 600],
  ] as const)
    it(`loses and doubles nothing when each connection breaks within the ${direction}`, async () => {
      const gateway = await gatewayWithStream()
      // A prime step visits other bytes in each pass; the last connections live.
      const proxy = await cuttingProxy(gateway.port, (n) =>
        // The first one lives long enough for a token, so that all others break in the data.
        n === 0 ? { [direction]: 4000 } : n < 400 ? { [direction]: 1 + ((n * 607) % most) } : {},
      )
      const { results, text } = await python('upload_cuts.py', {
        args: [proxy.url, password, '150'],
      })
      const [result] = results
      expect(result, text).toMatchObject({ taken: 450, queued: 0, refused: 0 })
      expect(proxy.count()).toBeGreaterThan(100)
      const rows = (await ask(gateway, 'weather_record/select', { rows: 10_000 })) as {
        pressure: string
      }[]
      expect(rows.map((row) => Math.round(Number(row.pressure) * 100))).toEqual(
        Array.from({ length: 450 }, (_, i) => 90_001 + i),
      )
    }, 120_000)
})
