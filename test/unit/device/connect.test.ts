import { describe, expect, it } from 'vitest'
import { op } from '../../../src/device/commands.js'
import { connectLoader } from '../../../src/device/connect.js'
import type { Link } from '../../../src/device/link.js'
import { Inbox } from '../../../src/device/links/inbox.js'
import { SlipReader, slipEncode } from '../../../src/device/slip.js'
import type { Event } from '../../../src/events.js'
import { fakeClock } from '../../support/clock.js'

type Kind = Pick<Link, 'kind' | 'usb' | 'hasControlLines'>

const cp2102 = { vendorId: 0x10c4, productId: 0xea60 }
const usbJtag = { vendorId: 0x303a, productId: 0x1001 }
const serial: Kind = { kind: 'serial', usb: cp2102, hasControlLines: true }

/** What the ROM answers to SYNC: its own number, eight times. */
const romAnswer = slipEncode(Uint8Array.of(1, op.SYNC, 4, 0, 0x07, 0x07, 0x12, 0x20, 0, 0, 0, 0))

/** A board that says `log` when it is reset and answers SYNC once `answers` agrees; time is the test's. */
function bench(
  kind: Kind,
  {
    answers = () => false,
    log = '',
    waitForButtons = false,
  }: {
    answers?: (strategies: string[]) => boolean
    log?: string
    waitForButtons?: boolean
  } = {},
) {
  const clock = fakeClock()
  const inbox = new Inbox(clock)
  const events: Event[] = []
  const strategies: string[] = []
  const lines: { dtr: boolean; rts: boolean }[] = []
  let reader = new SlipReader()
  const link: Link = {
    ...{ url: 'board', ...kind, baud: 115_200 },
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    async write(bytes) {
      const isSync = reader.push(bytes).some((packet) => packet[1] === op.SYNC)
      if (isSync && answers(strategies)) for (let n = 0; n < 8; n++) inbox.push(romAnswer)
    },
    drain: async () => {},
    setBaud: async () => {},
    async setLines(state) {
      lines.push(state)
      // EN rises: what was said before is forgotten, and the chip prints why it started.
      if (state.rts) reader = new SlipReader()
      else if (log) inbox.push(Buffer.from(log))
    },
    discardInput: () => inbox.discard(),
    close: async () => {},
  }
  const stop = new AbortController()
  const report = (event: Event): void => {
    events.push(event)
    if (event.type === 'debug') strategies.push(event.text.replace('reset strategy ', ''))
  }
  const work = connectLoader(link, clock, { waitForButtons, report, signal: stop.signal })
  return { clock, events, strategies, lines, stop, done: settled(work, clock) }
}

/** Lets virtual time pass until the work is done; answers how it ended and how long it took. */
async function settled<T>(work: Promise<T>, clock: ReturnType<typeof fakeClock>) {
  let outcome: { value?: T; error?: unknown } | undefined
  work.then(
    (value) => {
      outcome = { value }
    },
    (error: unknown) => {
      outcome = { error }
    },
  )
  while (!outcome) await clock.advance(50)
  return { ...outcome, ms: clock.monotonic() }
}

describe('reset strategies', () => {
  it.each<[string, Kind, string[], number]>([
    ['a USB bridge', serial, ['classic', 'tight', 'classic-slow', 'tight-slow'], 5000],
    [
      'USB-Serial-JTAG',
      { ...serial, usb: usbJtag },
      ['usb-jtag', 'classic', 'tight', 'classic-slow', 'tight-slow'],
      6000,
    ],
    [
      'a network',
      { kind: 'rfc2217', usb: undefined, hasControlLines: true },
      ['classic', 'classic-slow'],
      5000,
    ],
    ['a port without lines', { kind: 'socket', usb: undefined, hasControlLines: false }, [], 1000],
  ])('over %s are tried in their order, and the tries end', async (_, kind, order, mostMs) => {
    const { done, strategies, lines } = bench(kind)
    const { error, ms } = await done
    expect(strategies).toEqual(order)
    expect(error).toMatchObject({ code: 'BOARD_SILENT' })
    expect(ms).toBeLessThan(mostMs)
    // Whatever was tried, neither pin is held low afterwards.
    if (kind.hasControlLines) expect(lines.at(-1)).toEqual({ dtr: false, rts: false })
    else expect(lines).toEqual([])
  })

  it('end with the first that works, which is named', async () => {
    const { done, strategies } = bench(serial, { answers: (tried) => tried.includes('tight') })
    expect(await done).toMatchObject({ value: { strategy: 'tight', stubRuns: false } })
    expect(strategies).toEqual(['classic', 'tight'])
  })

  it('are left alone where the board waits in its loader already', async () => {
    const { done, lines } = bench(serial, { answers: () => true })
    expect(await done).toMatchObject({ value: { strategy: undefined } })
    expect(lines).toEqual([])
  })

  it('that only start the firmware are told from silence', async () => {
    const log = 'rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n'
    const { error } = await bench(serial, { log }).done
    expect(error).toMatchObject({ message: expect.stringContaining('boot mode 0x13') })
  })
})

describe('the wait for BOOT and RESET', () => {
  it('goes on by itself when the chip answers', async () => {
    const pressedAfter = 5
    let asked = 0
    const { done, events } = bench(serial, {
      waitForButtons: true,
      answers: (tried) => tried.length === 4 && ++asked > 5 + 3 * pressedAfter,
    })
    expect(await done).toMatchObject({ value: { strategy: undefined, stubRuns: false } })
    const waits = events.filter((event) => event.type === 'waiting')
    expect(waits.length).toBeGreaterThanOrEqual(pressedAfter)
    expect(waits[0]).toMatchObject({ reason: 'hold-boot-tap-reset', stage: 'connect' })
  })

  it('ends after a minute, and at once when it is interrupted', async () => {
    const patient = bench(serial, { waitForButtons: true })
    const { error, ms } = await patient.done
    expect(error).toMatchObject({ code: 'BOARD_SILENT' })
    expect(ms).toBeGreaterThan(60_000)
    expect(ms).toBeLessThan(70_000)
    const cut = bench(serial, { waitForButtons: true })
    cut.clock.timer(10_000, () => cut.stop.abort(new Error('Ctrl-C')))
    const stopped = await cut.done
    expect(stopped.error).toMatchObject({ message: 'Ctrl-C' })
    expect(stopped.ms).toBeLessThan(10_500)
  })
})
