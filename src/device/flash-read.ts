import { WxError } from '../errors.js'
import { isSpoiled } from './commands.js'
import { differingRuns } from './compare.js'
import type { Session } from './session.js'

/** Who stores what is read does so at once: a broken-off run goes on there. */
const chunkBytes = 0x10000
const attempts = 4

/**
 * Makes `piece` what the chip holds, reading only what the chip's MD5 does not prove to be so already;
 * answers how much had to be read. `onRead` gets each part as it comes.
 */
export async function readPiece(
  session: Session,
  address: number,
  piece: Uint8Array,
  onRead: (from: number, length: number) => Promise<void>,
): Promise<number> {
  let readBytes = 0
  for (let failures = 0, rounds = 0; ; ) {
    try {
      const md5 = (at: number, size: number): Promise<string> => session.loader.md5(at, size)
      const runs = await differingRuns({ address, bytes: piece }, md5, () => {})
      // The comparison of the next round is the proof.
      if (runs.length === 0) return readBytes
      if (++rounds > attempts)
        throw new WxError('VERIFY_FAILED', 'What was read does not match the chip.')
      for (const run of runs) {
        for (let at = 0; at < run.size; at += chunkBytes) {
          const length = Math.min(chunkBytes, run.size - at)
          const from = run.address + at - address
          piece.set(await session.loader.readAll(run.address + at, length), from)
          readBytes += length
          await onRead(from, length)
        }
      }
    } catch (error) {
      if (!isSpoiled(error) || ++failures >= attempts) throw error
      await session.stepDown()
    }
  }
}
