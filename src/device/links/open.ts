import { WxError } from '../../errors.js'
import type { System } from '../../system.js'
import type { Link, OpenLinkOptions } from '../link.js'

/**
 * Opens a port by its name: a device path, `socket://host:port` (raw bytes, no control lines)
 * or `rfc2217://host:port` (control lines and baud over telnet).
 * Throws PORT_ABSENT, PORT_BUSY, PORT_PERMISSION, or USAGE for an address that is none.
 */
export async function openLink(
  port: string,
  options: OpenLinkOptions,
  system: System,
): Promise<Link> {
  if (port.startsWith('socket://')) {
    const { openSocketLink } = await import('./socket.js')
    return openSocketLink(port, options, system)
  }
  if (port.startsWith('rfc2217://')) {
    const { openRfc2217Link } = await import('./rfc2217.js')
    return openRfc2217Link(port, options, system)
  }
  const { openSerialLink } = await import('./serial.js')
  return openSerialLink(port, options, system)
}

export interface Address {
  host: string
  port: number
}

/** Host and port of a port URL. Query parameters that pyserial takes are tolerated. */
export function parseAddress(url: string): Address {
  const match = /^[a-z0-9]+:\/\/(\[[^\]\s]+\]|[^:/?\s]+):(\d+)\/?(\?.*)?$/i.exec(url)
  const port = Number(match?.[2])
  if (!match?.[1] || port < 1 || port > 65_535) {
    throw new WxError('USAGE', `"${url}" is not a port address.`, {
      hint: 'Write socket://host:port or rfc2217://host:port.',
    })
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}
