import type { Host } from '../system.js'
import { isLocalhost } from './config.js'

type Addresses = ReturnType<Host['addresses']>

/** The same URL with another host. */
export function withHost(url: string, host: string): string {
  const changed = new URL(url)
  changed.hostname = host
  return changed.href.replace(/\/$/, '')
}

/** Whether two addresses lie in one network. */
export function sameNetwork(a: string, b: string, netmask: string): boolean {
  const bits = (text: string): number[] => text.split('.').map(Number)
  const mask = bits(netmask)
  return bits(a).every(
    (byte, i) => (byte & (mask[i] ?? 0)) === ((bits(b)[i] ?? -1) & (mask[i] ?? 0)),
  )
}

/**
 * Addresses under which a board may reach a server of this computer: the one in the board's own
 * network first, then all others. A URL that names another machine stays as it is.
 */
export function boardUrls(
  url: string,
  board: { address: string; netmask: string } | undefined,
  addresses: Addresses,
): string[] {
  if (!isLocalhost(url)) return [url]
  const near = addresses.filter(
    ({ address }) => board && sameNetwork(address, board.address, board.netmask),
  )
  const far = addresses.filter((one) => !near.includes(one))
  const all = [...near, ...far].map(({ address }) => address)
  return [...new Set(all)].map((host) => withHost(url, host))
}

/** A board's URL from an earlier time that still names this computer's server. */
export function stillFits(before: string, url: string, addresses: Addresses): boolean {
  if (!URL.canParse(before) || !URL.canParse(url)) return false
  const host = new URL(before).hostname
  return (
    withHost(url, host) === before.replace(/\/$/, '') &&
    addresses.some((one) => one.address === host)
  )
}
