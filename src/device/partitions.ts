import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import { printable } from './printable.js'

export interface Partition {
  label: string
  type: 'app' | 'data' | number
  subtype: number
  offset: number
  size: number
  flags: number
}

export interface PartitionTable {
  partitions: Partition[]
  /** The table ends with an MD5 of its entries, and it is right. */
  hasDigest: boolean
}

/** Where every chip of ours keeps its table. */
export const tableOffset = 0x8000
/** 95 entries and the digest; the sector's rest stays erased. */
const tableBytes = 0xc00
const entryBytes = 32
const sector = 0x1000

/** The station's queue (shared/firmware.md): data, subtype 0x40. */
export const queueLabel = 'wxqueue'
const queueSubtype = 0x40
/** Room for the station's code, its settings and an update beside them. */
const vfsBytes = 256 * 1024

/**
 * Reads a table as IDF's bootloader does. Throws IMAGE_INVALID for a bad digest, for entries that
 * overlap, are empty or lie across sectors, and for a table without an end.
 */
export function readPartitionTable(bytes: Uint8Array, name: string): PartitionTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const partitions: Partition[] = []
  let hasDigest = false
  for (let at = 0; at + entryBytes <= Math.min(bytes.length, tableBytes); at += entryBytes) {
    const mark = view.getUint16(at, true)
    if (mark === 0xffff) return checked({ partitions, hasDigest }, name)
    if (mark === 0xebeb) {
      const digest = createHash('md5').update(bytes.subarray(0, at)).digest()
      if (!digest.equals(bytes.subarray(at + 16, at + 32)))
        throw invalid(name, 'the MD5 of its partition table is wrong')
      hasDigest = true
      continue
    }
    if (mark !== 0x50aa)
      throw invalid(name, `entry ${at / entryBytes} of its partition table is none`)
    const type = bytes[at + 2] ?? 0
    const label = bytes.subarray(at + 12, at + 28)
    const end = label.indexOf(0)
    partitions.push({
      label: printable(label.subarray(0, end < 0 ? 16 : end)),
      type: type === 0 ? 'app' : type === 1 ? 'data' : type,
      subtype: bytes[at + 3] ?? 0,
      offset: view.getUint32(at + 4, true),
      size: view.getUint32(at + 8, true),
      flags: view.getUint32(at + 28, true),
    })
  }
  throw invalid(name, 'its partition table has no end')
}

function checked(table: PartitionTable, name: string): PartitionTable {
  if (table.partitions.length === 0) throw invalid(name, 'its partition table is empty')
  let end = tableOffset + sector
  let previous = 'the partition table'
  for (const { label, offset, size } of [...table.partitions].sort((a, b) => a.offset - b.offset)) {
    if (size === 0) throw invalid(name, `its partition ${label} has no size`)
    if (offset % sector !== 0)
      throw invalid(name, `its partition ${label} does not begin on a sector`)
    if (offset < end) throw invalid(name, `its partition ${label} overlaps ${previous}`)
    end = offset + size
    previous = label
  }
  return table
}

/** A table as it stands in flash: entries, digest, ones to the end of its 0xC00 bytes. */
export function writePartitionTable(partitions: Partition[]): Uint8Array {
  const bytes = new Uint8Array(tableBytes).fill(0xff)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { label, type, subtype, offset, size, flags } of partitions) {
    view.setUint16(at, 0x50aa, true)
    bytes[at + 2] = type === 'app' ? 0 : type === 'data' ? 1 : type
    bytes[at + 3] = subtype
    view.setUint32(at + 4, offset, true)
    view.setUint32(at + 8, size, true)
    bytes.fill(0, at + 12, at + 28)
    bytes.set(new TextEncoder().encode(label).subarray(0, 16), at + 12)
    view.setUint32(at + 28, flags, true)
    at += entryBytes
  }
  const digest = createHash('md5').update(bytes.subarray(0, at)).digest()
  bytes[at] = 0xeb
  bytes[at + 1] = 0xeb
  bytes.set(digest, at + 16)
  return bytes
}

/**
 * The table with room for the queue: `vfs` keeps its place and shrinks to 256 KB, `wxqueue`
 * takes the rest of the chip. Undefined where the table has no `vfs` or the chip no room:
 * the official table then stays, and the station queues in files.
 */
export function withQueue(
  table: PartitionTable,
  flashSizeBytes: number,
): PartitionTable | undefined {
  const vfs = table.partitions.find(({ label, type }) => label === 'vfs' && type === 'data')
  if (!vfs) return undefined
  const others = table.partitions.filter(({ label }) => label !== 'vfs' && label !== queueLabel)
  const queueOffset = vfs.offset + vfsBytes
  if (queueOffset + 16 * sector > flashSizeBytes) return undefined
  if (others.some(({ offset, size }) => offset < flashSizeBytes && offset + size > vfs.offset))
    return undefined
  return {
    hasDigest: true,
    partitions: [
      ...others,
      { ...vfs, size: vfsBytes },
      {
        label: queueLabel,
        type: 'data',
        subtype: queueSubtype,
        offset: queueOffset,
        size: flashSizeBytes - queueOffset,
        flags: 0,
      },
    ],
  }
}

function invalid(name: string, why: string): WxError {
  return new WxError('IMAGE_INVALID', `${name} cannot be used: ${why}.`, {
    details: { image: name },
  })
}
