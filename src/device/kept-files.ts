import { dirname, join } from 'node:path'
import type { System } from '../system.js'
import type { BoardFiles } from './board-files.js'
import { littleFsBytes } from './chip-layout.js'
import { type FlashTarget, withFiles } from './flash-target.js'
import { blockBytes, readLittleFs } from './littlefs.js'
import { hasRoom, makeLittleFs } from './littlefs-image.js'
import type { Partition } from './partitions.js'
import type { Session } from './session.js'

/**
 * Between the moment a board's `vfs` is overwritten and the moment its files are proven to be in the
 * new one, they lie in a file of this computer: an image of the new `vfs`, named by the board's MAC.
 */
function pathOf(system: System, mac: string): string {
  return join(system.folders.data, 'kept-files', `${mac.replaceAll(':', '')}.littlefs`)
}

export interface KeptFiles {
  /** The target with these files in its `vfs`. */
  target: FlashTarget
  /** Where they lie until they are there. */
  path: string
}

/** Whether the target's `vfs` has room for these files. */
export function canHold(target: FlashTarget, { nodes }: Pick<BoardFiles, 'nodes'>): boolean {
  const vfs = vfsOf(target)
  return vfs !== undefined && hasRoom(nodes, vfs.size / blockBytes)
}

function vfsOf({ table }: FlashTarget): Partition | undefined {
  return table?.partitions.find(({ label }) => label === 'vfs')
}

/** Reads the files off the board, saves them, and plans them into the new `vfs` that can hold them. */
export async function keepFiles(
  { nodes }: BoardFiles,
  target: FlashTarget,
  mac: string,
  system: System,
): Promise<KeptFiles> {
  const path = pathOf(system, mac)
  const vfs = vfsOf(target)
  if (!vfs) return { target, path }
  const image = await makeLittleFs(nodes, vfs.size / blockBytes)
  // As large as the partition, so that `board restore` can write it too.
  const whole = new Uint8Array(vfs.size).fill(0xff)
  whole.set(image)
  await system.files.makeFolder(dirname(path))
  // They may hold the password of a network.
  await system.files.write(path, whole, { mode: 0o600 })
  return { target: withFiles(target, vfs.offset, image), path }
}

/** The files of a job that was cut short, planned into the new `vfs`; undefined where none wait. */
export async function waitingFiles(
  target: FlashTarget,
  { mac, loader }: Pick<Session, 'mac' | 'loader'>,
  system: System,
): Promise<KeptFiles | undefined> {
  const path = pathOf(system, mac)
  const vfs = vfsOf(target)
  const saved = await system.files.read(path)
  if (!saved || !vfs) return undefined
  const nodes = await readLittleFs(saved.length / blockBytes, async (block) =>
    saved.subarray(block * blockBytes, (block + 1) * blockBytes),
  )
  if (!nodes || !canHold(target, { nodes })) return undefined
  // The superblock is written last: where it is, the files are, and the board may have changed them.
  if ((await littleFsBytes(loader, vfs.offset)) === vfs.size)
    return { target: { ...target, files: 'there' }, path }
  const image = await makeLittleFs(nodes, vfs.size / blockBytes)
  return { target: withFiles(target, vfs.offset, image), path }
}
