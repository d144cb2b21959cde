import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import { type ChipName, chips } from './boards.js'
import { type PartitionTable, readPartitionTable, tableOffset } from './partitions.js'
import { printable } from './printable.js'

/** Names and version that the build put into the app (esp_app_desc_t, at 0x20 of the app). */
export interface AppDescriptor {
  project: string
  version: string
  date: string
  time: string
  idfVersion: string
}

export interface ImageHeader {
  chip: ChipName
  segments: number
  /** Whole 8-bit fields as they stand in bytes 2 and 3 of the header. */
  flashMode: number
  flashSizeBytes: number
  /** Revisions as major * 100 + minor, as IDF writes them; max 0xffff = any. */
  minRevision: number
  maxRevision: number
  /** Bytes from the header to the end of checksum and digest. */
  length: number
}

export interface Image {
  bytes: Uint8Array
  /** `combined`: bootloader, partition table and app in one; `app`: the app alone. */
  kind: 'combined' | 'app'
  /** Where its first byte belongs in flash. */
  offset: number
  header: ImageHeader
  app: AppDescriptor | undefined
  table: PartitionTable | undefined
}

const magic = 0xe9
const headerBytes = 24
const appDescriptorMagic = 0xabcd5432
/** IDF's bootloader takes at most 16 segments (ESP_IMAGE_MAX_SEGMENTS). */
const maxSegments = 16
export const defaultAppOffset = 0x10000

/**
 * Reads an image and proves its structure: header, segments, XOR checksum, SHA-256, partition
 * table and app inside (shared/firmware.md). Throws IMAGE_INVALID with what is wrong.
 */
export function readImage(bytes: Uint8Array, name: string): Image {
  const header = readHeader(bytes, 0, name)
  const offset = chips[header.chip].bootloaderOffset
  const tableAt = tableOffset - offset
  const isCombined =
    bytes.length > tableAt + 32 && bytes[tableAt] === 0xaa && bytes[tableAt + 1] === 0x50
  if (!isCombined) {
    const app = readDescriptor(bytes, 0)
    // A bootloader has the same header and checksum: in the app's place it would not start.
    if (!app) throw invalid(name, 'it is neither a combined image nor an app: it names no project')
    return { bytes, kind: 'app', offset: defaultAppOffset, header, app, table: undefined }
  }
  const table = readPartitionTable(bytes.subarray(tableAt, tableAt + 0xc00), name)
  const appPartition = table.partitions.find(({ type }) => type === 'app')
  if (!appPartition) throw invalid(name, 'its partition table names no app')
  const appAt = appPartition.offset - offset
  if (appAt + headerBytes > bytes.length) throw invalid(name, 'it ends before its app begins')
  const app = readHeader(bytes, appAt, name)
  if (app.chip !== header.chip)
    throw invalid(name, 'its bootloader and its app are for different chips')
  if (app.length > appPartition.size) throw invalid(name, 'its app is larger than its partition')
  return { bytes, kind: 'combined', offset, header, app: readDescriptor(bytes, appAt), table }
}

/** Refuses an image that the chip on the wire cannot run. */
export function checkImage(
  image: Image,
  chip: { chip: ChipName; flashSizeBytes: number; revision?: number },
  name: string,
): void {
  const { header } = image
  if (header.chip !== chip.chip) {
    throw new WxError(
      'IMAGE_WRONG_CHIP',
      `${name} is for the ${chips[header.chip].name}, but the board has an ${chips[chip.chip].name}.`,
      { details: { image: header.chip, board: chip.chip } },
    )
  }
  const { revision } = chip
  if (revision !== undefined && (revision < header.minRevision || revision > header.maxRevision)) {
    const needed = revisionText(
      revision < header.minRevision ? header.minRevision : header.maxRevision,
    )
    throw new WxError(
      'IMAGE_WRONG_CHIP',
      `${name} needs chip revision ${needed}, the board has ${revisionText(revision)}.`,
      {
        details: { revision, minRevision: header.minRevision, maxRevision: header.maxRevision },
      },
    )
  }
  const end = image.offset + image.bytes.length
  if (end > chip.flashSizeBytes) {
    throw invalid(name, `it needs ${end} bytes of flash and the chip has ${chip.flashSizeBytes}`)
  }
}

function revisionText(revision: number): string {
  return `${Math.floor(revision / 100)}.${revision % 100}`
}

