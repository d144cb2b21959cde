import { crc32 } from 'node:zlib'

/** Two blocks that take turns in holding one part of a folder. */
export type Pair = readonly [number, number]

/** A name in a folder; what it stands for is in `struct`. */
export interface LogEntry {
  kind: number
  name: Uint8Array
  struct: { type: number; data: Uint8Array }
  attributes: Map<number, Uint8Array>
}

/** What one metadata block says when its log is read to the end. */
export interface MetadataLog {
  revision: number
  entries: LogEntry[]
  tail: Pair | undefined
  /** The tail goes on with the same folder; else it begins the next one. */
  isSplit: boolean
  /** This block's share of a move under way, 12 bytes; all shares XORed say what moves. */
  moveState: Uint8Array | undefined
}

/** Types of tags (littlefs SPEC.md, version 2.0 and 2.1). */
export const tagType = {
  file: 0x001,
  folder: 0x002,
  superblock: 0x0ff,
  folderStruct: 0x200,
  inlineStruct: 0x201,
  listStruct: 0x202,
  attribute: 0x300,
  create: 0x401,
  delete: 0x4ff,
  commit: 0x500,
  nextErased: 0x5ff,
  softTail: 0x600,
  hardTail: 0x601,
  moveState: 0x7ff,
} as const

/** MicroPython's VfsLfs2 programs in multiples of this; a commit must end at one. */
const programBytes = 32
const noId = 0x3ff
const deletes = 0x3ff
const firstTag = 0xffff_ffff

/** littlefs takes the checksum without the last inversion that zlib makes. */
function checksum(bytes: Uint8Array): number {
  return ~crc32(bytes) >>> 0
}

/** The log of a block up to its last whole commit; undefined where there is none. */
export function readLog(block: Uint8Array): MetadataLog | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.length)
  const log: MetadataLog = {
    revision: view.getUint32(0, true),
    entries: [],
    tail: undefined,
    isSplit: false,
    moveState: undefined,
  }
  let isWhole = false
  let open: { type: number; id: number; data: Uint8Array | undefined }[] = []
  for (let at = 4, begin = 0, tag = firstTag; at + 8 <= block.length; ) {
    tag = (view.getUint32(at) ^ tag) >>> 0
    const [type, id, length] = [(tag >>> 20) & 0x7ff, (tag >>> 10) & 0x3ff, tag & 0x3ff]
    const end = at + 4 + (length === deletes ? 0 : length)
    // The top bit tells erased flash and a torn program from a tag.
    if (tag >>> 31 === 1 || end > block.length) break
    if ((type & 0x780) === tagType.commit && type !== tagType.nextErased) {
      if (checksum(block.subarray(begin, at + 4)) !== view.getUint32(at + 4, true)) break
      for (const one of open) apply(log, one)
      open = []
      isWhole = true
      begin = end
      tag = (tag ^ ((type & 1) << 31)) >>> 0
    } else open.push({ type, id, data: length === deletes ? undefined : block.slice(at + 4, end) })
    at = end
  }
  return isWhole ? log : undefined
}

function apply(
  log: MetadataLog,
  { type, id, data }: { type: number; id: number; data: Uint8Array | undefined },
): void {
  const { entries } = log
  const entry = (): LogEntry => {
    while (entries.length <= id) entries.push(emptyEntry())
    return entries[id] as LogEntry
  }
  if (type === tagType.create) entries.splice(id, 0, emptyEntry())
  else if (type === tagType.delete) entries.splice(id, 1)
  else if (type === tagType.moveState) log.moveState = data
  else if (type >> 8 === 0x6) {
    log.tail = data && pairOf(data)
    log.isSplit = type === tagType.hardTail
  } else if (type >> 8 === 0x3) {
    if (data) entry().attributes.set(type & 0xff, data)
    else entry().attributes.delete(type & 0xff)
  } else if (type >> 8 === 0x2 && data) entry().struct = { type, data }
  else if (type >> 8 === 0x0 && data) Object.assign(entry(), { kind: type, name: data })
}

function emptyEntry(): LogEntry {
  const struct = { type: tagType.inlineStruct, data: new Uint8Array(0) }
  return { kind: 0, name: new Uint8Array(0), struct, attributes: new Map() }
}

/** Bytes that an entry takes in a log. */
export function entryBytes({ name, struct, attributes }: LogEntry): number {
  const parts = [name, struct.data, ...attributes.values()]
  return parts.reduce((sum, part) => sum + 4 + part.length, 0)
}

/** A block that holds these entries as one commit; the rest is erased flash. */
export function writeLog(
  entries: LogEntry[],
  tail: { pair: Pair; isSplit: boolean } | undefined,
  blockBytes: number,
): Uint8Array {
  const block = new Uint8Array(blockBytes).fill(0xff)
  const view = new DataView(block.buffer)
  let at = 4
  let before = firstTag
  const put = (type: number, id: number, data: Uint8Array): void => {
    const tag = (type << 20) | (id << 10) | data.length
    view.setUint32(at, (tag ^ before) >>> 0)
    block.set(data, at + 4)
    before = tag
    at += 4 + data.length
  }
  view.setUint32(0, 1, true)
  for (const [id, { kind, name, struct, attributes }] of entries.entries()) {
    put(kind, id, name)
    put(struct.type, id, struct.data)
    for (const [key, data] of attributes) put(tagType.attribute | key, id, data)
  }
  if (tail) put(tail.isSplit ? tagType.hardTail : tagType.softTail, noId, pairBytes(tail.pair))
  const end = Math.ceil((at + 8) / programBytes) * programBytes
  const tag = (tagType.commit << 20) | (noId << 10) | (end - at - 4)
  view.setUint32(at, (tag ^ before) >>> 0)
  view.setUint32(at + 4, checksum(block.subarray(0, at + 4)), true)
  return block
}

export function pairOf(bytes: Uint8Array): Pair {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return bytes.length < 8 ? [-1, -1] : [view.getUint32(0, true), view.getUint32(4, true)]
}

/** Also a list's head and size, which are stored alike. */
export function pairBytes([a, b]: Pair): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setUint32(0, a, true)
  new DataView(bytes.buffer).setUint32(4, b, true)
  return bytes
}

/** The index-th block of a file, from the second on, begins with pointers to earlier ones. */
export function pointersIn(index: number): number {
  return index === 0 ? 0 : 32 - Math.clz32(index & -index)
}
