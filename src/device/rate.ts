import type { Clock } from '../system.js'
import { findBridge } from './bridges.js'
import { readRegister } from './chip-facts.js'
import { type CommandPort, isSpoiled, op, probeRegister, words } from './commands.js'
import type { Link } from './link.js'

/** Rates to climb, each tried before the next; above 921600 only bridges that are known to take it. */
export const ladder = [115_200, 230_400, 460_800, 921_600, 1_500_000, 2_000_000]
export const firstStep = 460_800
export const safeTop = 921_600
export const consoleBaud = 115_200

/**
 * A stub lets its answer leave for 10 ms before it sets the new rate, and rests 1 ms (Espressif's
 * stub_io.c); esptool waits 50 ms. A probe that comes too early would be lost, and is sent again.
 */
const switchMs = 25

/**
 * Changes both sides to another rate and proves that it works; false when it does not, or where the
 * link has none. `running` is what answers: the stub is told the rate it has now, a ROM knows it.
 */
export async function changeRate(
  port: CommandPort,
  clock: Clock,
  baud: number,
  running: 'rom' | 'stub',
): Promise<boolean> {
  const { link } = port
  const before = link.baud
  if (baud === before || !link.hasControlLines) return baud === before
  await ask(port, words(baud, running === 'stub' ? before : 0))
  await link.setBaud(baud)
  await clock.sleep(switchMs)
  port.clear()
  try {
    // A rate that works once may still lose bytes: several answers in a row are a proof.
    for (let n = 0; n < 3; n++) await readRegister(port, probeRegister, 500)
    return true
  } catch (error) {
    if (isSpoiled(error)) return false
    throw error
  }
}

/** A chip that has not heard the wish still answers at the old rate, and is asked again. */
async function ask(port: CommandPort, wish: Uint8Array): Promise<void> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    try {
      await port.command(op.CHANGE_BAUDRATE, wish, { timeoutMs: 500 })
      return
    } catch (error) {
      if (!isSpoiled(error)) throw error
    }
    try {
      await readRegister(port, probeRegister, 500)
    } catch (error) {
      // Silent at the old rate: only its answer was lost, which the proof will show.
      if (isSpoiled(error)) return
      throw error
    }
  }
}

/** The highest rate worth a try: what the bridge is known to take. */
export function topOf({ usb }: Link): number {
  return (usb && findBridge(usb.vendorId, usb.productId)?.maxBaud) ?? safeTop
}
