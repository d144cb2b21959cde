import { createHash } from 'node:crypto'
import type { Flash } from './flash.js'

const tableOffset = 0x8000
const tableSize = 0xc00
const entrySize = 32
const types = { app: 0, data: 1 } as const
const subtypes = { factory: 0x00, ota0: 0x10, otaLast: 0x1f, otaData: 0x00 } as const

interface Partition {
  type: number
  subtype: number
  offset: number
  size: number
  label: string
}

export type TableFault = { kind: 'md5' } | { kind: 'magic'; index: number; magic: number }

/** The partition table as the second-stage bootloader reads it (shared/firmware.md). */
export function readPartitionTable(flash: Flash): Partition[] | TableFault {
  const table = flash.read(tableOffset, tableSize)
  const view = new DataView(table.buffer)
  const partitions: Partition[] = []
  for (let at = 0; at < tableSize; at += entrySize) {
    const magic = view.getUint16(at, true)
    if (magic === 0xffff) return partitions
    if (magic === 0xebeb) {
      const md5 = createHash('md5').update(table.subarray(0, at)).digest()
      if (!md5.equals(table.subarray(at + 16, at + 32))) return { kind: 'md5' }
    } else if (magic === 0x50aa) {
      partitions.push({
        type: table[at + 2]!,
        subtype: table[at + 3]!,
        offset: view.getUint32(at + 4, true),
        size: view.getUint32(at + 8, true),
        label: Buffer.from(table.subarray(at + 12, at + 28))
          .toString('latin1')
          .split('\0')[0]!,
      })
    } else return { kind: 'magic', index: at / entrySize, magic }
  }
  return partitions
}

/** App partitions in the order the bootloader tries them, with the words its log has for them. */
export function bootOrder(
  flash: Flash,
  partitions: Partition[],
): { offset: number; name: string }[] {
  const apps = partitions.filter(({ type }) => type === types.app)
  const factory = apps.filter(({ subtype }) => subtype === subtypes.factory)
  const ota = apps
    .filter(({ subtype }) => subtype >= subtypes.ota0 && subtype <= subtypes.otaLast)
    .sort((a, b) => a.subtype - b.subtype)
  const chosen = chosenOta(flash, partitions, ota.length)
  const named = [
    ...factory.map(({ offset }) => ({ offset, name: 'Factory app partition' })),
    ...ota.map(({ offset }, slot) => ({ offset, name: `OTA app partition slot ${slot}` })),
  ]
  const first = chosen === undefined ? undefined : named[factory.length + chosen]
  return first ? [first, ...named.filter((one) => one !== first)] : named
}

/** The slot that otadata names: the higher valid sequence number of its two sectors. */
function chosenOta(flash: Flash, partitions: Partition[], slots: number): number | undefined {
  const data = partitions.find(
    ({ type, subtype, size }) =>
      type === types.data && subtype === subtypes.otaData && size >= 0x2000,
  )
  if (!data || slots === 0) return undefined
  const sequences = [0, 0x1000].flatMap((at) => {
    const view = new DataView(flash.read(data.offset + at, 32).buffer)
    const sequence = view.getUint32(0, true)
    const isValid = sequence !== 0xffff_ffff && view.getUint32(28, true) === crc32(sequence)
    return isValid ? [sequence] : []
  })
  return sequences.length > 0 ? (Math.max(...sequences) - 1) % slots : undefined
}

/** CRC-32 of a little-endian word, as esp_rom_crc32_le(UINT32_MAX, …) computes it. */
function crc32(word: number): number {
  // The ROM inverts its start value, so the register begins at 0.
  let crc = 0
  for (let byte = 0; byte < 4; byte++) {
    crc ^= (word >>> (8 * byte)) & 0xff
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1
  }
  return ~crc >>> 0
}
