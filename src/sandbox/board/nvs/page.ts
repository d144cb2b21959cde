import { crc32 } from 'node:zlib'

/** The layout of a page (ESP-IDF Programming Guide, "NVS internals"). */
export const pageSize = 4096
export const entrySize = 32
export const entriesInPage = 126
const bitmapOffset = 32
const entriesOffset = 64

export const pageStates = { empty: 0xffff_ffff, active: 0xffff_fffe, full: 0xffff_fffc } as const
export const itemTypes = { u8: 0x01, i32: 0x14, blobData: 0x42, blobIndex: 0x48 } as const
export const anyChunk = 0xff
const keySize = 16

/** esp_rom_crc32_le(UINT32_MAX, …): the usual polynomial from a register of zeros. */
function crc(bytes: Uint8Array): number {
  return crc32(bytes, 0xffff_ffff)
}

export interface Item {
  namespace: number
  type: number
  key: string
  chunk: number
  /** The entry's own eight bytes. */
  data: Uint8Array
  /** Bytes in the entries that follow. */
  extra: Uint8Array
}

export function spanOf(item: Item): number {
  return 1 + Math.ceil(item.extra.length / entrySize)
}

export function pageHeader(sequence: number): Uint8Array {
  const header = new Uint8Array(entrySize).fill(0xff)
  const view = new DataView(header.buffer)
  view.setUint32(0, pageStates.active, true)
  view.setUint32(4, sequence, true)
  // Version 2, stored inverted.
  header[8] = 0xfe
  view.setUint32(28, crc(header.subarray(4, 28)), true)
  return header
}

/** The sequence number of a page in use, or undefined where it is empty or damaged. */
export function sequenceOf(page: Uint8Array): number | undefined {
  const view = new DataView(page.buffer, page.byteOffset, page.length)
  const isSound = crc(page.subarray(4, 28)) === view.getUint32(28, true)
  const state = view.getUint32(0, true)
  if (!isSound || (state !== pageStates.active && state !== pageStates.full)) return undefined
  return view.getUint32(4, true)
}

export function encodeItem(item: Item): Uint8Array {
  const span = spanOf(item)
  const bytes = new Uint8Array(span * entrySize).fill(0xff)
  bytes.set([item.namespace, item.type, span, item.chunk])
  bytes.fill(0, 8, 8 + keySize)
  bytes.set(Buffer.from(item.key), 8)
  bytes.set(item.data, 24)
  bytes.set(item.extra, entrySize)
  new DataView(bytes.buffer).setUint32(4, entryCrc(bytes), true)
  return bytes
}

function entryCrc(entry: Uint8Array): number {
  return crc(Buffer.concat([entry.subarray(0, 4), entry.subarray(8, entrySize)]))
}

/** A blob's chunk carries its size and checksum. */
export function blobData(bytes: Uint8Array): Uint8Array {
  const data = new Uint8Array(8).fill(0xff)
  const view = new DataView(data.buffer)
  view.setUint16(0, bytes.length, true)
  view.setUint32(4, crc(bytes), true)
  return data
}

export interface Stored {
  item: Item
  index: number
}

/** What a page holds, and where it is free. Items that a power cut broke off are left out. */
export function readPage(page: Uint8Array): { items: Stored[]; next: number; erased: number } {
  const items: Stored[] = []
  let next = 0
  let erased = 0
  for (let index = 0; index < entriesInPage; index++) {
    const at = entriesOffset + index * entrySize
    const state = stateOf(page, index)
    const isBlank = page.subarray(at, at + entrySize).every((byte) => byte === 0xff)
    if (state === 3 && isBlank) continue
    next = index + 1
    const item = state === 2 ? itemAt(page, at) : undefined
    if (!item) {
      erased++
      continue
    }
    items.push({ item, index })
    index += spanOf(item) - 1
    next = index + 1
  }
  return { items, next, erased }
}

function itemAt(page: Uint8Array, at: number): Item | undefined {
  const entry = page.subarray(at, at + entrySize)
  const view = new DataView(page.buffer, page.byteOffset + at, entrySize)
  if (entryCrc(entry) !== view.getUint32(4, true)) return undefined
  const [namespace = 0, type = 0, span = 1, chunk = 0] = entry
  const size = type === itemTypes.blobData ? view.getUint16(24, true) : 0
  if (span !== 1 + Math.ceil(size / entrySize) || at + span * entrySize > page.length)
    return undefined
  const extra = page.slice(at + entrySize, at + entrySize + size)
  if (type === itemTypes.blobData && crc(extra) !== view.getUint32(28, true)) return undefined
  const key = Buffer.from(entry.subarray(8, 8 + keySize))
  const end = key.indexOf(0)
  return {
    namespace,
    type,
    key: key.subarray(0, end < 0 ? keySize : end).toString(),
    chunk,
    data: entry.slice(24, 32),
    extra,
  }
}

function stateOf(page: Uint8Array, index: number): number {
  return (page[bitmapOffset + (index >> 2)]! >> (2 * (index & 3))) & 3
}

/** The bitmap's byte with one entry's state lowered, and where it is in the page. */
export function lowered(index: number, state: 0 | 2): { offset: number; byte: number } {
  const shift = 2 * (index & 3)
  return { offset: bitmapOffset + (index >> 2), byte: 0xff & ~((3 & ~state) << shift) }
}

export function entryOffset(index: number): number {
  return entriesOffset + index * entrySize
}
