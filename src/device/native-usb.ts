import { type Chip, type ChipName, chips } from './boards.js'
import { readRegister, writeRegister } from './chip-facts.js'
import type { CommandPort } from './commands.js'
import type { Link } from './link.js'
import { espressifVendor } from './reset.js'

const watchdogKey = 0x50d83aa1
/** What the ROM's USB-OTG endpoint takes in one piece (esptool's USB_RAM_BLOCK). */
const otgBlockBytes = 0x800

/**
 * A chip whose own USB carries the loader needs two things a bridge does not. Over USB-Serial-JTAG
 * the reset into the loader leaves the watchdogs of the low-power domain running, and one of them
 * would end a long write. Over USB-OTG blocks must be small.
 */
export async function settleNativeUsb(
  port: CommandPort,
  chip: ChipName,
  revision: number,
): Promise<void> {
  if (isBridged(port.link)) return
  const { watchdog, superWatchdog, otg }: Chip = chips[chip]
  if (otg) {
    const console = (await readRegister(port, otg.consoleAt(revision))) & 0xff
    if (console === otg.console) {
      port.blockLimit = otgBlockBytes
      return
    }
  }
  if (!superWatchdog) return
  // Behind a network nobody knows what carries the bytes; to a chip on a UART this changes nothing.
  await writeRegister(port, watchdog.protect, watchdogKey)
  await writeRegister(port, watchdog.config, 0)
  await writeRegister(port, watchdog.protect, 0)
  const { config, protect, key, autoFeed } = superWatchdog
  await writeRegister(port, protect, key)
  await writeRegister(port, config, (await readRegister(port, config)) | autoFeed)
  await writeRegister(port, protect, 0)
}

/** A USB chip of another maker sits in between. */
function isBridged({ usb }: Link): boolean {
  return usb !== undefined && usb.vendorId !== espressifVendor
}
