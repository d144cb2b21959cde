import { writeFileSync } from 'node:fs'
import { createServer, get, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startMirror } from '../../src/sandbox/mirror.js'
import { makeCertificate } from '../support/certificates.js'
import { wxstation } from '../support/program.js'
import { temporaryFolder, testSystem } from '../support/system.js'

const day = 86_400_000

async function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Hands every request on to the sandbox's mirror, as a site that only a proxy reaches would. */
async function mirror(): Promise<RequestListener> {
  const { url, stop } = await startMirror({}, testSystem())
  onTestFinished(stop)
  return (request, response) => {
    get(`${url}${request.url}`, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
  }
}

/** A proxy that tunnels everything to one port, or refuses; tells what it was asked for. */
async function proxyTo(port: number | undefined): Promise<{ url: string; asked: Set<string> }> {
  const asked = new Set<string>()
  const server = createServer().on('connect', (request, socket) => {
    asked.add(request.url ?? '')
    if (port === undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      target.pipe(socket)
      socket.pipe(target)
    })
    for (const [one, other] of [
      [socket, target],
      [target, socket],
    ] as const)
      one.on('error', () => other.destroy())
  })
  return { url: `http://127.0.0.1:${await listening(server)}`, asked }
}

const none = { http_proxy: '', HTTP_PROXY: '', https_proxy: '', HTTPS_PROXY: '', NO_PROXY: '' }

function fetchFirmware(mirrorUrl: string, env: Record<string, string>) {
  const folder = temporaryFolder()
  return wxstation(['firmware', 'fetch', 'micropython', '--json'], {
    ...{ ...none, no_proxy: '', XDG_CACHE_HOME: folder, XDG_DATA_HOME: folder },
    ...{ XDG_CONFIG_HOME: folder, WXSTATION_FIRMWARE_MIRROR: mirrorUrl, ...env },
  })
}

describe('a download', () => {
  it.each(['http_proxy', 'HTTP_PROXY'])('goes through the proxy of %s', async (name) => {
    const port = await listening(createServer(await mirror()))
    const { url, asked } = await proxyTo(port)
    const { code, out } = await fetchFirmware('http://firmware.example', { [name]: url })
    expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, version: '1.27.0' })
    expect([...asked]).toEqual(['firmware.example:80'])
  })

  it.each(['https_proxy', 'HTTPS_PROXY'])(
    'over TLS goes through the proxy of %s, and is verified behind it',
    async (name) => {
      const now = Date.now()
      const made = makeCertificate({
        ...{ name: 'firmware.example', isAuthority: true },
        ...{ from: new Date(now - day), to: new Date(now + day) },
      })
      const file = join(temporaryFolder(), 'root.pem')
      writeFileSync(file, made.pem)
      const site = createSecureServer({ key: made.keyPem, cert: made.pem }, await mirror())
      const { url, asked } = await proxyTo(await listening(site))
      const trusted = { [name]: url, NODE_EXTRA_CA_CERTS: file }
      const { code, out } = await fetchFirmware('https://firmware.example', trusted)
      expect({ code, ...JSON.parse(out) }).toMatchObject({ code: 0, version: '1.27.0' })
      expect([...asked]).toEqual(['firmware.example:443'])
      const untrusted = await fetchFirmware('https://firmware.example', { [name]: url })
      expect(untrusted.code).toBe(9)
    },
  )

  // Only Linux answers on every address of 127.0.0.0/8, and the program itself spares 127.0.0.1.
  it.skipIf(process.platform !== 'linux').each([
    ['127.0.0.2', 0],
    ['.example,127.0.0.2', 0],
    ['firmware.example', 1],
    ['', 1],
  ])('to 127.0.0.2 with NO_PROXY "%s" asks the proxy for %i sites', async (noProxy, count) => {
    const port = await listening(createServer(await mirror()), '127.0.0.2')
    const relay = await listening(createServer(await mirror()))
    const { url, asked } = await proxyTo(relay)
    const env = { http_proxy: url, NO_PROXY: noProxy }
    const { code } = await fetchFirmware(`http://127.0.0.2:${port}`, env)
    expect({ code, count: asked.size }).toEqual({ code: 0, count })
  })

  it('that the proxy refuses ends with an error that names the proxy, and keeps nothing', async () => {
    const { url } = await proxyTo(undefined)
    const { code, out, err } = await fetchFirmware('http://firmware.example', { http_proxy: url })
    expect({ code, text: out + err }).toEqual({ code: 9, text: expect.stringMatching(/proxy/) })
  })
})
