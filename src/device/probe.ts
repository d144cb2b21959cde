import type { Report } from '../events.js'
import type { System } from '../system.js'
import { chips } from './boards.js'
import { connectLoader } from './connect.js'
import { rememberBoard } from './known-boards.js'
import { openLink } from './links/open.js'
import { Loader } from './loader.js'
import { applyReset, hardReset } from './reset.js'

export interface Probe {
  /** Name as people know it, for example ESP32-C3. */
  chip: string
  mac: string
  flashSizeBytes: number
}

/** Asks a board's chip what it is, then lets it start its firmware again. Resets it twice. */
export async function probeBoard(
  port: string,
  system: System,
  { report, signal }: { report: Report; signal: AbortSignal },
): Promise<Probe> {
  const link = await openLink(port, { baud: 115_200, signal }, system)
  try {
    const connected = await connectLoader(link, system.clock, {
      waitForButtons: false,
      report,
      signal,
    })
    const { facts } = await Loader.start(connected, system.clock)
    const mac = [...facts.mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
    await rememberBoard(system, {
      mac,
      chip: facts.chip,
      port,
      ...(link.usb?.serialNumber && { usbSerial: link.usb.serialNumber }),
      ...(connected.strategy && { strategy: connected.strategy }),
    })
    return { chip: chips[facts.chip].name, mac, flashSizeBytes: facts.flashSizeBytes }
  } finally {
    // Whatever happened, the board must not stay in its loader.
    await applyReset(link, hardReset, system.clock).catch(() => undefined)
    await link.close()
  }
}
