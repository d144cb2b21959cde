import { tcpProxy } from './tcp-proxy.js'

export interface RateLimit {
  url: string
  /** Every rate the host has asked for, in order. */
  rates: number[]
}

const setBaud = Uint8Array.of(255, 250, 44, 1)
const telnetByte = 255

/** A cable in front of an rfc2217 board that is good up to a rate and carries nothing above it. */
export async function rateLimited(board: string, mostBaud: number): Promise<RateLimit> {
  const rates: number[] = []
  const none = Buffer.alloc(0)
  const pass = (bytes: Buffer): Buffer =>
    bytes.includes(telnetByte) || (rates.at(-1) ?? 0) <= mostBaud ? bytes : none
  const { url } = await tcpProxy(board, {
    toBoard(bytes) {
      const at = bytes.indexOf(setBaud)
      if (at >= 0) rates.push(bytes.readUInt32BE(at + setBaud.length))
      return pass(bytes)
    },
    toHost: pass,
  })
  return { url, rates }
}
