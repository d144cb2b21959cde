import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import { type Dialog, silent } from './dialog.js'
import { type Link, patient } from './link.js'

export interface EnterOptions {
  signal?: AbortSignal | undefined
  report?: Report
  /** Restart the interpreter first (default): its threads end and the heap is whole. */
  fresh?: boolean
}

export const rawBanner = 'raw REPL; CTRL-B to exit\r\n>'
/** The ROM's word after any reset of the chip. */
export const chipReset = 'rst:0x'

/**
 * Ends a half line, a paste or a program, then asks for raw mode. Recorded on a chip: one write of
 * these bytes at a prompt gives the banner; a program takes the 03s and the rest waits for its end.
 */
const knock = '\r\x03\x03\r\x01'

const knockMs = 400
const knocksBeforeReset = 6
// From reset to prompt takes 2 s; a first boot that makes its file system on slow flash, 30 s.
const bootMs = 45_000
// A main.py that catches everything hears Ctrl-C only between its start and its first `try`. Five
// resets each on the virtual board: every 50 ms one got in, every 20 ms all five did.
const interruptMs = 10
// Such a window may be missed: a board that prints has started, and is reset again. A silent one
// may be making its file system: after four tries it gets the rest of the time.
const resetEveryMs = 4000
const blindResets = 4
// Asks for raw mode too: a board in raw mode shows no prompt for a Ctrl-C.
const knockEveryMs = 1000
// A chip prints within 100 ms of its reset: nothing at all for so long is no slow boot.
const muteMs = 15_000

/**
 * Gets the raw banner, whatever the board is doing: knocks, then resets and interrupts its boot; at
 * once where it is known to start again and again.
 */
export async function wake(
  dialog: Dialog,
  { signal, report, isStarting = false }: EnterOptions & { isStarting?: boolean },
  system: System,
): Promise<void> {
  const started = system.clock.monotonic()
  const waiting = (reason: string): void =>
    report?.({
      type: 'waiting',
      stage: 'connect',
      reason,
      elapsedMs: system.clock.monotonic() - started,
    })

  for (let i = 0; i < knocksBeforeReset && !isStarting; i++) {
    if (await knocked(dialog, signal)) return
    if (i > 0) waiting('board-busy')
  }
  if (await interrupted(dialog, waiting, system, signal)) return
  checkFirmware(dialog)
  // Only now, our own resets (0x1) apart: a board that restarts by itself gives a new window with every start.
  const byItself = dialog.said(chipReset) - dialog.said('rst:0x1 (')
  if (byItself > 2) {
    throw silent(
      dialog,
      'The board restarts again and again.',
      'Run `wxstation flash micropython` to put it into a known state.',
    )
  }
  throw silent(dialog, 'The board does not let wxstation in: no MicroPython prompt appeared.')
}

/** Interrupts one boot after the other without a pause; false when the time for it is over. */
async function interrupted(
  dialog: Dialog,
  waiting: (reason: string) => void,
  system: System,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { link } = dialog
  const { hasControlLines } = link
  const began = system.clock.monotonic()
  let resets = 0
  let heardMs = 0
  let nextReset = 0
  if (hasControlLines) dialog.forget()
  let nextKnock = knockEveryMs
  for (let spent = 0; spent < patient(link, bootMs); spent = system.clock.monotonic() - began) {
    const speaks = spent - heardMs < 1000
    const isDue = hasControlLines && spent >= nextReset
    if (isDue && (resets < blindResets || speaks)) {
      resets++
      nextReset = spent + patient(link, resetEveryMs)
      await pulseReset(link, system)
    }
    const isKnock = spent >= nextKnock
    if (isKnock) {
      nextKnock += knockEveryMs
      waiting(hasControlLines ? 'board-reset' : 'board-busy')
    }
    await dialog.send(isKnock ? knock : '\x03', signal)
    const wait = { silenceMs: interruptMs, ceilingMs: interruptMs, exact: true, signal }
    const before = dialog.heardBytes
    const heard = await dialog.until(['>>> ', rawBanner], wait)
    if (dialog.heardBytes > before) heardMs = spent
    if (heard?.endsWith(rawBanner) || (heard && (await knocked(dialog, signal)))) return true
    checkFirmware(dialog)
    if (spent > patient(link, muteMs) && dialog.lastWords() === '') break
  }
  return false
}

async function knocked(dialog: Dialog, signal: AbortSignal | undefined): Promise<boolean> {
  await dialog.send(knock, signal)
  // Not longer for a slow board: a banner that comes late is found by the next knock.
  const wait = { silenceMs: knockMs, ceilingMs: 1000, exact: true, signal }
  return (await dialog.until(rawBanner, wait)) !== undefined
}

/** Back to an empty raw prompt after an exchange that broke off. */
export async function resync(
  dialog: Dialog,
  system: System,
  signal?: AbortSignal | undefined,
  patienceMs = 15_000,
): Promise<void> {
  const end = system.clock.monotonic() + patient(dialog.link, patienceMs)
  while (system.clock.monotonic() < end) {
    await dialog.send(knock, signal)
    if (await dialog.until(rawBanner, { silenceMs: 500, ceilingMs: 2000, signal })) {
      // An answer that was under way may still come, and more banners.
      await dialog.drain(60, 1000, signal)
      return
    }
  }
  throw silent(dialog, 'The board stopped answering.')
}

/** What the ROM says in its boot log tells more than silence. */
function checkFirmware(dialog: Dialog): void {
  if (dialog.said('waiting for download') > 0) {
    throw silent(
      dialog,
      'The board waits for a firmware in download mode.',
      'Tap its RESET button; if that does not help, run `wxstation flash micropython`.',
    )
  }
  if (dialog.said('invalid header: 0x') > 2 || dialog.said('flash read err') > 2) {
    throw new WxError('BOARD_FAULT', 'The board has no firmware: its flash is empty or broken.', {
      hint: 'Run `wxstation flash micropython` first.',
      details: { lastPrinted: dialog.lastWords() },
    })
  }
}

/** EN low for 100 ms with IO0 high: the board starts its firmware. */
export async function pulseReset(link: Link, system: System): Promise<void> {
  await link.setLines({ dtr: false, rts: true })
  await system.clock.sleep(100)
  await link.setLines({ dtr: false, rts: false })
}
