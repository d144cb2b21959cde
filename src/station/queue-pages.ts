import { blank, headerBytes, isSealed, pageBytes } from './queue-codec.js'

/** One page of the queue: what its head says, and all its bytes. Times are those of the station. */
export interface QueuePage {
  bytes: Uint8Array
  number: number
  /** Number of its first record. */
  first: number
  acknowledged: number
  boot: number
  isSet: boolean
  intervalMs: number
  /** Time where the page begins. */
  timeMs: number
  /** Wall time of the boot's beginning, where the clock is set. */
  zeroMs: number | undefined
  /** The latest stamp before the page. */
  lastMs: number | undefined
  /** Boot that the station has placed by estimate; 0: none. */
  estimated: number
  estimatedZeroMs: number
}

/** "WXQ1" */
const magic = 0x57585131
const version = 1
/** Page numbers beyond are damage: a century writes fewer. */
const endOfNumbers = 0x40000000

/**
 * The pages that hold the log, oldest first, and how many have something else at their beginning.
 * In a whole partition a page counts only at the place its number gives it; elsewhere (a piece of
 * a flash) by its seal alone, and what has none belongs to somebody else.
 */
export function sealedPages(
  bytes: Uint8Array,
  isPartition: boolean,
): { pages: QueuePage[]; damaged: number } {
  const total = Math.floor(bytes.length / pageBytes)
  const found = new Map<number, QueuePage>()
  let damaged = 0
  for (let index = 0; index < total; index++) {
    const at = bytes.subarray(index * pageBytes, (index + 1) * pageBytes)
    const page = readHead(at)
    if (page && (!isPartition || page.number % total === index) && !found.has(page.number))
      found.set(page.number, page)
    else if (isPartition && at.some((byte) => byte !== blank)) damaged++
  }
  const pages = [...found.values()].sort((a, b) => a.number - b.number)
  const head = pages.at(-1)?.number ?? 0
  // Older ones stood in a partition of another size.
  const oldest = isPartition ? head - total + 1 : 0
  return { pages: pages.filter(({ number }) => number >= oldest), damaged }
}

function readHead(bytes: Uint8Array): QueuePage | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerBytes)
  const number = view.getUint32(4)
  if (view.getUint32(0) !== magic || number >= endOfNumbers || view.getUint8(19) !== version)
    return undefined
  if (!isSealed(bytes, 0, headerBytes, number)) return undefined
  const timeAt = (offset: number): number =>
    view.getInt32(offset) * 1000 + view.getUint16(offset + 4)
  const knownAt = (offset: number): number | undefined =>
    view.getInt32(offset) === never ? undefined : timeAt(offset)
  const isSet = view.getUint8(18) === 1
  return {
    bytes,
    number,
    first: view.getInt32(8),
    acknowledged: view.getInt32(12),
    boot: view.getUint16(16),
    isSet,
    intervalMs: view.getInt32(20),
    timeMs: timeAt(24),
    zeroMs: isSet ? knownAt(30) : undefined,
    lastMs: knownAt(36),
    estimated: view.getUint16(42),
    estimatedZeroMs: timeAt(44),
  }
}

/** Stands in place of seconds where no time is known. */
const never = -1
