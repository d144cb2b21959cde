import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import { type Dialog, silent } from './dialog.js'
import type { Link } from './link.js'

export interface EnterOptions {
  signal?: AbortSignal | undefined
  report?: Report
  /** Restart the interpreter first (default): its threads end and the heap is whole. */
  fresh?: boolean
}

export const rawBanner = 'raw REPL; CTRL-B to exit\r\n>'

/**
 * Ends a half line, a paste or a program, then asks for raw mode. Recorded on a chip: one write of
 * these bytes at a prompt gives the banner; a program takes the 03s and the rest waits for its end.
 */
const knock = '\r\x03\x03\r\x01'

const knockMs = 400
const knocksBeforeReset = 6
// From reset to prompt takes 2 s; a first boot that makes its file system on slow flash, 30 s.
const bootMs = 45_000

/** Gets the raw banner, whatever the board is doing: knocks, then resets and interrupts its boot. */
export async function wake(
  dialog: Dialog,
  { signal, report }: EnterOptions,
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

  for (let i = 0; i < knocksBeforeReset; i++) {
    if (await knocked(dialog, signal)) return
    if (i > 0) waiting('board-busy')
  }
  if (dialog.link.hasControlLines) {
    dialog.forget()
    await pulseReset(dialog.link, system)
  }
  const end = system.clock.monotonic() + bootMs
  let quiet = 0
  while (system.clock.monotonic() < end) {
    waiting(dialog.link.hasControlLines ? 'board-reset' : 'board-busy')
    // Every 50 ms: boot.py and main.py give a window of about 100 ms where Ctrl-C is heard.
    await dialog.send('\x03', signal)
    const prompt = await dialog.until('>>> ', { silenceMs: 50, ceilingMs: 50, signal })
    if (prompt !== undefined) {
      if (await knocked(dialog, signal)) return
    }
    if (++quiet % 20 === 0 && (await knocked(dialog, signal))) return
    checkBoot(dialog)
    // Nothing at all for 15 s is no slow boot: a chip prints within 100 ms of its reset.
    if (quiet > 200 && dialog.lastWords() === '') break
  }
  throw silent(dialog, 'The board does not let wxstation in: no MicroPython prompt appeared.')
}

async function knocked(dialog: Dialog, signal: AbortSignal | undefined): Promise<boolean> {
  await dialog.send(knock, signal)
  const banner = await dialog.until(rawBanner, { silenceMs: knockMs, ceilingMs: 3000, signal })
  return banner !== undefined
}

/** Back to an empty raw prompt after an exchange that broke off. */
export async function resync(
  dialog: Dialog,
  system: System,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const end = system.clock.monotonic() + 15_000
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
function checkBoot(dialog: Dialog): void {
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
  if (dialog.said('rst:0x') > 4) {
    throw silent(
      dialog,
      'The board restarts again and again.',
      'Run `wxstation flash micropython` to put it into a known state.',
    )
  }
}

/** EN low for 100 ms with IO0 high: the board starts its firmware. */
export async function pulseReset(link: Link, system: System): Promise<void> {
  await link.setLines({ dtr: false, rts: true })
  await system.clock.sleep(100)
  await link.setLines({ dtr: false, rts: false })
}
