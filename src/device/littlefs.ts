import { WxError } from '../errors.js'
import {
  type LogEntry,
  type MetadataLog,
  type Pair,
  pairOf,
  pointersIn,
  readLog,
  tagType,
} from './littlefs-log.js'

/** Reads one block of the file system. */
export type ReadBlock = (block: number) => Promise<Uint8Array>

interface Named {
  /** As it stands on the board: mostly UTF-8, but nothing makes it so. */
  name: Uint8Array
  /** What MicroPython keeps beside a file: the time of its last change. */
  attributes: Map<number, Uint8Array>
}

export interface StoredFile extends Named {
  kind: 'file'
  size: number
  /** Throws BOARD_FAULT where the file system is damaged. */
  read(): Promise<Uint8Array>
}

export interface StoredFolder extends Named {
  kind: 'folder'
  children: StoredNode[]
}

export type StoredNode = StoredFile | StoredFolder

export const blockBytes = 4096
/** The superblock stands in the first two; where the first is blank, MicroPython formats. */
export const superblockBytes = 2 * blockBytes
const magic = 'littlefs'
const rootPair: Pair = [0, 1]
/** Folders in folders: MicroPython's own paths end long before. */
const deepest = 32

/**
 * Lists a littlefs 2 of `blockCount` blocks, as MicroPython's `vfs` holds it. Only blocks in use are
 * read, and a file's content when it is asked for. Undefined where there is no such file system;
 * throws BOARD_FAULT for one that is damaged.
 */
export async function readLittleFs(
  blockCount: number,
  readBlock: ReadBlock,
): Promise<StoredNode[] | undefined> {
  const root = await readPair(rootPair, readBlock)
  const first = root?.entries.find(({ kind }) => kind === tagType.superblock)
  if (!root || !first || Buffer.from(first.name).toString('latin1') !== magic) return undefined
  if (!fits(first, blockCount)) return undefined
  const logs = await readThread(root, blockCount, readBlock)
  finishMove(logs)
  return new Tree(logs, blockCount, readBlock).folder(rootPair, 0)
}

/** Version 2, our block size, and the size of its partition: else MicroPython does not mount it. */
function fits({ struct: { data } }: LogEntry, blockCount: number): boolean {
  if (data.length < 24) return false
  const view = new DataView(data.buffer, data.byteOffset)
  return (
    view.getUint32(0, true) >>> 16 === 2 &&
    view.getUint32(4, true) === blockBytes &&
    view.getUint32(8, true) === blockCount
  )
}

/** The newer whole block of the two; revisions wrap, so they are compared as a difference. */
async function readPair(pair: Pair, readBlock: ReadBlock): Promise<MetadataLog | undefined> {
  const [a, b] = [readLog(await readBlock(pair[0])), readLog(await readBlock(pair[1]))]
  if (!a || !b) return a ?? b
  return ((b.revision - a.revision) | 0) > 0 ? b : a
}

function keyOf([a, b]: Pair): string {
  return `${Math.min(a, b)} ${Math.max(a, b)}`
}

/** Every part of every folder hangs on one thread that begins at the root. */
async function readThread(
  root: MetadataLog,
  blockCount: number,
  readBlock: ReadBlock,
): Promise<Map<string, MetadataLog>> {
  const logs = new Map([[keyOf(rootPair), root]])
  for (let { tail } = root; tail && tail[0] !== 0xffff_ffff; ) {
    if (logs.has(keyOf(tail)) || tail.some((block) => block >= blockCount)) throw damaged()
    const log = await readPair(tail, readBlock)
    if (!log) throw damaged()
    logs.set(keyOf(tail), log)
    tail = log.tail
  }
  return logs
}

/** A rename that a power cut broke off has left its file at both places: the old one goes. */
function finishMove(logs: Map<string, MetadataLog>): void {
  const state = new Uint8Array(12)
  for (const { moveState } of logs.values())
    for (const [i, byte] of (moveState ?? []).entries())
      if (i < 12) state[i] = (state[i] ?? 0) ^ byte
  const tag = new DataView(state.buffer).getUint32(0, true)
  if (((tag >>> 20) & 0x7ff) !== tagType.delete) return
  logs.get(keyOf(pairOf(state.subarray(4))))?.entries.splice((tag >>> 10) & 0x3ff, 1)
}

class Tree {
  readonly #logs: Map<string, MetadataLog>
  readonly #blockCount: number
  readonly #readBlock: ReadBlock
  /** No sound file system holds more than its blocks do. */
  #bytesLeft: number

  constructor(logs: Map<string, MetadataLog>, blockCount: number, readBlock: ReadBlock) {
    this.#logs = logs
    this.#blockCount = blockCount
    this.#readBlock = readBlock
    this.#bytesLeft = blockCount * blockBytes
  }

  folder(pair: Pair, depth: number): StoredNode[] {
    if (depth > deepest) throw damaged()
    const nodes: StoredNode[] = []
    const seen = new Set<string>()
    for (let next: Pair | undefined = pair; next; ) {
      const log: MetadataLog | undefined = this.#logs.get(keyOf(next))
      if (!log || seen.has(keyOf(next))) throw damaged()
      seen.add(keyOf(next))
      for (const entry of log.entries) {
        if (entry.kind === tagType.folder) nodes.push(this.#subfolder(entry, depth))
        else if (entry.kind === tagType.file) nodes.push(this.#file(entry))
      }
      next = log.isSplit ? log.tail : undefined
    }
    return nodes
  }

  #subfolder({ name, attributes, struct }: LogEntry, depth: number): StoredFolder {
    const children = this.folder(pairOf(struct.data), depth + 1)
    return { kind: 'folder', name, attributes, children }
  }

  #file({ name, attributes, struct: { type, data } }: LogEntry): StoredFile {
    const isList = type === tagType.listStruct
    const [head, listSize] = pairOf(data)
    const size = isList ? listSize : data.length
    this.#bytesLeft -= size
    if (this.#bytesLeft < 0) throw damaged()
    const read = isList
      ? (): Promise<Uint8Array> => this.#readList(head, size)
      : async (): Promise<Uint8Array> => data
    return { kind: 'file', name, attributes, size, read }
  }

  /** From the last block back to the first: each knows only those before it. */
  async #readList(head: number, size: number): Promise<Uint8Array> {
    const content = new Uint8Array(size)
    const starts = [0]
    for (let end = blockBytes; end < size; ) {
      starts.push(end)
      end += blockBytes - 4 * pointersIn(starts.length - 1)
    }
    for (let index = starts.length - 1, block = head; index >= 0; index--) {
      if (block >= this.#blockCount) throw damaged()
      const bytes = await this.#readBlock(block)
      const from = 4 * pointersIn(index)
      const start = starts[index] ?? 0
      content.set(bytes.subarray(from, from + Math.min(size - start, blockBytes - from)), start)
      block = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
    }
    return content
  }
}

function damaged(): WxError {
  return new WxError('BOARD_FAULT', "The board's file system is damaged.", {
    hint: 'Save the flash with `wxstation board backup`, then flash with --discard-files.',
  })
}
