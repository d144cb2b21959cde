import { CommandPort } from '../../src/device/commands.js'
import type { Link } from '../../src/device/link.js'
import { Inbox } from '../../src/device/links/inbox.js'
import { Loader } from '../../src/device/loader.js'
import { silicon } from '../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../src/sandbox/board/flash.js'
import { BlockInflater } from '../../src/sandbox/board/inflate.js'
import { Registers } from '../../src/sandbox/board/registers.js'
import { Stub } from '../../src/sandbox/board/stub.js'
import { Uart } from '../../src/sandbox/board/uart.js'
import { noFaults } from '../../src/sandbox/faults.js'
import { type FakeClock, fakeClock } from './clock.js'

const inflating = { count: 0 }
const { feed } = BlockInflater.prototype
BlockInflater.prototype.feed = async function (block) {
  inflating.count++
  try {
    return await feed.call(this, block)
  } finally {
    inflating.count--
  }
}

/** Inflating happens on a thread of its own, which virtual time does not know: this waits for it. */
export async function inflated(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 0))
  while (inflating.count > 0)
}

export interface StubChip {
  clock: FakeClock
  flash: Flash
  loader: Loader
  /** Lets virtual time pass until the work is done. */
  done<T>(work: Promise<T>): Promise<T>
}

/**
 * A running stub in this process and a loader connected to it, in virtual time. `workMs` turns what
 * a piece of flash work takes on a usual chip into what it takes on this one.
 */
export async function stubChip({
  isPaced,
  workMs,
  stepMs,
  patience,
}: {
  /** Bytes take their time on the wire. */
  isPaced: boolean
  workMs(ms: number): number
  /** How far time goes at once; an answer is seen this late at most. */
  stepMs: number
  patience?: number | undefined
}): Promise<StubChip> {
  const clock = fakeClock()
  const shared = makeSharedFlash(1024 * 1024)
  const flash = new Flash(shared)
  const inbox = new Inbox(clock)
  const uart = new Uart({ clock, isPaced, faults: noFaults() })
  uart.onHostReceive = (bytes) => inbox.push(bytes)
  const stub = new Stub(
    {
      silicon: silicon.esp32,
      flash: shared,
      registers: new Registers(silicon.esp32, flash, new Uint8Array(6)),
      transmit: (bytes) => uart.sendFromChip(bytes),
      setBaud: (baud) => {
        uart.chipBaud = baud
      },
      busy: (ms) => (ms > 0 && workMs(ms) > 0 ? clock.sleep(workMs(ms)) : Promise.resolve()),
      leave: () => {},
    },
    2,
  )
  uart.onChipReceive = (bytes) => stub.receive(bytes, false)
  const link: Link = {
    ...{ url: 'stub', kind: 'serial', hasControlLines: true, usb: undefined, patience },
    get baud() {
      return uart.hostBaud
    },
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    write: async (bytes) => uart.sendFromHost(bytes),
    drain: async () => {},
    setBaud: async (baud) => {
      uart.hostBaud = baud
    },
    setLines: async () => {},
    discardInput: () => inbox.discard(),
    close: async () => {},
  }
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    over.catch(() => {})
    while (!isOver) {
      await clock.advance(stepMs)
      await inflated()
    }
    return over
  }
  const port = new CommandPort(link, clock)
  const connected = { port, strategy: undefined, stubRuns: true }
  return { clock, flash, done, loader: await done(Loader.start(connected, clock)) }
}
