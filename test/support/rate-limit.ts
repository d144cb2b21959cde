import { tcpProxy } from './tcp-proxy.js'

export interface RateLimit {
  url: string
  /** Every rate the host has asked for, in order. */
  rates: number[]
}

const setBaud = Uint8Array.of(255, 250, 44, 1)
const usualBaud = 115_200
const telnetByte = 255
/** What a stub says when it begins. */
const greeting = 'OHAI'

/**
 * A cable in front of an rfc2217 board that is good up to a rate and carries nothing above it; `rom`
 * is a lower limit for as long as no stub runs, `romBuffer` the longest frame that a ROM takes whole
 * above its usual rate.
 */
export async function rateLimited(
  board: string,
  most: number,
  { rom = most, romBuffer = Number.POSITIVE_INFINITY } = {},
): Promise<RateLimit> {
  const rates: number[] = []
  const none = Buffer.alloc(0)
  let limit = rom
  let stubRuns = false
  const pass = (bytes: Buffer): Buffer => {
    if (bytes.includes(greeting)) {
      limit = most
      stubRuns = true
    }
    return bytes.includes(telnetByte) || (rates.at(-1) ?? 0) <= limit ? bytes : none
  }
  const { url } = await tcpProxy(board, {
    toBoard(bytes) {
      const at = bytes.indexOf(setBaud)
      if (at >= 0) rates.push(bytes.readUInt32BE(at + setBaud.length))
      if (at >= 0 && rates.at(-1) === usualBaud) {
        limit = rom
        stubRuns = false
      }
      const isFast = !stubRuns && (rates.at(-1) ?? 0) > usualBaud
      return pass(isFast ? bytes.subarray(0, romBuffer) : bytes)
    },
    toHost: pass,
  })
  return { url, rates }
}
