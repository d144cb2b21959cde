import type { Report } from '../events.js'
import type { System } from '../system.js'
import { isSpoiled } from './commands.js'
import { connectLoader } from './connect.js'
import { boardOn } from './known-boards.js'
import type { Link } from './link.js'
import { Loader, preloadStubs, RomRateError } from './loader.js'
import { consoleBaud, firstStep, safeTop } from './rate.js'
import { applyReset, espressifVendor, hardReset } from './reset.js'

export interface EntryOptions {
  port: string
  waitForButtons: boolean
  /** The rate the user asked for, instead of the ladder. */
  baud?: number | undefined
  report: Report
  signal?: AbortSignal | undefined
}

/** Times that a board is brought into its loader when what it said there made no sense. */
const entries = 3

export interface Entered {
  loader: Loader
  /** One of the reset strategies brought it there, nobody's hand. */
  wasReset: boolean
  missedRomRate: number | undefined
}

/**
 * The rate to load the stub at, which saves some 0.6 s: the one the user asks for, or the board has
 * kept before. A ROM that takes its crystal for another would miss it (esptool's change_baud; above
 * 1 Mbaud many do, esptool's issue 365), and is left alone from then on.
 */
export async function romRate(
  { usb, hasControlLines }: Link,
  { port, baud }: EntryOptions,
  system: System,
): Promise<number | undefined> {
  // A chip that is its own USB device has no rate.
  if (!hasControlLines || usb?.vendorId === espressifVendor) return undefined
  const known = await boardOn(port, usb?.serialNumber, system)
  const trusted = baud ?? known?.baud ?? consoleBaud
  return trusted >= firstStep && !known?.hasSlowRom ? Math.min(trusted, safeTop) : undefined
}

/** Brings a board into its loader with the stub running, again where what it said made no sense. */
export async function enter(
  link: Link,
  options: EntryOptions,
  { clock }: System,
  romBaud?: number,
): Promise<Entered> {
  const { report, signal, waitForButtons } = options
  preloadStubs()
  let missedRomRate: number | undefined
  for (let attempt = 1; ; attempt++) {
    const connected = await connectLoader(link, clock, {
      waitForButtons,
      report,
      ...(signal && { signal }),
    })
    try {
      const rate = missedRomRate === undefined ? romBaud : undefined
      const loader = await Loader.start(connected, clock, rate)
      return { loader, wasReset: connected.strategy !== undefined, missedRomRate }
    } catch (error) {
      if (error instanceof RomRateError) missedRomRate = romBaud
      // A damaged upload leaves a chip that hangs: only a reset brings it back.
      if (attempt >= entries || !isSpoiled(error) || !link.hasControlLines) throw error
      await link.setBaud(consoleBaud)
      await applyReset(link, hardReset, clock, signal)
    }
  }
}
