/** A page of the station's queue, as firmware/micropython/log.py describes it. */
export const pageBytes = 4096
export const headerBytes = 52

/** One page of the queue: what its head says, and what of its bytes was read. Times are those of the station. */
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

/** Reads the head of a page; undefined where there is none, or a damaged one. */
export function readPageHead(bytes: Uint8Array): QueuePage | undefined {
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

/**
 * True when the last two of these bytes are the CRC-16/CCITT (polynomial 0x1021) of those before
 * them. It begins with the place, so that no old or shifted entry passes for a new one.
 */
export function isSealed(
  page: Uint8Array,
  offset: number,
  size: number,
  pageNumber: number,
): boolean {
  if (offset + size > page.length) return false
  // The page's number goes up to 2^30 and times 40503 beyond a double's whole numbers in a product
  // of 32 bits: only its low 16 bits reach the CRC.
  const end = offset + size - 2
  let crc = ((pageNumber & 0xffff) * 40503 + offset * 7 + 1) & 0xffff
  for (let i = offset; i < end; i++)
    crc = ((crc & 0xff) << 8) ^ (table[(crc >> 8) ^ (page[i] ?? 0)] ?? 0)
  return crc === (((page[end] ?? 0) << 8) | (page[end + 1] ?? 0))
}

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  return crc
})
