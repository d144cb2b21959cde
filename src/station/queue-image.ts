import {
  type Partition,
  queueLabel,
  readPartitionTable,
  tableOffset,
} from '../device/partitions.js'
import { pageBytes } from '../device/queue-page.js'
import { WxError } from '../errors.js'
import { sealedPages } from './queue-pages.js'

export interface QueueImage {
  bytes: Uint8Array
  /** The bytes are the whole partition; else a piece of a flash with pages of the queue in it. */
  isPartition: boolean
}

/**
 * Finds the queue in a file that `wxstation board backup` wrote: the whole flash, where its
 * partition table says; the partition alone; or any piece of the flash. Throws FILE_INVALID, or
 * IMAGE_INVALID for a damaged partition table.
 */
export function findQueue(bytes: Uint8Array, name: string): QueueImage {
  // The magic word of a table's first entry; a queue alone has a page of its own there.
  if (bytes[tableOffset] === 0xaa && bytes[tableOffset + 1] === 0x50) {
    const { partitions } = readPartitionTable(bytes.subarray(tableOffset), name)
    return { bytes: partitionBytes(bytes, partitions, name), isPartition: true }
  }
  const { pages } = sealedPages(bytes, false)
  if (pages.length === 0)
    throw new WxError('FILE_INVALID', `There is no queue of a station in ${name}.`, {
      hint: 'Save the whole flash with `wxstation board backup FILE`, and give that file.',
    })
  const total = bytes.length / pageBytes
  const fits = pages.every(
    ({ bytes: page, number }) =>
      (page.byteOffset - bytes.byteOffset) / pageBytes === number % total,
  )
  return { bytes, isPartition: fits }
}

function partitionBytes(bytes: Uint8Array, partitions: Partition[], name: string): Uint8Array {
  const queue = partitions.find(({ label }) => label === queueLabel)
  if (!queue)
    throw new WxError('FILE_INVALID', `${name} has no partition "${queueLabel}".`, {
      hint: 'This board kept its queue in files; let it upload them itself.',
    })
  const end = queue.offset + queue.size
  if (end > bytes.length)
    throw new WxError('FILE_INVALID', `${name} ends within the partition "${queueLabel}".`, {
      hint: `The queue lies at 0x${queue.offset.toString(16)} to 0x${end.toString(16)}; back up all of it.`,
      details: { offset: queue.offset, size: queue.size, found: bytes.length },
    })
  return bytes.subarray(queue.offset, end)
}
