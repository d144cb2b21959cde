import type { Clock } from '../system.js'
import type { Dialog } from './dialog.js'
import { rawBanner } from './wake.js'

export interface PasteOptions {
  /** Longest silence of a board that lives. */
  silenceMs: number
  signal: AbortSignal | undefined
  /** False where the board has refused raw paste before. */
  canPaste: boolean
}

/** What became of it; `canPaste` tells what the board has said about raw paste. */
export interface Paste {
  isTaken: boolean
  canPaste: boolean
}

const end = '\x04'

/**
 * Gives a board in raw mode its code by raw paste: never more bytes on the way than it gave credit
 * for. Firmware that does not know raw paste gets it at a pace it was seen to keep.
 */
export async function pasteCode(
  dialog: Dialog,
  source: Uint8Array,
  options: PasteOptions,
  clock: Clock,
): Promise<Paste> {
  const { silenceMs, signal } = options
  const wait = { silenceMs, signal }
  if (options.canPaste) {
    await dialog.send('\x05A\x01', signal)
    // Behind whatever an earlier exchange or a thread left: taken, refused, or an old firmware
    // that knows nothing of it and prints its banner once more.
    const answer = await dialog.until(['R\x01', 'R\0', rawBanner], wait)
    if (answer === undefined) return { isTaken: false, canPaste: true }
    if (answer.endsWith('R\x01')) {
      return { isTaken: await sendWithCredit(dialog, source, wait), canPaste: true }
    }
  }
  // mpremote's pace for boards without flow control: 256 bytes every 10 ms.
  for (let at = 0; at < source.length; at += 256) {
    await dialog.send(source.subarray(at, at + 256), signal)
    await clock.sleep(10, signal)
  }
  await dialog.send(end, signal)
  return { isTaken: (await dialog.until('OK', wait)) !== undefined, canPaste: false }
}

async function sendWithCredit(
  dialog: Dialog,
  source: Uint8Array,
  { silenceMs, signal }: Omit<PasteOptions, 'canPaste'>,
): Promise<boolean> {
  const size = await dialog.take(2, silenceMs, signal)
  if (size === undefined) return false
  const window = size.charCodeAt(0) | (size.charCodeAt(1) << 8)
  let credit = window
  for (let at = 0; at < source.length; ) {
    if (credit === 0) {
      const word = await dialog.take(1, silenceMs, signal)
      if (word === undefined) return false
      if (word === '\x01') credit += window
      // The compiler gave up: our end makes the board print why.
      if (word === end) return dialog.send(end, signal).then(() => true)
      continue
    }
    const part = source.subarray(at, at + credit)
    await dialog.send(part, signal)
    at += part.length
    credit -= part.length
  }
  await dialog.send(end, signal)
  // Credit that came late (01) is followed by 04: the board has all of it.
  return (await dialog.until(end, { silenceMs, signal })) !== undefined
}
