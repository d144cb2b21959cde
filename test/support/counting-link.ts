import type { Link } from '../../src/device/link.js'

export interface Counts {
  sent: number
  received: number
  /** How often the computer waited for the board before it went on. */
  turnarounds: number
}

/** A link that counts what goes over it. */
export function counting(link: Link): { link: Link; counts: Counts } {
  const counts: Counts = { sent: 0, received: 0, turnarounds: 0 }
  let heard = true
  const wrapped: Link = {
    url: link.url,
    kind: link.kind,
    hasControlLines: link.hasControlLines,
    usb: link.usb,
    get baud() {
      return link.baud
    },
    async read(timeoutMs, signal) {
      const bytes = await link.read(timeoutMs, signal)
      counts.received += bytes.length
      if (bytes.length > 0) heard = true
      return bytes
    },
    unread: (bytes) => link.unread(bytes),
    write(bytes, signal) {
      counts.sent += bytes.length
      if (heard) counts.turnarounds++
      heard = false
      return link.write(bytes, signal)
    },
    drain: () => link.drain(),
    setBaud: (baud) => link.setBaud(baud),
    setLines: (lines) => link.setLines(lines),
    discardInput: () => link.discardInput(),
    close: () => link.close(),
  }
  return { link: wrapped, counts }
}
