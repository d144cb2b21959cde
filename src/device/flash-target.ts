import { WxError } from '../errors.js'
import { type Image, withFlashSize } from './image.js'
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
 * the chip is larger than the image says, its header too, so that the bootloader accepts the
 * partition. Data partitions that the image leaves empty (nvs, vfs, the queue itself) keep what they hold.
 */
export function planTarget(
  image: Image,
  flashSizeBytes: number,
  options: { stockPartitions: boolean; keepData: boolean },
): FlashTarget {
  if (image.kind === 'app' || !image.table) {
    const regions = wholeSectors([{ address: image.offset, bytes: image.bytes }])
    return { image, table: undefined, hasQueue: false, regions }
  }
  const isMicroPython = image.table.partitions.some(({ label }) => label === 'vfs')
  const changed =
    options.stockPartitions || !isMicroPython ? undefined : withQueue(image.table, flashSizeBytes)
  const table = changed ?? image.table
  const sized =
    changed && flashSizeBytes > image.header.flashSizeBytes
      ? withFlashSize(image, flashSizeBytes)
      : image
  const bytes = sized.bytes.slice()
  if (changed) bytes.set(writePartitionTable(changed.partitions), tableOffset - image.offset)
  const whole = wholeSectors([{ address: image.offset, bytes }])
  const regions = options.keepData ? withoutData(whole, table.partitions) : whole
  return { image: { ...sized, bytes }, table, hasQueue: changed !== undefined, regions }
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

/** Cuts the data partitions out that the image has nothing for. */
function withoutData(regions: Region[], partitions: Partition[]): Region[] {
  let left = regions
  for (const { type, offset, size } of partitions) {
    if (type !== 'data') continue
    left = left.flatMap((region) => {
      const end = region.address + region.bytes.length
      const from = Math.max(offset, region.address)
      const to = Math.min(offset + size, end)
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
