import type { Link } from '../../src/device/link.js'
import { Inbox } from '../../src/device/links/inbox.js'
import type { System } from '../../src/system.js'
import { fakeClock } from './clock.js'
import { testSystem } from './system.js'

export interface VirtualLinkOptions {
  patience?: number | undefined
  /** What the tool sends. */
  onWrite?: (text: string) => void
}

/** A link to a board that says what the test says, on a clock in the test's hand. */
export function virtualLink({ patience, onWrite = () => {} }: VirtualLinkOptions = {}) {
  const clock = fakeClock()
  const system: System = { ...testSystem(), clock }
  const inbox = new Inbox(clock)
  const link: Link = {
    ...{ url: 'slow', kind: 'socket', hasControlLines: false, usb: undefined, baud: 115_200 },
    patience,
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    write: async (bytes) => onWrite(Buffer.from(bytes).toString('latin1')),
    drain: async () => {},
    setBaud: async () => {},
    setLines: async () => {},
    discardInput: () => inbox.discard(),
    close: async () => {},
  }
  /** Milliseconds of the virtual clock until this is settled, as far as a second. */
  const duration = async (work: Promise<unknown>): Promise<number> => {
    const began = clock.monotonic()
    let isOver = false
    const end = (): void => {
      isOver = true
    }
    work.then(end, end)
    while (!isOver) await clock.advance(100)
    return clock.monotonic() - began
  }
  const say = (text: string): void => inbox.push(Buffer.from(text))
  return { clock, system, link, duration, say }
}
