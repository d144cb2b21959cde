import { blockBytes, type StoredFile, type StoredFolder, type StoredNode } from './littlefs.js'
import {
  entryBytes,
  type LogEntry,
  type Pair,
  pairBytes,
  pointersIn,
  tagType,
  writeLog,
} from './littlefs-log.js'

/** Files up to here lie in their folder: MicroPython's cache, which has to hold one, is 4 x 32 bytes. */
const inlineMax = 128
/** littlefs itself divides a folder's block when more than half of it is in use. */
const folderBytes = blockBytes / 2
/** littlefs writes to free blocks only: without some, nothing on the board could be changed. */
const spareBlocks = 4
const longestName = 255

/** One pair of a folder with what stands in it. */
interface Part {
  pair: Pair
  nodes: StoredNode[]
}

/** Whether a file system of so many blocks holds these files with room to work. */
export function hasRoom(nodes: StoredNode[], blockCount: number): boolean {
  return usedBlocks(nodes) + spareBlocks <= blockCount
}

/** Blocks that a new file system takes for these files and their folders. */
export function usedBlocks(nodes: StoredNode[]): number {
  const folders = layOut(nodes)
  const pairs = [...folders.values()].reduce((sum, parts) => sum + parts.length, 0)
  return 2 * pairs + blocksOfFiles(nodes)
}

/**
 * A littlefs 2.0 for a partition of `blockCount` blocks with these files: its first blocks, up to the
 * last one in use. What lies behind them does not matter.
 */
export async function makeLittleFs(nodes: StoredNode[], blockCount: number): Promise<Uint8Array> {
  const folders = layOut(nodes)
  const parts = [...folders.values()].flat()
  const blocks: Uint8Array[] = new Array(2 * parts.length).fill(erased)
  const entryOf = async (node: StoredNode): Promise<LogEntry> => {
    const { name, attributes } = node
    const struct =
      node.kind === 'folder'
        ? { type: tagType.folderStruct, data: pairBytes(firstPair(folders, node)) }
        : await storeFile(node, blocks)
    return {
      kind: node.kind === 'folder' ? tagType.folder : tagType.file,
      name,
      attributes,
      struct,
    }
  }
  for (const own of folders.values()) {
    for (const [n, { pair, nodes }] of own.entries()) {
      const entries = pair[0] === 0 ? [superblock(blockCount)] : []
      for (const node of nodes) entries.push(await entryOf(node))
      // The thread goes from each part to the next one, in the order of their blocks.
      const next = parts.find((part) => part.pair[0] === pair[0] + 2)
      const tail = next && { pair: next.pair, isSplit: n + 1 < own.length }
      blocks[pair[0]] = writeLog(entries, tail, blockBytes)
    }
  }
  return Uint8Array.from(Buffer.concat(blocks))
}

const erased = new Uint8Array(blockBytes).fill(0xff)

/** Pairs for every folder; the root's key is undefined and its first pair 0 and 1. */
function layOut(nodes: StoredNode[]): Map<StoredFolder | undefined, Part[]> {
  const folders = new Map<StoredFolder | undefined, Part[]>()
  let next = 0
  const add = (folder: StoredFolder | undefined, children: StoredNode[]): void => {
    const parts = divide(children).map((own): Part => {
      next += 2
      return { pair: [next - 2, next - 1], nodes: own }
    })
    folders.set(folder, parts)
    for (const child of children) if (child.kind === 'folder') add(child, child.children)
  }
  add(undefined, nodes)
  return folders
}

/** A folder's names in littlefs' order, in portions that fit a block. */
function divide(children: StoredNode[]): StoredNode[][] {
  const sorted = [...children]
    .filter(({ name }) => name.length <= longestName)
    .sort((a, b) => Buffer.compare(a.name, b.name))
  const parts: StoredNode[][] = [[]]
  let bytes = 0
  for (const node of sorted) {
    const size = entryBytes({ ...node, kind: 0, struct: { type: 0, data: placeOf(node) } })
    if (bytes + size > folderBytes) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(node)
    bytes += size
  }
  return parts
}

/** As many bytes as the node's struct will have. */
function placeOf(node: StoredNode): Uint8Array {
  return new Uint8Array(node.kind === 'file' && node.size <= inlineMax ? node.size : 8)
}

function firstPair(folders: Map<StoredFolder | undefined, Part[]>, folder: StoredFolder): Pair {
  return folders.get(folder)?.[0]?.pair ?? [0, 1]
}

function blocksOfFiles(nodes: StoredNode[]): number {
  return nodes.reduce((sum, node) => {
    if (node.kind === 'folder') return sum + blocksOfFiles(node.children)
    return sum + (node.size <= inlineMax ? 0 : capacities(node.size).length)
  }, 0)
}

/** How much of a file each of its blocks takes. */
function capacities(size: number): number[] {
  const taken: number[] = []
  for (let left = size; left > 0; ) {
    const part = Math.min(left, blockBytes - 4 * pointersIn(taken.length))
    taken.push(part)
    left -= part
  }
  return taken
}

async function storeFile(file: StoredFile, blocks: Uint8Array[]): Promise<LogEntry['struct']> {
  const content = await file.read()
  if (content.length <= inlineMax) return { type: tagType.inlineStruct, data: content }
  const first = blocks.length
  let at = 0
  for (const [index, length] of capacities(content.length).entries()) {
    const block = erased.slice()
    const view = new DataView(block.buffer)
    const pointers = pointersIn(index)
    for (let n = 0; n < pointers; n++) view.setUint32(4 * n, first + index - 2 ** n, true)
    block.set(content.subarray(at, at + length), 4 * pointers)
    blocks.push(block)
    at += length
  }
  return { type: tagType.listStruct, data: pairBytes([blocks.length - 1, content.length]) }
}

/** Limits as MicroPython's own format sets them. */
function superblock(blockCount: number): LogEntry {
  const version = 0x0002_0000
  const [nameMax, fileMax, attributeMax] = [longestName, 0x7fff_ffff, 1022]
  const words = [version, blockBytes, blockCount, nameMax, fileMax, attributeMax]
  const data = new Uint8Array(4 * words.length)
  for (const [i, word] of words.entries()) new DataView(data.buffer).setUint32(4 * i, word, true)
  const name = new TextEncoder().encode('littlefs')
  const struct = { type: tagType.inlineStruct, data }
  return { kind: tagType.superblock, name, attributes: new Map(), struct }
}
