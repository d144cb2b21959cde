import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { Clock } from '../system.js'
import { type Link, patient } from './link.js'

/** What the firmware should say of itself; a version without the runtime's own prefix. */
export interface ExpectedBanner {
  runtime: 'micropython' | 'espruino' | undefined
  version: string | undefined
}

export interface Heard {
  runtime: string
  version: string
  /** False where the board stayed in its loader because nothing here can reset it. */
  answered: boolean
  /** The chip is its own USB device, and has not come back to the bus. */
  isGone?: true
  elapsedMs: number
}

/** A slow chip that formats its file system first was seen to need 60 s. */
const ceilingMs = 180_000
/** A healthy chip is at its prompt by then; what is quiet longer may run a program that never ends. */
const interruptAfterMs = 5000
const interruptEveryMs = 2000
/** Firmware that has no banner: it began, and nothing went wrong for so long. */
const quietMs = 3000
/** Firmware that has none and never falls silent: it has not restarted for so long. */
const talkMs = 10_000
/** The bootloader's last words before it lets an app run. */
const startText = 'entry 0x'
/** The first reset is ours; a third one is a loop. */
const loopResets = 4
const longestText = 64 * 1024
/** Where only a person can reset the board: as long as somebody needs who sits beside it. */
const tapPatienceMs = 15_000
/** Where nobody is waited for: the ROM greets within milliseconds, a network adds its round trip. */
const noPatienceMs = 1000
/** A chip that prints nothing after it has entered its loader stays there. */
const loaderQuietMs = 3000
/** Ctrl-D at an empty prompt. */
const softReset = Uint8Array.of(0x04)
const inLoader = /DOWNLOAD|UART_BOOT/

/** What the ROM and the bootloader say when they cannot start, and what it means (boot.jsonl). */
const troubles: { pattern: RegExp; times: number; why: string }[] = [
  {
    pattern: /invalid header: 0xffffffff/g,
    times: 3,
    why: 'the flash is empty where the bootloader should be',
  },
  { pattern: /invalid header: 0x/g, times: 3, why: 'there is no bootloader at its place in flash' },
  { pattern: /wrong chip id/g, times: 3, why: 'the image is for another chip' },
  { pattern: /mismatch chip ID/g, times: 2, why: 'the app is for another chip' },
  { pattern: /csum err:/g, times: 1, why: 'the bootloader in flash is damaged' },
  {
    pattern: /flash read err/g,
    times: 3,
    why: 'the flash chip cannot be read: GPIO12 may be pulled high',
  },
  { pattern: /Incorrect MD5 checksum/g, times: 2, why: 'the partition table is damaged' },
  { pattern: /No bootable app partitions/g, times: 2, why: 'no app partition holds a valid app' },
  {
    pattern: /partition \d+ invalid - offset/g,
    times: 2,
    why: 'a partition lies beyond the flash size that the image states',
  },
  {
    pattern: /Brownout detector was triggered/g,
    times: 2,
    why: 'the supply voltage breaks down: try another cable or USB port',
  },
  { pattern: /Guru Meditation Error/g, times: 3, why: 'the firmware crashes as it starts' },
  { pattern: /filesystem appears to be corrupted/g, times: 1, why: 'its file system is damaged' },
]

export interface BannerOptions {
  /** Makes the board start what is in its flash. */
  restart(): Promise<void>
  /** Whether that can be relied on, asked after a restart; the link's lines tell where it is left out. */
  canReset?(): boolean
  /** False does not wait for somebody to tap RESET where the board cannot be reset from here. */
  waitForButtons: boolean
  /** It was started where nobody could hear it. */
  hasStarted?: boolean
  report: Report
  signal?: AbortSignal | undefined
}

/**
 * Restarts the board and waits until the firmware says who it is. Throws BOOT_FAILED with the
 * reason where the boot log shows one, or when nothing that was expected comes. On a port that
 * cannot reset, a board that stays in its loader is no failure: `answered` is false then.
 */
