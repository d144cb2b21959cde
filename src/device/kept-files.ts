import { dirname, join } from 'node:path'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { BoardFiles } from './board-files.js'
import { littleFsBytes, readLayout } from './chip-layout.js'
import { type FlashTarget, withFiles } from './flash-target.js'
import { blockBytes, readLittleFs, type StoredNode } from './littlefs.js'
import { hasRoom, makeLittleFs } from './littlefs-image.js'
import type { Loader } from './loader.js'
import type { Loss } from './losses.js'
import { findUnsent, type UnsentPage } from './moved-queue.js'
import { type Partition, queueLabel } from './partitions.js'
import { pagesIn, queueRegions, withoutQueue, withQueue } from './queue-files.js'
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

/** What of the losses the new layout takes. */
export interface Held {
  kinds: ReadonlySet<Loss['kind']>
  /** With the pages of a queue that lives on as files. */
  files: BoardFiles | undefined
}

/** Files that fit the target, and with them a queue that has lost its partition. Pure. */
export function heldBy(target: FlashTarget, losses: Loss[]): Held {
  const files = losses.find(({ kind }) => kind === 'files')?.files
  if (!files || !canHold(target, files)) return { kinds: new Set(), files: undefined }
  const pages = losses.find(({ kind }) => kind === 'queue')?.unsent
  const all = pages && filesWithQueue(target, files, pages)
  return all
    ? { kinds: new Set(['files', 'queue']), files: all }
    : { kinds: new Set(['files']), files }
}

function filesWithQueue(
  target: FlashTarget,
  files: BoardFiles,
  pages: UnsentPage[],
): BoardFiles | undefined {
  const { vfs, queue } = placesOf(target)
  if (!vfs || queue) return undefined
  // An image of the new size: the old `vfs` would not hold it.
  const blockCount = vfs.size / blockBytes
  const nodes = withQueue(files.nodes, pages, blockCount)
  return nodes && canHold(target, { nodes }) ? { ...files, nodes, blockCount } : undefined
}

/** Whether the target has room for these files; a queue in files goes into its partition. */
function canHold(target: FlashTarget, { nodes }: Pick<BoardFiles, 'nodes'>): boolean {
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
  await save(path, nodes, files.blockCount, system)
  return { target: await plan(target, nodes), path }
}

async function save(
  path: string,
  nodes: StoredNode[],
  blockCount: number,
  system: System,
): Promise<void> {
  const image = await makeLittleFs(nodes, blockCount)
  // As large as its partition, so that `board restore` could write it there.
  const whole = new Uint8Array(Math.max(blockCount * blockBytes, image.length)).fill(0xff)
  whole.set(image)
  await system.files.makeFolder(dirname(path))
  // They may hold the password of a network.
  await system.files.write(path, whole, { mode: 0o600 })
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
  { discardFiles, report }: { discardFiles: boolean; report: Report },
): Promise<KeptFiles | undefined> {
  const path = pathOf(system, mac)
  const { vfs, queue } = placesOf(target)
  const saved = await system.files.read(path)
  if (!saved || !vfs) return undefined
  if (discardFiles) return { target, path }
  const nodes = await readLittleFs(saved.length / blockBytes, async (block) =>
    saved.subarray(block * blockBytes, (block + 1) * blockBytes),
  )
  if (!nodes || !canHold(target, { nodes })) return undefined
  // The superblock is written last: where it is, the files are, and the board may have changed them.
  if ((await littleFsBytes(loader, vfs.offset)) === vfs.size)
    return { target: { ...target, files: 'there', movedQueue: !queue }, path }
  const blockCount = vfs.size / blockBytes
  const all = queue ? undefined : await withChipsQueue(nodes, loader, blockCount, report)
  if (!all || !canHold(target, { nodes: all })) return { target: await plan(target, nodes), path }
  const known = await inMemory(all)
  // The chip loses its pages as these are written: what it had since the first run is saved too.
  await save(path, known, blockCount, system)
  return { target: { ...(await plan(target, known)), movedQueue: true }, path }
}

/**
 * The files of a cut job with what the chip's partition of the queue holds by now: until it is
 * overwritten, the station may have gone on with it. Undefined where there is none, or too much.
 */
async function withChipsQueue(
  nodes: StoredNode[],
  loader: Loader,
  blockCount: number,
  report: Report,
): Promise<StoredNode[] | undefined> {
  const { partitions } = await readLayout(loader)
  const partition = partitions.find(({ label }) => label === queueLabel)
  const isWhole = partition && partition.offset + partition.size <= loader.facts.flashSizeBytes
  const saved = await pagesIn(nodes)
  const pages = new Map(saved.map((page) => [page.number, page]))
  // What is older had been acknowledged when the job began.
  const oldest = saved[0]?.number ?? 0
  for (const page of isWhole ? await findUnsent(loader, partition, report) : [])
    if (page.number >= oldest) pages.set(page.number, page)
  if (pages.size === 0) return undefined
  return withQueue(
    nodes,
    [...pages.values()].sort((a, b) => a.number - b.number),
    blockCount,
  )
}
