import { programSize } from './device.js'

/** Types of metadata tags (littlefs SPEC.md, "Metadata tags"). */
export const types = {
  file: 0x001,
  folder: 0x002,
  superblock: 0x0ff,
  folderStruct: 0x200,
  inlineStruct: 0x201,
  listStruct: 0x202,
  attribute: 0x300,
  create: 0x401,
  delete: 0x4ff,
  crc: 0x500,
  softTail: 0x600,
  hardTail: 0x601,
  moveState: 0x7ff,
} as const

export const noId = 0x3ff
/** Length of a tag that takes back what an earlier one said. */
const deleted = 0x3ff

/** One tag with its data; without data it deletes. */
export interface Tag {
  type: number
  id: number
  data: Uint8Array | undefined
}

export function makeTag(type: number, id: number, size: number): number {
  return ((type << 20) | (id << 10) | size) >>> 0
}

export function encodeTag({ type, id, data }: Tag): number {
  return makeTag(type, id, data ? data.length : deleted)
}

export function typeOf(tag: number): number {
  return (tag >>> 20) & 0x7ff
}

export function idOf(tag: number): number {
  return (tag >>> 10) & 0x3ff
}

export function isDeleting(tag: number): boolean {
  return (tag & 0x3ff) === deleted
}

export function dataSizeOf(tag: number): number {
  return isDeleting(tag) ? 0 : tag & 0x3ff
}

const crcTable = Uint32Array.from({ length: 16 }, (_, i) => {
  let value = i
  for (let bit = 0; bit < 4; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value >>> 0
})

/** CRC-32, polynomial 0x04c11db7 reflected, no final inversion. */
export function crc32(crc: number, bytes: Uint8Array): number {
  let value = crc
  for (const byte of bytes) {
    value = (value >>> 4) ^ crcTable[(value ^ byte) & 15]!
    value = (value >>> 4) ^ crcTable[(value ^ (byte >> 4)) & 15]!
  }
  return value >>> 0
}

export interface LogEnd {
  /** Where the next commit begins. */
  offset: number
  /** The last tag, which the next one is XORed with. */
  previousTag: number
}

/** Bytes a commit of these tags takes, its checksum and the filling up to a program unit included. */
export function commitEnd(offset: number, tags: Tag[]): number {
  const end = tags.reduce((at, { data }) => at + 4 + (data?.length ?? 0), offset) + 8
  return Math.ceil(end / programSize) * programSize
}

/**
 * The bytes of one commit that begins at `start`: tags, each XORed with the one before, then one or
 * more CRC tags that reach to the next program unit. `head` is the revision count of a new block.
 */
export function encodeCommit(
  start: LogEnd,
  tags: Tag[],
  head: Uint8Array | undefined,
): { bytes: Uint8Array; end: LogEnd } {
  const begin = head ? 0 : start.offset
  const end = commitEnd(start.offset, tags)
  const bytes = new Uint8Array(end - begin).fill(0xff)
  const view = new DataView(bytes.buffer)
  let { offset, previousTag } = start
  if (head) bytes.set(head)
  for (const tag of tags) {
    const value = encodeTag(tag)
    view.setUint32(offset - begin, (value ^ previousTag) >>> 0)
    if (tag.data) bytes.set(tag.data, offset - begin + 4)
    previousTag = value
    offset += 4 + (tag.data?.length ?? 0)
  }
  let from = 0
  while (offset < end) {
    // A CRC tag's length has ten bits; a longer way to the next unit takes another commit, empty.
    const left = end - offset - 4
    let size = Math.min(left, 0x3fe)
    if (size < left) size = Math.min(size, left - 8)
    const value = makeTag(types.crc, noId, size)
    view.setUint32(offset - begin, (value ^ previousTag) >>> 0)
    const crc = crc32(0xffff_ffff, bytes.subarray(from, offset - begin + 4))
    view.setUint32(offset - begin + 4, crc, true)
    previousTag = value
    offset += 4 + size
    from = offset - begin
  }
  return { bytes, end: { offset, previousTag } }
}
