import { readFileSync } from 'node:fs'
import { request as forward } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.js'
import { type Bench, provisionBench } from '../support/bench.js'
import type { TestSystem } from '../support/system.js'

// Made with OpenSSL, valid until 2120: server.pem is for localhost and sandbox.local, signed by
// root.pem; foreign.pem has signed nothing here.
const path = (name: string): string =>
  fileURLToPath(new URL(`../support/tls/${name}`, import.meta.url))

describe('provision with a TimeBase behind TLS', () => {
  let bench: Bench
  let proxy: Server
  let env: Record<string, string>

  beforeAll(async () => {
    bench = await provisionBench()
    proxy = await tlsProxy(bench.sandbox.gateway.port)
    const { port } = proxy.address() as AddressInfo
    env = {
      WXSTATION_TIMEBASE_URL: `https://localhost:${port}`,
      // This computer does not know the name: what the board trusts is found at the first address.
      WXSTATION_TIMEBASE_BOARD_URL: `https://sandbox.local:${port}`,
    }
  })
  afterAll(async () => {
    proxy?.closeAllConnections()
    await new Promise((resolve) => proxy?.close(resolve))
    await bench?.stop()
  })

  const provision = async (
    ...args: string[]
  ): Promise<{ code: number; err: string; out: string }> => {
    const system: TestSystem = bench.computer({ env })
    const code = await run(['provision', '--wifi', ...args], system)
    return { code, err: system.err(), out: system.out() }
  }

  it.each([
    ['no certificate', []],
    ['a foreign certificate', ['--ca', path('foreign.pem')]],
  ])('is refused with %s, before a board is touched', async (_what, args) => {
    const { code, out } = await provision('--json', '--port', 'rfc2217://127.0.0.1:1', ...args)
    expect(code, out).toBe(9)
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'TLS_UNTRUSTED' } })
  })

  it('refuses a --ca that is no certificate', async () => {
    const { code, out } = await provision('--json', '--ca', path('server.key'))
    expect(code, out).toBe(3)
  })

  it('plans the root for the board with --ca', async () => {
    const { code, out } = await provision('--json', '--dry-run', '--ca', path('root.pem'))
    expect(code, out).toBe(0)
    const { plan } = JSON.parse(out) as { plan: { add: { name: string }[] } }
    expect(plan.add.map(({ name }) => name)).toContain('ca.der')
  })

  it('ends with a record that came over TLS, from a chip that begins in the year 2000', async () => {
    const { code, out, err } = await provision('--json', '--ca', path('root.pem'))
    expect(code, out + err).toBe(0)
  }, 120_000)

  it('gets the root again with a setting that needs it', async () => {
    const list = 'import os\nprint("ca.der"in os.listdir())'
    await bench.atPrompt('import os\nos.remove("ca.der")')
    const set = async (...pairs: string[]): Promise<void> => {
      const more = { ...env, WXSTATION_TIMEBASE_CA: path('root.pem') }
      const system = bench.computer({ env: more })
      const code = await run(['config', 'set', ...pairs], system)
      expect(code, system.err()).toBe(0)
    }
    await set('tls=insecure')
    expect(await bench.atPrompt(list)).toBe('False\n')
    await set('tls=verified')
    expect(await bench.atPrompt(list)).toBe('True\n')
  }, 120_000)
})

function tlsProxy(target: number): Promise<Server> {
  const server = createServer(
    { cert: readFileSync(path('server.pem')), key: readFileSync(path('server.key')) },
    (request, response) => {
      const { method, url, headers } = request
      const onward = forward({ port: target, host: '127.0.0.1', method, path: url, headers })
      onward.on('response', (answer) => {
        // A board speaks HTTP/1.0, which knows no chunks.
        const { 'transfer-encoding': _chunked, ...kept } = answer.headers
        response.writeHead(answer.statusCode ?? 502, kept)
        answer.pipe(response)
      })
      onward.on('error', () => response.destroy())
      request.pipe(onward)
    },
  )
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
