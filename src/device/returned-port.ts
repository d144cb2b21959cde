import { isAbort, WxError } from '../errors.js'
import type { System } from '../system.js'
import { type BannerOptions, type ExpectedBanner, type Heard, waitForBanner } from './banner.js'
import type { Link, OpenLinkOptions } from './link.js'
import { openLink } from './links/open.js'
import { listPorts, type Port } from './ports.js'
import { espressifVendor } from './reset.js'

/** A chip boots and is on the bus again in some 2 s; a slow computer takes as long for its driver. */
const returnMs = 10_000
const lookEveryMs = 250
/** Udev grants a new port a moment after it has made it. */
const grantTries = 8
/** Ctrl-C ends a program, Ctrl-B makes MicroPython say who it is. */
const whoIsThere = Uint8Array.of(0x0d, 0x03, 0x02)
/** It answers at once, unless it still formats its file system. */
const askEveryMs = 2000
/** Ctrl-D: the program starts anew. */
const softReset = Uint8Array.of(0x04)

/** Whether a port that was lost may come back: the chip itself is the USB device. */
export function mayReturn(error: unknown, { usb }: Pick<Link, 'usb'>): boolean {
  const isLost = error instanceof WxError && error.code === 'PORT_LOST'
  return isLost && usb?.vendorId === espressifVendor
}

/**
 * Hears firmware on a chip's own USB: at its start the chip has left the bus, and comes back, often
 * as another device with another name. What it said at once nobody could hear: it is asked.
 * `answered` is false where no such port comes.
 */
export async function hearReturned(
  before: Pick<Link, 'url' | 'usb' | 'patience'>,
  expected: ExpectedBanner,
  options: Pick<BannerOptions, 'report' | 'signal'>,
  system: System,
): Promise<Heard> {
  const { clock } = system
  const startMs = clock.monotonic()
  const port = await waitForPort(before, options, system)
  if (port === undefined) {
    const elapsedMs = clock.monotonic() - startMs
    return { runtime: '', version: '', answered: false, isGone: true, elapsedMs }
  }
  const { patience } = before
  const opening = { baud: 115_200, patience, ...(options.signal && { signal: options.signal }) }
  const link = await openGranted(port, opening, system)
  let stopAsking = (): void => {}
  const ask = async (): Promise<void> => {
    // Firmware of which nothing is known is left in peace: that it runs is all there is to hear.
    if (expected.runtime === undefined) return
    stopAsking = clock.timer(askEveryMs, () => void ask().catch(() => {}))
    await link.write(whoIsThere, options.signal)
  }
  try {
    const heard = await waitForBanner(link, expected, clock, {
      ...{ restart: ask, waitForButtons: true, hasStarted: true, ...options },
    })
    if (expected.runtime !== undefined) await link.write(softReset, options.signal)
    return heard
  } finally {
    stopAsking()
    await link.close()
  }
}

async function waitForPort(
  before: Pick<Link, 'url' | 'usb'>,
  { report, signal }: Pick<BannerOptions, 'report' | 'signal'>,
  system: System,
): Promise<string | undefined> {
  const { clock } = system
  const startMs = clock.monotonic()
  for (let elapsedMs = 0; elapsedMs < returnMs; elapsedMs = clock.monotonic() - startMs) {
    // The old one may still be listed for a moment: it gets the time to go.
    await clock.sleep(lookEveryMs, signal)
    const found = chooseReturned(await listPorts(system), before)
    if (found) return found.path
    report({ type: 'waiting', stage: 'boot', reason: 'port-back', elapsedMs })
  }
  return undefined
}

/** By the serial number, which is the chip's MAC however it is written; else by the place. Pure. */
export function chooseReturned(
  ports: Port[],
  { url, usb }: Pick<Link, 'url' | 'usb'>,
): Port | undefined {
  const own = ports.filter(({ vendorId }) => vendorId === espressifVendor)
  const plain = (serial = ''): string => serial.replace(/[^0-9a-f]/gi, '').toLowerCase()
  const serial = plain(usb?.serialNumber)
  return (
    own.find(({ serialNumber }) => serial !== '' && plain(serialNumber) === serial) ??
    own.find(({ path }) => path === url) ??
    (own.length === 1 ? own[0] : undefined)
  )
}

async function openGranted(port: string, options: OpenLinkOptions, system: System): Promise<Link> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openLink(port, options, system)
    } catch (error) {
      if (isAbort(error) || attempt >= grantTries) throw error
      await system.clock.sleep(lookEveryMs, options.signal)
    }
  }
}
