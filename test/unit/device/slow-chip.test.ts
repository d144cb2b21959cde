import { expect, it } from 'vitest'
import { CommandPort } from '../../../src/device/commands.js'
import type { Link } from '../../../src/device/link.js'
import { Inbox } from '../../../src/device/links/inbox.js'
import { Loader } from '../../../src/device/loader.js'
import { pack } from '../../../src/device/pack.js'
import { silicon } from '../../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../../src/sandbox/board/flash.js'
import { Registers } from '../../../src/sandbox/board/registers.js'
import { Stub } from '../../../src/sandbox/board/stub.js'
import { fakeClock } from '../../support/clock.js'

/** A stub whose every piece of flash work takes this long, and a loader connected to it. */
async function slowChip(workMs: number, patience?: number) {
  const clock = fakeClock()
  const shared = makeSharedFlash(1024 * 1024)
  const flash = new Flash(shared)
  const inbox = new Inbox(clock)
  const stub = new Stub(
    {
      silicon: silicon.esp32,
      flash: shared,
      registers: new Registers(silicon.esp32, flash, new Uint8Array(6)),
      transmit: (bytes) => inbox.push(bytes),
      setBaud: () => {},
      busy: (ms) => (ms > 0 ? clock.sleep(workMs) : Promise.resolve()),
      leave: () => {},
    },
    2,
  )
  const link: Link = {
    ...{
      url: 'slow',
      kind: 'socket',
      hasControlLines: false,
      usb: undefined,
      baud: 115_200,
      patience,
    },
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    write: async (bytes) => stub.receive(bytes, false),
    drain: async () => {},
    setBaud: async () => {},
    setLines: async () => {},
    discardInput: () => inbox.discard(),
    close: async () => {},
  }
  const port = new CommandPort(link, clock)
  /** Lets virtual time pass until the work is done. */
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let isOver = false
    const over = work.finally(() => {
      isOver = true
    })
    over.catch(() => {})
    while (!isOver) {
      await clock.advance(1000)
      // The stub inflates on a thread of its own, which virtual time does not know.
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return over
  }
  const connected = { port, strategy: undefined, stubRuns: true }
  return { flash, done, loader: await done(Loader.start(connected, clock)) }
}

it('waits half a minute for an erase', async () => {
  const { loader, done, flash } = await slowChip(30_000)
  flash.program(0x10000, new Uint8Array(16))
  await done(loader.eraseRegion(0x10000, 0x1000))
  expect(flash.read(0x10000, 16)).toEqual(new Uint8Array(16).fill(0xff))
})

it('learns from one block that a chip needs half a minute, and writes the rest without a loss', async () => {
  const { loader, done, flash } = await slowChip(30_000)
  const bytes = Uint8Array.from({ length: 0xd000 }, (_, i) => (i * i * 2654435761) >>> 24)
  const packed = await pack(bytes)
  expect(packed.deflated.length).toBeGreaterThan(2 * 0x4000)
  await expect(done(loader.write(0x10000, packed, () => {}))).rejects.toMatchObject({
    code: 'BOARD_SILENT',
    details: { wasBusy: true },
  })
  await done(loader.resync())
  await done(loader.write(0x10000, packed, () => {}))
  expect(Buffer.from(flash.read(0x10000, bytes.length)).equals(bytes)).toBe(true)
})

it.each([
  ['as long as a slow chip of the usual kind needs', undefined, false],
  ['ten times as long for an emulated one', 10, true],
])('waits for the erase of 1 MB %s', async (_, patience, isErased) => {
  const { loader, done, flash } = await slowChip(300_000, patience)
  flash.program(0x10000, new Uint8Array(16))
  const erased = done(loader.eraseRegion(0, 0x100000))
  if (isErased) await erased
  else await expect(erased).rejects.toMatchObject({ code: 'BOARD_SILENT' })
})
