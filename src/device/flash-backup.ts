import { createHash } from 'node:crypto'
import { dirname } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'
import {
  type BoardContext,
  type BoardInfo,
  type BoardOptions,
  type Range,
  rangeOf,
  refuseSecured,
  withBoard,
} from './board-flash.js'
import { guessFlash } from './flash-guess.js'
import { readPiece } from './flash-read.js'

/** So many sectors that a piece which differs everywhere is seen as such after a few questions. */
const pieceBytes = 0x40000

export interface Backup extends BoardInfo {
  size: number
  sha256: string
  /** What had to be read; the rest was known by the chip's MD5. */
  readBytes: number
}

/**
 * Reads a range of flash into a file. The chip cannot pack what it sends, so what can be known is not
 * read: erased flash, the firmware in the cache, an earlier backup in that file, and what a run that
 * broke off has stored in `<path>.part`. Every sector is proven by the chip's MD5.
 */
export async function backupBoard(
  path: string,
  range: Range,
  options: BoardOptions,
  system: System,
  context: BoardContext,
): Promise<Backup> {
  const partial = `${path}.part`
  // Before the board is touched: it need not restart for a place that takes no file.
  await makePart(path, partial, system)
  try {
    return await readInto(path, partial, range, options, system, context)
  } catch (error) {
    if ((await system.files.stat(partial))?.size === 0) await system.files.remove(partial)
    throw error
  }
}

/** Makes the file that is read into, or finds it. Throws FILE_UNREADABLE. */
async function makePart(path: string, partial: string, { files }: System): Promise<void> {
  if ((await files.stat(path))?.isFolder)
    throw new WxError('FILE_UNREADABLE', `${path} is a folder.`, {
      hint: 'Give the name of the file to write.',
    })
  try {
    await files.makeFolder(dirname(partial))
    // It may hold the password of a network, as the backup itself does.
    await (await files.open(partial, 'a', 0o600)).close()
  } catch (cause) {
    throw new WxError('FILE_UNREADABLE', `${path} cannot be written.`, { cause })
  }
}

function readInto(
  path: string,
  partial: string,
  range: Range,
  options: BoardOptions,
  system: System,
  context: BoardContext,
): Promise<Backup> {
  return withBoard(options, system, context, async (session, report, info) => {
    refuseSecured(info)
    const { offset, size } = rangeOf(range, info)
    await session.raiseBaud()
    report({ type: 'stage', stage: 'backup' })
    const startMs = system.clock.monotonic()
    const bytes = await guessFlash({ offset, size }, [path, partial], session.loader, system)
    const file = await system.files.open(partial, 'r+')
    let readBytes = 0
    try {
      await file.chmod(0o600)
      for (let at = 0; at < size; at += pieceBytes) {
        const piece = bytes.subarray(at, Math.min(size, at + pieceBytes))
        await file.write(piece, 0, piece.length, at)
        readBytes += await readPiece(session, offset + at, piece, async (from, length) => {
          await file.write(bytes, at + from, length, at + from)
          const done = at + from + length
          report({ type: 'progress', stage: 'backup', done, total: size, unit: 'bytes' })
        })
        const done = at + piece.length
        report({ type: 'progress', stage: 'backup', done, total: size, unit: 'bytes' })
      }
    } finally {
      await file.close()
    }
    await system.files.write(path, bytes, { mode: 0o600 })
    await system.files.remove(partial)
    report({ type: 'done', stage: 'backup', elapsedMs: system.clock.monotonic() - startMs })
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { ...info, size, sha256, readBytes }
  })
}
