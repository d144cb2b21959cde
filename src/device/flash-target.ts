import { WxError } from '../errors.js'
import { type Image, withFlashSize } from './image.js'
import { superblockBytes } from './littlefs.js'
import {
  type Partition,
  type PartitionTable,
  tableOffset,
  withQueue,
  writePartitionTable,
} from './partitions.js'

const sectorBytes = 0x1000

/** Bytes that belong at an address, both in whole sectors. */
export interface Region {
  address: number
  bytes: Uint8Array
}

/** What the flash should hold when all is done. */
export interface FlashTarget {
  image: Image
  /** The table as it will be; undefined for an app alone. */
  table: PartitionTable | undefined
  hasQueue: boolean
  /** Files that had to move: among the regions, or in the new `vfs` already by a job that was cut short. */
  files: 'none' | 'planned' | 'there'
  /** The queue of a partition that goes away is among them already. */
  movedQueue: boolean
  regions: Region[]
}

/** Several parts as one image, as if the publisher had merged them. */
export function mergeParts(parts: { offset: number; bytes: Uint8Array }[]): Uint8Array {
  const first = Math.min(...parts.map(({ offset }) => offset))
  const end = Math.max(...parts.map(({ offset, bytes }) => offset + bytes.length))
  if (end - first > 0x1000000) {
    throw new WxError('IMAGE_INVALID', 'The parts of this firmware lie too far apart.')
  }
  const merged = new Uint8Array(end - first).fill(0xff)
  for (const { offset, bytes } of parts) merged.set(bytes, offset - first)
  return merged
}

/**
 * Plans what goes where. With a queue the partition table is changed in that one place, and where
 * the chip is not as large as the image says, its header too, so that the bootloader accepts chip
 * and partitions. Data partitions that the image leaves empty (nvs, vfs, the queue itself) keep what
 * they hold. Throws IMAGE_INVALID for a table that does not fit the chip.
 */
export function planTarget(
  image: Image,
  flashSizeBytes: number,
  options: { stockPartitions: boolean; keepData: boolean },
): FlashTarget {
  if (image.kind === 'app' || !image.table) {
    const regions = wholeSectors([{ address: image.offset, bytes: image.bytes }])
    return { image, table: undefined, hasQueue: false, files: 'none', movedQueue: false, regions }
  }
  const isMicroPython = image.table.partitions.some(({ label }) => label === 'vfs')
  const changed =
    options.stockPartitions || !isMicroPython ? undefined : withQueue(image.table, flashSizeBytes)
  const table = changed ?? image.table
  const sized =
    changed && flashSizeBytes !== image.header.flashSizeBytes
      ? withFlashSize(image, flashSizeBytes)
      : image
  refuseOverhang(table.partitions, flashSizeBytes)
  const bytes = sized.bytes.slice()
  if (changed) bytes.set(writePartitionTable(changed.partitions), tableOffset - image.offset)
  const whole = wholeSectors([{ address: image.offset, bytes }])
  const regions = options.keepData ? withoutData(whole, table.partitions) : whole
  return {
    ...{ image: { ...sized, bytes }, table, regions },
    ...{ hasQueue: changed !== undefined, files: 'none', movedQueue: false },
  }
}

/**
 * The target with a file system for its `vfs`, and with pages of a queue that was among the files.
 * They are written before everything else, and the superblock after them: where that is found, all
 * is there, and no firmware meets an empty `vfs` that it would format.
 */
export function withFiles(
  target: FlashTarget,
  address: number,
  image: Uint8Array,
  queue: Region[],
): FlashTarget {
  const files = [
    ...queue,
    { address: address + superblockBytes, bytes: image.subarray(superblockBytes) },
    { address, bytes: image.subarray(0, superblockBytes) },
  ].filter(({ bytes }) => bytes.length > 0)
  return { ...target, files: 'planned', regions: [...files, ...target.regions] }
}

/** A chip wraps addresses beyond its end: the last partition would overwrite the first. */
function refuseOverhang(partitions: Partition[], flashSizeBytes: number): void {
  for (const { label, offset, size } of partitions) {
    if (offset + size <= flashSizeBytes) continue
    throw new WxError(
      'IMAGE_INVALID',
      `The firmware's partition ${label} ends at ${offset + size}, but the chip has ${flashSizeBytes} bytes of flash.`,
      {
        hint: 'Take the variant of this firmware that is made for the flash size of the board.',
        details: { partition: label, offset, size, flashSizeBytes },
      },
    )
  }
}

/** Fills regions up to whole sectors with erased flash. */
function wholeSectors(regions: Region[]): Region[] {
  return regions.map(({ address, bytes }) => {
    const size = Math.ceil(bytes.length / sectorBytes) * sectorBytes
    if (size === bytes.length) return { address, bytes }
    const padded = new Uint8Array(size).fill(0xff)
    padded.set(bytes)
    return { address, bytes: padded }
  })
}

/** Subtype of the OTA selection: which of two apps starts. */
const otaSelection = 0x00

/**
 * Cuts the data partitions out that the image has nothing for. Not the OTA selection: what an
 * earlier firmware chose there would start an app that is no longer in flash.
 */
function withoutData(regions: Region[], partitions: Partition[]): Region[] {
  let left = regions
  for (const { type, subtype, offset, size } of partitions) {
    if (type !== 'data' || subtype === otaSelection) continue
    left = left.flatMap((region) => {
      const end = region.address + region.bytes.length
      const from = Math.max(offset, region.address)
      // The rest of a last, broken sector belongs to nobody else.
      const to = Math.min(Math.ceil((offset + size) / sectorBytes) * sectorBytes, end)
      if (from >= to) return [region]
      const inside = region.bytes.subarray(from - region.address, to - region.address)
      if (!inside.every((byte) => byte === 0xff)) return [region]
      return [
        { address: region.address, bytes: region.bytes.subarray(0, from - region.address) },
        { address: to, bytes: region.bytes.subarray(to - region.address) },
      ].filter(({ bytes }) => bytes.length > 0)
    })
  }
  return left
}
