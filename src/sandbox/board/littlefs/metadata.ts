import {
  type BlockDevice,
  errno,
  FileSystemError,
  isPair,
  noPair,
  type Pair,
  pairBytes,
  pairOf,
  programSize,
} from './device.js'
import {
  commitEnd,
  crc32,
  dataSizeOf,
  encodeCommit,
  idOf,
  isDeleting,
  type LogEnd,
  noId,
  type Tag,
  typeOf,
  types,
} from './tags.js'

/** A name in a folder and what it stands for. */
export interface Entry {
  type: number
  name: Uint8Array
  struct: { type: number; data: Uint8Array }
  attributes: Map<number, Uint8Array>
}

/** One metadata pair as its log says it is. */
export interface Metadata {
  pair: Pair
  revision: number
  entries: Entry[]
  tail: Pair
  /** The tail goes on with the same folder. */
  isSplit: boolean
  /** This pair's share of the global state (12 bytes), XORed over all pairs. */
  moveState: Uint8Array
  end: LogEnd
  /** Behind the log lies erased flash: another commit can be appended. */
  canAppend: boolean
}

const zeroState = new Uint8Array(12)

export function emptyMetadata(pair: Pair, revision: number): Metadata {
  return {
    pair,
    revision,
    entries: [],
    tail: noPair,
    isSplit: false,
    moveState: zeroState,
    end: { offset: 4, previousTag: 0xffff_ffff },
    canAppend: false,
  }
}

/** Reads the newer valid block of a pair. Throws FileSystemError ECORRUPT where neither is valid. */
export function readMetadata(device: BlockDevice, pair: Pair): Metadata {
  if (pair.some((block) => block >= device.blockCount)) throw new FileSystemError(errno.ECORRUPT)
  const found = pair
    .map((block, i) => readLog(device, block, i === 0 ? pair : [pair[1], pair[0]]))
    .filter((one) => one !== undefined)
  const [a, b] = found
  if (!a) throw new FileSystemError(errno.ECORRUPT)
  // Revisions are compared in sequence arithmetic: the counter may wrap.
  return b && ((b.revision - a.revision) | 0) > 0 ? b : a
}

function readLog(device: BlockDevice, block: number, pair: Pair): Metadata | undefined {
  const bytes = device.read(block, 0, device.blockSize)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const result = emptyMetadata(pair, view.getUint32(0, true))
  let pending: Tag[] = []
  let isValid = false
  let previous = 0xffff_ffff
  let from = 0
  for (let at = 4; at + 4 <= bytes.length; ) {
    const tag = (view.getUint32(at) ^ previous) >>> 0
    const next = at + 4 + dataSizeOf(tag)
    if (tag >>> 31 || next > bytes.length) break
    previous = tag
    if ((typeOf(tag) & 0x780) === types.crc && typeOf(tag) !== 0x5ff) {
      if (crc32(0xffff_ffff, bytes.subarray(from, at + 4)) !== view.getUint32(at + 4, true)) break
      previous = (previous ^ ((typeOf(tag) & 1) << 31)) >>> 0
      for (const one of pending) applyTag(result, one)
      pending = []
      isValid = true
      from = next
      result.end = { offset: next, previousTag: previous }
    } else {
      const data = isDeleting(tag) ? undefined : bytes.slice(at + 4, next)
      pending.push({ type: typeOf(tag), id: idOf(tag), data })
    }
    at = next
  }
  if (!isValid) return undefined
  // A program that a power cut tore may have left anything behind the last commit.
  result.canAppend =
    result.end.offset % programSize === 0 &&
    bytes.subarray(result.end.offset).every((byte) => byte === 0xff)
  return result
}

/** Does to the entries what a tag says. */
export function applyTag(metadata: Metadata, { type, id, data }: Tag): void {
  const { entries } = metadata
  if (type === types.create) entries.splice(id, 0, blankEntry())
  else if (type === types.delete) entries.splice(id, 1)
  else if ((type & 0x700) === 0) Object.assign(entryAt(entries, id), { type, name: data })
  else if ((type & 0x700) === 0x200) entryAt(entries, id).struct = { type, data: data! }
  else if ((type & 0x700) === 0x300) {
    const { attributes } = entryAt(entries, id)
    if (data) attributes.set(type & 0xff, data)
    else attributes.delete(type & 0xff)
  } else if ((type & 0x700) === 0x600) {
    metadata.tail = pairOf(data!)
    metadata.isSplit = (type & 1) === 1
  } else if (type === types.moveState) metadata.moveState = data!
}

function blankEntry(): Entry {
  return {
    type: 0,
    name: new Uint8Array(0),
    struct: { type: types.inlineStruct, data: new Uint8Array(0) },
    attributes: new Map(),
  }
}

function entryAt(entries: Entry[], id: number): Entry {
  while (entries.length <= id) entries.push(blankEntry())
  return entries[id]!
}

/** Everything a pair says, as one commit. */
export function allTags(metadata: Metadata): Tag[] {
  const tags: Tag[] = metadata.entries.flatMap((entry, id) => entryTags(entry, id))
  if (isPair(metadata.tail)) tags.push(tailTag(metadata.tail, metadata.isSplit))
  if (metadata.moveState.some((byte) => byte !== 0)) {
    tags.push({ type: types.moveState, id: noId, data: metadata.moveState })
  }
  return tags
}

export function entryTags({ type, name, struct, attributes }: Entry, id: number): Tag[] {
  return [
    { type, id, data: name },
    { type: struct.type, id, data: struct.data },
    ...[...attributes].map(([key, data]) => ({ type: types.attribute | key, id, data })),
  ]
}

export function tailTag(tail: Pair, isSplit: boolean): Tag {
  const type = isSplit ? types.hardTail : types.softTail
  return { type, id: noId, data: pairBytes(tail) }
}

/** Appends a commit whose tags are already applied; false where it does not fit. */
export function appendCommit(device: BlockDevice, metadata: Metadata, tags: Tag[]): boolean {
  const { pair, end, canAppend } = metadata
  if (!canAppend || commitEnd(end.offset, tags) > device.blockSize) return false
  const commit = encodeCommit(end, tags, undefined)
  // Unknown until it is through: a cut in the middle must not let the next one follow it.
  metadata.canAppend = false
  device.program(pair[0], end.offset, commit.bytes)
  metadata.end = commit.end
  metadata.canAppend = true
  return true
}

/** Writes everything to the pair's other block with the next revision; false where it is too much. */
export function compact(device: BlockDevice, metadata: Metadata): boolean {
  const tags = allTags(metadata)
  if (commitEnd(4, tags) > device.blockSize) return false
  const [old, fresh] = metadata.pair
  const revision = (metadata.revision + 1) >>> 0
  const head = new Uint8Array(4)
  new DataView(head.buffer).setUint32(0, revision, true)
  const commit = encodeCommit({ offset: 4, previousTag: 0xffff_ffff }, tags, head)
  metadata.canAppend = false
  device.erase(fresh)
  device.program(fresh, 0, commit.bytes)
  metadata.pair = [fresh, old]
  metadata.revision = revision
  metadata.end = commit.end
  metadata.canAppend = true
  return true
}
