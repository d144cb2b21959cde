import type { Report } from '../events.js'
import type { System } from '../system.js'
import { chips } from './boards.js'
import { rememberBoard } from './known-boards.js'
import { Session } from './session.js'

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
  { report, signal, patience }: { report: Report; signal: AbortSignal; patience?: number },
): Promise<Probe> {
  const options = { port, waitForButtons: false, patience, report, signal }
  const session = await Session.open(options, system)
  try {
    const { mac, link } = session
    const { chip, flashSizeBytes } = session.loader.facts
    const usbSerial = link.usb?.serialNumber
    await rememberBoard(system, { mac, chip, port, ...(usbSerial && { usbSerial }) })
    return { chip: chips[chip].name, mac, flashSizeBytes }
  } finally {
    await session.close()
  }
}
