import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

const asked: string[] = []
const local = createServer((request, response) => {
  asked.push(`local ${request.url}`)
  response.end('local')
})
const proxy = createServer().on('connect', (request, socket) => {
  asked.push(`proxy ${request.url}`)
  socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
})
const portOf = (server: Server): number => (server.address() as AddressInfo).port

beforeAll(async () => {
  for (const server of [proxy, local])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A proxy alone, as many shells have it: nobody thought of NO_PROXY.
  vi.stubEnv('NO_PROXY', undefined)
  vi.stubEnv('no_proxy', undefined)
  vi.stubEnv('http_proxy', `http://127.0.0.1:${portOf(proxy)}`)
})
afterAll(() => {
  vi.unstubAllEnvs()
  proxy.close()
  local.close()
})

it('asks the proxy for the world, and this computer itself', async () => {
  const { nodeFetch } = await import('../../../src/system/fetch.js')
  const near = await nodeFetch(`http://127.0.0.1:${portOf(local)}/ping`)
  expect(await near.text()).toBe('local')
  // Not an abort: nobody has interrupted anything.
  await expect(nodeFetch('http://firmware.example/catalog.json')).rejects.toMatchObject({
    name: 'Error',
    code: 'ERR_PROXY_REFUSED',
  })
  expect(asked).toEqual(['local /ping', 'proxy firmware.example:80'])
})

it('takes no text for a proxy, and does not repeat it: it may hold a password', async () => {
  const { nodeFetch } = await import('../../../src/system/fetch.js')
  vi.stubEnv('http_proxy', 'user:geheim')
  // A pool of its own.
  const error = await nodeFetch('http://firmware.example', { insecure: true }).catch((one) => one)
  expect(error).toMatchObject({ code: 'SETTINGS_INVALID' })
  expect(`${error.stack} ${error.hint} ${error.cause}`).not.toContain('geheim')
})
