import { tcpProxy } from './tcp-proxy.js'

export interface RateLimit {
  url: string
  /** Every rate the host has asked for, in order. */
  rates: number[]
}

const setBaud = Uint8Array.of(255, 250, 44, 1)
const telnetByte = 255
/** What a stub says when it begins. */
const greeting = 'OHAI'

/**
 * A cable in front of an rfc2217 board that is good up to a rate and carries nothing above it; `rom`
 * is a lower limit for as long as no stub runs.
 */
export async function rateLimited(
  board: string,
  most: number,
  { rom = most } = {},
): Promise<RateLimit> {
  const rates: number[] = []
  const none = Buffer.alloc(0)
  let limit = rom
  const pass = (bytes: Buffer): Buffer => {
    if (bytes.includes(greeting)) limit = most
    return bytes.includes(telnetByte) || (rates.at(-1) ?? 0) <= limit ? bytes : none
  }
  const { url } = await tcpProxy(board, {
    toBoard(bytes) {
      const at = bytes.indexOf(setBaud)
      if (at >= 0) rates.push(bytes.readUInt32BE(at + setBaud.length))
      if (at >= 0 && rates.at(-1) === 115_200) limit = rom
      return pass(bytes)
    },
    toHost: pass,
  })
  return { url, rates }
}
