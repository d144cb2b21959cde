import type { Clock } from '../system.js'
import { type ChipName, chips } from './boards.js'
import { CommandPort, op, words } from './commands.js'
import type { Link } from './link.js'

const unlockKey = 0x50d83aa1
/** Cycles of the slow clock, some 150 kHz: 13 ms, which lets the last answer leave. */
const watchdogCycles = 2000
/** The ROM's first line follows a reset at once; a network adds its round trip. */
const greetingMs = 1000
const answerMs = 300

/** RTC_CNTL_OPTIONS0 of the first ESP32, whose top bit resets the digital core. */
const firstSystemReset = 0x3ff48000

/**
 * Lets a chip in its loader reset itself through its registers, for ports without a line to EN.
 * The watchdog's reset also reads the strapping pins, so with BOOT let go the firmware starts.
 * Nothing is sure: what the chip prints afterwards stays in the link for the caller to read.
 */
export async function selfReset(link: Link, chip: ChipName, clock: Clock): Promise<void> {
  // Without the command's signal: an interrupted command must let go of the board too.
  const port = new CommandPort(link, clock)
  const write = async (address: number, value: number, mask = 0xffff_ffff): Promise<void> => {
    await port.sendCommand(op.WRITE_REG, words(address, value, mask, 0))
    await port.packet(answerMs)
  }
  // Ends whatever frame a broken-off command has left open.
  await link.write(Uint8Array.of(0xc0, 0xc0))
  const { config, timeout, protect } = chips[chip].watchdog
  await write(protect, unlockKey)
  await write(timeout, watchdogCycles)
  link.discardInput()
  // Enable, first stage: 4 resets the first ESP32 with its RTC, 5 (and bit 8) a newer chip.
  if (chip === 'esp32') await port.sendCommand(op.WRITE_REG, watchdogOn(config, 4, 0xf000_0000))
  else await port.sendCommand(op.WRITE_REG, watchdogOn(config, 5, 0xffff_ffff))
  if ((await greeted(link, clock)) || chip !== 'esp32') return
  await port.sendCommand(op.WRITE_REG, words(firstSystemReset, 1 << 31, 1 << 31, 0))
  await greeted(link, clock)
}

function watchdogOn(config: number, action: number, mask: number): Uint8Array {
  return words(config, ((1 << 31) | (action << 28) | (1 << 8) | 2) & mask, mask, 0)
}

/** Waits for the ROM's reset line and puts everything back for the next reader. */
async function greeted(link: Link, clock: Clock): Promise<boolean> {
  const end = clock.monotonic() + greetingMs
  const heard: number[] = []
  let isGreeting = false
  while (!isGreeting && clock.monotonic() < end) {
    heard.push(...(await link.read(end - clock.monotonic())))
    isGreeting = Buffer.from(heard).includes('rst:0x')
  }
  link.unread(Uint8Array.from(heard))
  return isGreeting
}