/** Walks the segments, so that length, checksum and digest are known to be right. */
function readHeader(bytes: Uint8Array, at: number, name: string): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < at + headerBytes || bytes[at] !== magic)
    throw invalid(name, 'it is no ESP32 image, which begins with 0xE9')
  const segments = bytes[at + 1] ?? 0
  if (segments < 1 || segments > maxSegments) throw invalid(name, `it claims ${segments} segments`)
  const chip = chipOf(view.getUint16(at + 12, true))
  if (!chip) throw invalid(name, `its chip id ${view.getUint16(at + 12, true)} is unknown`)

  let position = at + headerBytes
  let checksum = 0xef
  for (let n = 0; n < segments; n++) {
    if (position + 8 > bytes.length) throw invalid(name, 'it is cut off inside its segments')
    const length = view.getUint32(position + 4, true)
    position += 8
    if (length > bytes.length - position) throw invalid(name, 'it is cut off inside its segments')
    for (let i = position; i < position + length; i++) checksum ^= bytes[i] as number
    position += length
  }
  // The checksum is the last byte of a 16-byte line, counted from the header.
  const checksumAt = at + ((position - at) | 15)
  if (checksumAt >= bytes.length) throw invalid(name, 'it is cut off before its checksum')
  if (bytes[checksumAt] !== checksum)
    throw invalid(name, 'its checksum is wrong: the file is damaged')
  let end = checksumAt + 1
  if (bytes[at + 23] === 1) {
    if (end + 32 > bytes.length) throw invalid(name, 'it is cut off before its digest')
    const digest = createHash('sha256').update(bytes.subarray(at, end)).digest()
    if (!digest.equals(bytes.subarray(end, end + 32)))
      throw invalid(name, 'its SHA-256 is wrong: the file is damaged')
    end += 32
  }
  // Old images give the least revision in byte 14 (major only), new ones in full at 15.
  const fullMinimum = view.getUint16(at + 15, true)
  return {
    chip,
    segments,
    flashMode: bytes[at + 2] ?? 0,
    flashSizeBytes: 0x100000 << ((bytes[at + 3] ?? 0) >> 4),
    minRevision: fullMinimum > 0 ? fullMinimum : (bytes[at + 14] ?? 0) * 100,
    maxRevision: view.getUint16(at + 17, true) || 0xffff,
    length: end - at,
  }
}

/**
 * The image with the chip's flash size in its bootloader's header, and the bootloader's digest
 * made right again. IDF's bootloader refuses a partition beyond the size its header states.
 */
export function withFlashSize(image: Image, flashSizeBytes: number): Image {
  const nibble = Math.log2(flashSizeBytes / 0x100000)
  const bytes = image.bytes.slice()
  bytes[3] = (nibble << 4) | ((bytes[3] ?? 0) & 0xf)
  if (bytes[23] === 1) {
    const end = image.header.length
    bytes.set(
      createHash('sha256')
        .update(bytes.subarray(0, end - 32))
        .digest(),
      end - 32,
    )
  }
  return { ...image, bytes, header: { ...image.header, flashSizeBytes } }
}

export function readDescriptor(bytes: Uint8Array, appAt: number): AppDescriptor | undefined {
  const at = appAt + headerBytes + 8
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (at + 176 > bytes.length || view.getUint32(at, true) !== appDescriptorMagic) return undefined
  const text = (offset: number, length: number): string => {
    const field = bytes.subarray(at + offset, at + offset + length)
    const end = field.indexOf(0)
    return printable(field.subarray(0, end < 0 ? length : end))
  }
  return {
    version: text(16, 32),
    project: text(48, 32),
    time: text(80, 16),
    date: text(96, 16),
    idfVersion: text(112, 32),
  }
}

/** The chip whose bootloader stands where that chip looks for it, in flash read from `offset` on. */
export function chipOfFlash(bytes: Uint8Array, offset: number): ChipName | undefined {
  return (Object.keys(chips) as ChipName[]).find((name) => {
    const header = bytes.subarray(Math.max(0, chips[name].bootloaderOffset - offset))
    const [first, segments = 0] = header
    const isThere = offset <= chips[name].bootloaderOffset && header.length >= headerBytes
    const id = (header[12] ?? 0) | ((header[13] ?? 0) << 8)
    return (
      isThere && first === magic && segments >= 1 && segments <= maxSegments && chipOf(id) === name
    )
  })
}

function chipOf(imageId: number): ChipName | undefined {
  return (Object.keys(chips) as ChipName[]).find((name) => chips[name].imageId === imageId)
}

function invalid(name: string, why: string): WxError {
  return new WxError('IMAGE_INVALID', `${name} cannot be flashed: ${why}.`, {
    details: { image: name },
  })
}
