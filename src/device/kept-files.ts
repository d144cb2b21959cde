import { dirname, join } from 'node:path'
import type { System } from '../system.js'
import type { BoardFiles } from './board-files.js'
import { littleFsBytes } from './chip-layout.js'
import { type FlashTarget, withFiles } from './flash-target.js'
import { blockBytes, readLittleFs, type StoredNode } from './littlefs.js'
import { hasRoom, makeLittleFs } from './littlefs-image.js'
import { type Partition, queueLabel } from './partitions.js'
import { queueRegions, withoutQueue } from './queue-files.js'
import type { Session } from './session.js'

/**
 * Between the moment a board's `vfs` is overwritten and the moment its files are proven to be in the
 * new one, they lie in a file of this computer: an image of the old `vfs`, named by the board's MAC.
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

/** Whether the target has room for these files; a queue in files goes into its partition. */
export function canHold(target: FlashTarget, { nodes }: Pick<BoardFiles, 'nodes'>): boolean {
  const { vfs, queue } = placesOf(target)
  const rest = queue ? withoutQueue(nodes) : nodes
  return vfs !== undefined && hasRoom(rest, vfs.size / blockBytes)
}

function placesOf({ table }: FlashTarget): Record<'vfs' | 'queue', Partition | undefined> {
  const named = (wanted: string): Partition | undefined =>
    table?.partitions.find(({ label }) => label === wanted)
  return { vfs: named('vfs'), queue: named(queueLabel) }
}

/** Reads the files off the board, saves them, and plans them into a target that can hold them. */
export async function keepFiles(
  files: BoardFiles,
  target: FlashTarget,
  mac: string,
  system: System,
): Promise<KeptFiles> {
  const path = pathOf(system, mac)
  const nodes = await inMemory(files.nodes)
  const image = await makeLittleFs(nodes, files.blockCount)
  // As large as the partition was, so that `board restore` could write it there again.
  const whole = new Uint8Array(Math.max(files.blockCount * blockBytes, image.length)).fill(0xff)
  whole.set(image)
  await system.files.makeFolder(dirname(path))
  // They may hold the password of a network.
  await system.files.write(path, whole, { mode: 0o600 })
  return { target: await plan(target, nodes), path }
}

/** Files with their contents read: once, and one after the other, as a loader answers. */
async function inMemory(nodes: StoredNode[]): Promise<StoredNode[]> {
  const read: StoredNode[] = []
  for (const node of nodes) {
    if (node.kind === 'folder') read.push({ ...node, children: await inMemory(node.children) })
    else {
      const content = await node.read()
      read.push({ ...node, read: async () => content })
    }
  }
  return read
}

async function plan(target: FlashTarget, nodes: StoredNode[]): Promise<FlashTarget> {
  const { vfs, queue } = placesOf(target)
  if (!vfs) return target
  const rest = queue ? withoutQueue(nodes) : nodes
  const image = await makeLittleFs(rest, vfs.size / blockBytes)
  return withFiles(target, vfs.offset, image, queue ? await queueRegions(nodes, queue) : [])
}

/**
 * The files of a job that was cut short, planned into the new `vfs`, unless they are to be let go;
 * undefined where none wait.
 */
export async function waitingFiles(
  target: FlashTarget,
  { mac, loader }: Pick<Session, 'mac' | 'loader'>,
  system: System,
  { discardFiles }: { discardFiles: boolean },
): Promise<KeptFiles | undefined> {
  const path = pathOf(system, mac)
  const { vfs } = placesOf(target)
  const saved = await system.files.read(path)
  if (!saved || !vfs) return undefined
  if (discardFiles) return { target, path }
  const nodes = await readLittleFs(saved.length / blockBytes, async (block) =>
    saved.subarray(block * blockBytes, (block + 1) * blockBytes),
  )
  if (!nodes || !canHold(target, { nodes })) return undefined
  // The superblock is written last: where it is, the files are, and the board may have changed them.
  if ((await littleFsBytes(loader, vfs.offset)) === vfs.size)
    return { target: { ...target, files: 'there' }, path }
  return { target: await plan(target, nodes), path }
}
