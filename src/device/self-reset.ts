import type { Clock } from '../system.js'
import { type Chip, type ChipName, chips } from './boards.js'
import { CommandPort, op, syncPattern, words } from './commands.js'
import { type Link, patient } from './link.js'

const unlockKey = 0x50d83aa1
/** Cycles of the slow clock, some 150 kHz: 13 ms, which lets the last answer leave. */
const watchdogCycles = 2000
/** The ROM's first line follows a reset at once; a network adds its round trip. */
const greetingMs = 1000
const answerMs = 300
/** The ROM listens a moment after its greeting; each try of four gets this long. */
const syncMs = 500

/** RTC_CNTL_OPTIONS0 of the first ESP32, whose top bit resets the digital core. */
const firstSystemReset = 0x3ff48000

/**
 * Lets a chip in its loader reset itself through its registers, for ports without a line to EN.
 * The watchdog's reset also reads the strapping pins, so with BOOT let go the firmware starts.
 * A chip whose pins are held in download mode (an emulator's strap, a jumper) comes back in its
 * ROM, which is told to go on to the flash where firmware lies. Nothing is sure: what the chip prints afterwards
 * stays in the link for the caller to read.
 */
export async function selfReset(
  link: Link,
  chip: ChipName,
  clock: Clock,
  { hasFirmware = false } = {},
): Promise<void> {
  // Without the command's signal: an interrupted command must let go of the board too.
  const port = new CommandPort(link, clock)
  const write = async (address: number, value: number, mask = 0xffff_ffff): Promise<void> => {
    await port.sendCommand(op.WRITE_REG, words(address, value, mask, 0))
    await port.patientPacket(answerMs)
  }
  // Ends whatever frame a broken-off command has left open.
  await link.write(Uint8Array.of(0xc0, 0xc0))
  const { watchdog, otg }: Chip = chips[chip]
  const { config, timeout, protect } = watchdog
  if (otg) await write(otg.forced.register, 0, otg.forced.bit)
  await write(protect, unlockKey)
  await write(timeout, watchdogCycles)
  link.discardInput()
  // Enable, first stage: 4 resets the first ESP32 with its RTC, 5 (and bit 8) a newer chip.
  if (chip === 'esp32') await port.sendCommand(op.WRITE_REG, watchdogOn(config, 4, 0xf000_0000))
  else await port.sendCommand(op.WRITE_REG, watchdogOn(config, 5, 0xffff_ffff))
  let greeting = await greeted(link, clock)
  if (chip !== 'esp32') return
  if (greeting === '') {
    await port.sendCommand(op.WRITE_REG, words(firstSystemReset, 1 << 31, 1 << 31, 0))
    greeting = await greeted(link, clock)
  }
  // Without firmware the ROM would go on to its BASIC prompt, where nobody finds the loader again.
  if (hasFirmware && /\((UART_BOOT|DOWNLOAD)/.test(greeting)) await leaveRom(link, clock)
}

/**
 * FLASH_END makes the first ESP32's ROM leave its loader for the flash, whatever its pins say
 * (recorded); it wants a download that was begun.
 */
async function leaveRom(link: Link, clock: Clock): Promise<void> {
  const port = new CommandPort(link, clock)
  await port.command(op.SYNC, syncPattern, { timeoutMs: syncMs, repeatable: true })
  await port.command(op.SPI_ATTACH, words(0, 0), { repeatable: true })
  await port.command(op.FLASH_BEGIN, words(0, 0, 0x400, 0))
  await port.sendCommand(op.FLASH_END, words(0))
}

function watchdogOn(config: number, action: number, mask: number): Uint8Array {
  return words(config, ((1 << 31) | (action << 28) | (1 << 8) | 2) & mask, mask, 0)
}

/** The ROM's reset line, or nothing; all that was read is put back for the next reader. */
export async function greeted(link: Link, clock: Clock): Promise<string> {
  const end = clock.monotonic() + patient(link, greetingMs)
  const heard: number[] = []
  let line: string | undefined
  while (line === undefined && clock.monotonic() < end) {
    heard.push(...(await link.read(end - clock.monotonic())))
    line = /rst:0x[^\n]*\n/.exec(Buffer.from(heard).toString('latin1'))?.[0]
  }
  link.unread(Uint8Array.from(heard))
  return line ?? ''
}