export async function waitForBanner(
  link: Link,
  expected: ExpectedBanner,
  clock: Clock,
  options: BannerOptions,
): Promise<Heard> {
  const { restart, canReset = () => link.hasControlLines, waitForButtons, report, signal } = options
  const startMs = clock.monotonic()
  const elapsed = (): number => clock.monotonic() - startMs
  await restart()
  const decoder = new TextDecoder('latin1')
  let text = ''
  let interruptAtMs = patient(link, interruptAfterMs)
  let interrupted = false
  let lastHeardMs = 0
  let startedMs = options.hasStarted ? 0 : undefined
  while (elapsed() < patient(link, ceilingMs)) {
    const bytes = await link.read(200, signal)
    if (bytes.length > 0) lastHeardMs = elapsed()
    const piece = decoder.decode(bytes)
    // Apart from the text that is kept: what a program prints soon pushes the start out of it.
    if ((text.slice(1 - startText.length) + piece).includes(startText)) startedMs = elapsed()
    text = (text + piece).slice(-longestText)
    const trouble = findTrouble(text)
    if (trouble !== undefined) throw bootFailed(trouble, text)
    const heard = findBanner(text)
    if (heard && expected.runtime !== undefined) {
      checkBanner(heard, expected, text)
      // We stopped its program to hear its name: it starts anew, as after any flash.
      if (interrupted && canReset()) await restart()
      else if (interrupted) await link.write(softReset, signal)
      return { ...heard, answered: true, elapsedMs: elapsed() }
    }
    const isQuiet = elapsed() - lastHeardMs > patient(link, quietMs)
    const isSteady = startedMs !== undefined && elapsed() - startedMs > patient(link, talkMs)
    if (expected.runtime === undefined && startedMs !== undefined && (isQuiet || isSteady)) {
      return { runtime: '', version: '', answered: true, elapsedMs: elapsed() }
    }
    const lastReset = text.match(/rst:0x[^\r\n]*/g)?.at(-1)
    const waitsForTap = !canReset() && (!lastReset || inLoader.test(lastReset))
    if (waitsForTap && elapsed() > (waitForButtons ? tapPatienceMs : patient(link, noPatienceMs))) {
      return { runtime: '', version: '', answered: false, elapsedMs: elapsed() }
    }
    const isStuck =
      inLoader.test(lastReset ?? '') && elapsed() - lastHeardMs > patient(link, loaderQuietMs)
    if (canReset() && isStuck) {
      throw bootFailed('it enters its loader: BOOT is held down, or IO0 is wired to ground', text)
    }
    if (elapsed() > 2000) {
      const reason = waitsForTap ? 'tap-reset' : 'banner'
      report({ type: 'waiting', stage: 'boot', reason, elapsedMs: elapsed() })
    }
    const runs = startedMs !== undefined || /wx boot/.test(text)
    const mayInterrupt = expected.runtime === 'micropython' && runs
    if (mayInterrupt && elapsed() > interruptAtMs) {
      await link.write(Uint8Array.of(0x03), signal)
      interrupted = true
      interruptAtMs = elapsed() + interruptEveryMs
    }
  }
  throw bootFailed('it did not say that it runs', text)
}

function findTrouble(text: string): string | undefined {
  for (const { pattern, times, why } of troubles) {
    if ((text.match(pattern)?.length ?? 0) >= times) return why
  }
  if ((text.match(/rst:0x/g)?.length ?? 0) >= loopResets) return 'it restarts again and again'
  return undefined
}

/** MicroPython's and Espruino's own words; the banner's line must be whole. */
export function findBanner(text: string): { runtime: string; version: string } | undefined {
  const python = /MicroPython v?(\d[^\s;]*) on [^\r\n]*\r?\n/.exec(text)
  if (python?.[1]) return { runtime: 'micropython', version: python[1] }
  const espruino =
    /(?:Espruino|espruino\.com)\s+(\d+v[\d.]+)[^\r\n]*\r?\n|\b(\d+v\d+(?:\.\d+)?) \(c\)/.exec(text)
  const version = espruino?.[1] ?? espruino?.[2]
  return version ? { runtime: 'espruino', version } : undefined
}

function checkBanner(
  heard: { runtime: string; version: string },
  { runtime, version }: ExpectedBanner,
  text: string,
): void {
  if (heard.runtime !== runtime) throw bootFailed(`${heard.runtime} answered instead`, text)
  if (version !== undefined && heard.version !== version) {
    throw bootFailed(`version ${heard.version} answered instead of ${version}`, text)
  }
}

function bootFailed(why: string, text: string): WxError {
  const visible = text.replace(/[^\x20-\x7e\r\n]/g, '.').split(/\r?\n/)
  return new WxError('BOOT_FAILED', `The firmware was written, but it does not start: ${why}.`, {
    details: { heard: visible.slice(-12).join('\n') },
  })
}
