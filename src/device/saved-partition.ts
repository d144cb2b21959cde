import { join } from 'node:path'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import { readPiece } from './flash-read.js'
import type { Loss } from './losses.js'
import type { Session } from './session.js'

export interface SavedPartition {
  kind: Loss['kind']
  label: string
  /** Where it lay on the chip. */
  offset: number
  bytes: number
  path: string
}

/**
 * Reads a partition off the chip into a file of the data folder, as it is. The file is named by the
 * board's MAC, which tells an import whose records they are, and by the time: none replaces another.
 */
export async function savePartition(
  { kind, label, offset, size }: Loss,
  session: Session,
  system: System,
  report: Report,
): Promise<SavedPartition> {
  const total = Math.min(size, session.loader.facts.flashSizeBytes - offset)
  const bytes = new Uint8Array(total).fill(0xff)
  await readPiece(session, offset, bytes, async (from, length) =>
    report({ type: 'progress', stage: 'backup', done: from + length, total, unit: 'bytes' }),
  )
  const folder = join(system.folders.data, 'saved-partitions')
  const time = new Date(system.clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '')
  // A label is the chip's word, and no path.
  const parts = [session.mac.replaceAll(':', ''), label.replaceAll(/[^\w-]/g, '_'), time]
  const path = join(folder, `${parts.join('-')}.bin`)
  await system.files.makeFolder(folder)
  // Espruino keeps the password of its network there.
  await system.files.write(path, bytes, { mode: 0o600 })
  return { kind, label, offset, bytes: total, path }
}
