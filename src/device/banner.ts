import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { Clock } from '../system.js'
import type { Link } from './link.js'
import { applyReset, hardReset } from './reset.js'

/** What the firmware should say of itself; a version without the runtime's own prefix. */
export interface ExpectedBanner {
  runtime: 'micropython' | 'espruino' | undefined
  version: string | undefined
}

export interface Heard {
  runtime: string
  version: string
  elapsedMs: number
}

/** A slow chip that formats its file system first was seen to need 60 s. */
const ceilingMs = 180_000
/** A healthy chip is at its prompt by then; what is quiet longer may run a program that never ends. */
const interruptAfterMs = 5000
const interruptEveryMs = 2000
/** Firmware that has no banner: it began, and nothing went wrong for so long. */
const quietMs = 3000
/** The first reset is ours; a third one is a loop. */
const loopResets = 4
const longestText = 64 * 1024

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

/**
 * Resets the board and waits until the firmware says who it is. Throws BOOT_FAILED with the
 * reason where the boot log shows one, or when nothing that was expected comes.
 */
export async function waitForBanner(
  link: Link,
  expected: ExpectedBanner,
  clock: Clock,
  { report, signal }: { report: Report; signal?: AbortSignal | undefined },
): Promise<Heard> {
  await link.setBaud(115_200)
  link.discardInput()
  const startMs = clock.monotonic()
  const elapsed = (): number => clock.monotonic() - startMs
  if (link.hasControlLines) await applyReset(link, hardReset, clock, signal)
  const decoder = new TextDecoder('latin1')
  let text = ''
  let interruptAtMs = interruptAfterMs
  let interrupted = false
  let lastHeardMs = 0
  while (elapsed() < ceilingMs) {
    const bytes = await link.read(200, signal)
    if (bytes.length > 0) lastHeardMs = elapsed()
    text = (text + decoder.decode(bytes)).slice(-longestText)
    const trouble = findTrouble(text)
    if (trouble !== undefined) throw bootFailed(trouble, text)
    const heard = findBanner(text)
    if (heard && expected.runtime !== undefined) {
      checkBanner(heard, expected, text)
      // We stopped its program to hear its name: it starts anew, as after any flash.
      if (interrupted && link.hasControlLines) await applyReset(link, hardReset, clock, signal)
      return { ...heard, elapsedMs: elapsed() }
    }
    if (
      expected.runtime === undefined &&
      /entry 0x/.test(text) &&
      elapsed() - lastHeardMs > quietMs
    ) {
      return { runtime: '', version: '', elapsedMs: elapsed() }
    }
    if (elapsed() > 2000) {
      const reason = link.hasControlLines || /rst:0x/.test(text) ? 'banner' : 'tap-reset'
      report({ type: 'waiting', stage: 'boot', reason, elapsedMs: elapsed() })
    }
    const mayInterrupt = expected.runtime === 'micropython' && /entry 0x|wx boot/.test(text)
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
