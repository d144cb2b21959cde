import net from 'node:net'
import { onTestFinished } from 'vitest'

export interface RateLimit {
  url: string
  /** Every rate the host has asked for, in order. */
  rates: number[]
  /** Above this rate nothing that is sent arrives, either way. */
  mostBaud: number
}

const setBaud = Uint8Array.of(255, 250, 44, 1)
const telnetByte = 255

/** A cable in front of an rfc2217 board that is good up to a rate and carries nothing above it. */
export async function rateLimited(board: string, mostBaud: number): Promise<RateLimit> {
  const limit: RateLimit = { url: '', rates: [], mostBaud }
  const port = Number(new URL(board.replace('rfc2217', 'http')).port)
  const sockets = new Set<net.Socket>()
  const passes = (bytes: Buffer): boolean =>
    bytes.includes(telnetByte) || (limit.rates.at(-1) ?? 0) <= limit.mostBaud
  const server = net.createServer((host) => {
    const chip = net.connect(port, '127.0.0.1')
    host.on('data', (bytes: Buffer) => {
      const at = bytes.indexOf(setBaud)
      if (at >= 0) limit.rates.push(bytes.readUInt32BE(at + setBaud.length))
      if (passes(bytes)) chip.write(bytes)
    })
    chip.on('data', (bytes: Buffer) => passes(bytes) && host.write(bytes))
    for (const socket of [host, chip]) {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', () => {})
      socket.on('close', () => {
        host.destroy()
        chip.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  limit.url = `rfc2217://127.0.0.1:${(server.address() as net.AddressInfo).port}`
  return limit
}
