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
  await expect(nodeFetch('http://firmware.example/catalog.json')).rejects.toThrow()
  expect(asked).toEqual(['local /ping', 'proxy firmware.example:80'])
})
