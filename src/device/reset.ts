import type { Clock } from '../system.js'
import type { Link } from './link.js'

/** One state of both lines and how long it is held. true = asserted = the pin is low. */
export interface ResetStep {
  dtr: boolean
  rts: boolean
  waitMs: number
}

export interface ResetStrategy {
  name: string
  steps: ResetStep[]
}

/**
 * RTS pulls EN, DTR pulls IO0, through two transistors that cancel each other when both are
 * asserted. 100 ms empties EN's capacitor; IO0 must still be low when EN has risen again, which
 * takes 50 ms with 1 µF and up to 550 ms with the 10 µF of some boards (esptool's reset.py).
 */
function classic(name: string, holdMs: number): ResetStrategy {
  return {
    name,
    steps: [
      { dtr: false, rts: true, waitMs: 100 },
      { dtr: true, rts: false, waitMs: holdMs },
      { dtr: false, rts: false, waitMs: 0 },
    ],
  }
}

/** Both lines pass through a state in which neither pin moves: for adapters that glitch. */
function tight(name: string, holdMs: number): ResetStrategy {
  return {
    name,
    steps: [
      { dtr: false, rts: false, waitMs: 0 },
      { dtr: true, rts: true, waitMs: 0 },
      { dtr: false, rts: true, waitMs: 100 },
      { dtr: true, rts: false, waitMs: holdMs },
      { dtr: false, rts: false, waitMs: 0 },
    ],
  }
}

/** The USB-Serial-JTAG block of newer chips reads the lines itself and wants them one at a time. */
const usbJtag: ResetStrategy = {
  name: 'usb-jtag',
  steps: [
    { dtr: false, rts: false, waitMs: 100 },
    { dtr: true, rts: false, waitMs: 100 },
    { dtr: true, rts: true, waitMs: 0 },
    { dtr: false, rts: true, waitMs: 100 },
    { dtr: false, rts: false, waitMs: 0 },
  ],
}

export const espressifVendor = 0x303a

/** Strategies in the order that fits the bridge: the likeliest first, then the others, slower ones last. */
export function downloadStrategies(
  link: Pick<Link, 'kind' | 'usb' | 'hasControlLines'>,
): ResetStrategy[] {
  if (!link.hasControlLines) return []
  const quick = [classic('classic', 50), tight('tight', 50)]
  const slow = [classic('classic-slow', 550), tight('tight-slow', 550)]
  if (link.usb?.vendorId === espressifVendor) return [usbJtag, ...quick, ...slow]
  // Over the network every step is a packet; the tight form only adds some.
  if (link.kind === 'rfc2217') return [classic('classic', 50), classic('classic-slow', 550)]
  return [...quick, ...slow]
}

/** EN down and up with IO0 released: the chip starts what is in its flash. */
export const hardReset: ResetStrategy = {
  name: 'hard-reset',
  steps: [
    { dtr: false, rts: true, waitMs: 100 },
    { dtr: false, rts: false, waitMs: 0 },
  ],
}

export async function applyReset(
  link: Link,
  { steps }: ResetStrategy,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  for (const { dtr, rts, waitMs } of steps) {
    await link.setLines({ dtr, rts })
    if (waitMs > 0) await clock.sleep(waitMs, signal)
  }
}
