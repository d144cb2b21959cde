import type { Region } from './flash-target.js'
import type { StoredFile, StoredFolder, StoredNode } from './littlefs.js'
import { usedBlocks } from './littlefs-image.js'
import type { UnsentPage } from './moved-queue.js'
import type { Partition } from './partitions.js'
import { pageBytes, readPageHead } from './queue-page.js'

/**
 * A station without a partition for its queue keeps the same pages as files: one each in this
 * folder, and how many there may be in that file (firmware/micropython/store.py).
 */
const folderName = 'records'
const countName = 'records.pages'
/** What the station gives itself at its first start: half of what is free, within these. */
const [fewestPages, mostPages] = [4, 448]
/** A page that was ever begun starts with this and its number. */
const magic = 'WXQ1'

function nameOf({ name }: StoredNode): string {
  return Buffer.from(name).toString('latin1')
}

/** Files without those of a queue, which goes into a partition of its own. */
export function withoutQueue(nodes: StoredNode[]): StoredNode[] {
  return nodes.filter((node) => nameOf(node) !== countName && !isQueue(node))
}

function isQueue(node: StoredNode): node is StoredFolder {
  return node.kind === 'folder' && nameOf(node) === folderName
}

/**
 * The pages of a queue in files, each at the place of the partition where the station looks for it:
 * its number modulo the partition's pages. Where two want one place the later one has it, as if the
 * station itself had come round to it.
 */
export async function queueRegions(
  nodes: StoredNode[],
  { offset, size }: Partition,
): Promise<Region[]> {
  const total = Math.floor(size / pageBytes)
  const places = new Map<number, { number: number; bytes: Uint8Array }>()
  for (const node of nodes.find(isQueue)?.children ?? []) {
    if (node.kind !== 'file' || node.size > pageBytes) continue
    const content = await node.read()
    if (Buffer.from(content.subarray(0, 4)).toString('latin1') !== magic || content.length < 8)
      continue
    const number = new DataView(content.buffer, content.byteOffset).getUint32(4)
    const bytes = new Uint8Array(pageBytes).fill(0xff)
    bytes.set(content)
    const before = places.get(number % total)
    if (!before || before.number < number) places.set(number % total, { number, bytes })
  }
  return [...places].map(([place, { bytes }]) => ({ address: offset + place * pageBytes, bytes }))
}

/** The sound pages of a queue in files, oldest first. */
export async function pagesIn(nodes: StoredNode[]): Promise<UnsentPage[]> {
  const pages: UnsentPage[] = []
  for (const node of nodes.find(isQueue)?.children ?? []) {
    if (node.kind !== 'file' || node.size > pageBytes) continue
    const bytes = new Uint8Array(pageBytes).fill(0xff)
    bytes.set(await node.read())
    const head = readPageHead(bytes)
    if (head) pages.push({ number: head.number, read: async () => bytes })
  }
  return pages.sort((a, b) => a.number - b.number)
}

/**
 * The files with a queue's pages among them, as a station without a partition keeps it in a file
 * system of so many blocks. Undefined where it would give itself no room for that many.
 */
export function withQueue(
  nodes: StoredNode[],
  pages: UnsentPage[],
  blockCount: number,
): StoredNode[] | undefined {
  const rest = withoutQueue(nodes)
  const free = blockCount - usedBlocks(rest)
  const total = Math.max(fewestPages, Math.min(mostPages, Math.floor(free / 2)))
  const [first, last] = [pages[0], pages.at(-1)]
  if (!first || !last || last.number - first.number >= total) return undefined
  const children = pages.map(({ number, read }) => file(`${number % total}`, pageBytes, read))
  const count = Buffer.from(`${total}`)
  return [
    ...rest,
    file(countName, count.length, async () => count),
    { kind: 'folder', name: Buffer.from(folderName), attributes: new Map(), children },
  ]
}

function file(name: string, size: number, read: StoredFile['read']): StoredFile {
  return { kind: 'file', name: Buffer.from(name), attributes: new Map(), size, read }
}
