import type { System } from '../../system.js'
import type { Link, OpenLinkOptions } from '../link.js'
import { Inbox } from './inbox.js'
import { connectTcp, portLost, sendAll } from './tcp.js'

/** A raw byte pipe: no reset, no baud change; whoever serves it has done both. */
export async function openSocketLink(
  url: string,
  options: OpenLinkOptions,
  system: System,
): Promise<Link> {
  const socket = await connectTcp(url, options, system)
  const inbox = new Inbox(system.clock)
  socket.on('data', (bytes) => inbox.push(new Uint8Array(bytes)))
  socket.on('error', (error) => inbox.fail(portLost(url, error)))
  socket.on('close', () => inbox.fail(portLost(url)))
  return {
    url,
    kind: 'socket',
    hasControlLines: false,
    usb: undefined,
    baud: options.baud,
    patience: options.patience,
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    write: (bytes, signal) => sendAll(socket, bytes, url, signal),
    drain: async () => {},
    setBaud: async () => {},
    setLines: async () => {},
    discardInput: () => inbox.discard(),
    async close() {
      socket.removeAllListeners('close')
      inbox.fail(portLost(url))
      socket.destroy()
    },
  }
}
