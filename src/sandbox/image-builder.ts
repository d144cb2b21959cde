import { createHash } from 'node:crypto'
import { type ChipName, chips } from '../device/boards.js'

/** What an image says about itself. */
export interface ImageFacts {
  /** As in the descriptor, for example `v1.27.0`. */
  version: string
  /** `2025-12-09` */
  date: string
  project?: string
}

interface Segment {
  address: number
  data: Uint8Array
}

const tableOffset = 0x8000
const appOffset = 0x10000
const text = new TextEncoder()
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** Where a chip's bootloader and app have their segments, and its name in MicroPython's banner. */
const layouts: Partial<
  Record<
    ChipName,
    { loader: [number, number][]; entry: number; rom: number; ram: number; machine: string }
  >
> = {
  esp32: {
    loader: [
      [0x3fff0030, 4728],
      [0x40078000, 14888],
      [0x40080400, 3368],
    ],
    entry: 0x400805cc,
    rom: 0x3f400020,
    ram: 0x40080000,
    machine: 'Generic ESP32 module with ESP32',
  },
  esp32s3: {
    loader: [
      [0x3fce2810, 0x178c],
      [0x403c8700, 0xd24],
      [0x403cb700, 0x2f34],
    ],
    entry: 0x403c88b8,
    rom: 0x3c000020,
    ram: 0x40374000,
    machine: 'Generic ESP32S3 module with ESP32S3',
  },
  esp32c3: {
    loader: [
      [0x3fcd5820, 0x15a4],
      [0x403cbf10, 0xcc8],
      [0x403ce710, 0x2eac],
    ],
    entry: 0x403cbf10,
    rom: 0x3c000020,
    ram: 0x40380000,
    machine: 'Generic ESP32C3 module with ESP32C3',
  },
  esp32c6: {
    loader: [
      [0x4086c410, 0xd5c],
      [0x4086e610, 0x2cd8],
      [0x40875728, 0x17f4],
    ],
    entry: 0x4086c410,
    rom: 0x42000020,
    ram: 0x40800000,
    machine: 'Generic ESP32C6 module with ESP32C6',
  },
}

/** Chips there is a layout for. */
export const imageChips = Object.keys(layouts) as ChipName[]

/**
 * A combined image (bootloader, partition table, app) to be written at the chip's bootloader offset.
 * It is a valid image in every field a loader checks, but its code is empty: a virtual board reads
 * its descriptor and runs the interpreter of this computer; a real chip would do nothing with it.
 */
export function buildImage(chip: ChipName, facts: ImageFacts): Uint8Array {
  const layout = layouts[chip]
  if (!layout) throw new RangeError(`no layout for ${chip}`)
  const start = chips[chip].bootloaderOffset
  const loader = imageOf(
    chip,
    layout.entry,
    layout.loader.map(([address, size]) => ({ address, data: new Uint8Array(size) })),
  )
  const app = imageOf(chip, layout.ram, [
    { address: layout.rom, data: descriptor(facts, layout.machine) },
    { address: layout.ram, data: new Uint8Array(1024) },
  ])
  const image = new Uint8Array(appOffset - start + app.length).fill(0xff)
  image.set(loader)
  image.set(partitionTable(), tableOffset - start)
  image.set(app, appOffset - start)
  return image
}

/** Header, segments, checksum and SHA-256 (shared/serial-flash.md 3.6, shared/firmware.md). */
function imageOf(chip: ChipName, entry: number, segments: Segment[]): Uint8Array {
  const header = new Uint8Array(24)
  const view = new DataView(header.buffer)
  const is40MHz = chip === 'esp32'
  header.set([0xe9, segments.length, 2, is40MHz ? 0x20 : 0x2f])
  view.setUint32(4, entry, true)
  // No pin for write protection, any revision from 0 on, a digest at the end.
  header[8] = 0xee
  view.setUint16(12, chips[chip].imageId, true)
  view.setUint16(17, 0xffff, true)
  header[23] = 1
  let checksum = 0xef
  const parts: Uint8Array[] = [header]
  for (const { address, data } of segments) {
    parts.push(new Uint8Array(Uint32Array.of(address, data.length).buffer), data)
    checksum = data.reduce((sum, byte) => sum ^ byte, checksum)
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const padding = new Uint8Array(16 - (length % 16))
  padding[padding.length - 1] = checksum
  const body = Buffer.concat([...parts, padding])
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

/** esp_app_desc_t and, after it, the banner that MicroPython prints. */
function descriptor(
  { version, date, project = 'micropython' }: ImageFacts,
  machine: string,
): Uint8Array {
  const data = new Uint8Array(4096)
  const view = new DataView(data.buffer)
  const put = (at: number, words: string): void => data.set(text.encode(words), at)
  const [year, month, day] = date.split('-')
  view.setUint32(0, 0xabcd5432, true)
  put(16, version)
  put(48, project)
  put(80, '00:00:00')
  put(96, `${months[Number(month) - 1]} ${String(Number(day)).padStart(2)} ${year}`)
  put(112, 'v5.5.1')
  data.set(createHash('sha256').update(`${project} ${version} ${machine}`).digest(), 144)
  if (project === 'micropython') put(256, `MicroPython ${version} on ${date}; ${machine}\0`)
  put(512, 'This image belongs to the wxstation sandbox and has no code for a real chip.\0')
  return data
}

function partitionTable(): Uint8Array {
  const entries = [
    partition(1, 0x02, 0x9000, 0x6000, 'nvs'),
    partition(1, 0x01, 0xf000, 0x1000, 'phy_init'),
    partition(0, 0x00, appOffset, 0x1f0000, 'factory'),
    partition(1, 0x81, 0x200000, 0x200000, 'vfs'),
  ]
  const table = Buffer.concat(entries)
  const md5 = createHash('md5').update(table).digest()
  const seal = Buffer.concat([Uint8Array.of(0xeb, 0xeb), new Uint8Array(14).fill(0xff), md5])
  return Buffer.concat([table, seal, new Uint8Array(0xc00 - table.length - seal.length).fill(0xff)])
}

function partition(
  type: number,
  subtype: number,
  offset: number,
  size: number,
  label: string,
): Uint8Array {
  const entry = new Uint8Array(32)
  entry.set([0xaa, 0x50, type, subtype])
  new DataView(entry.buffer).setUint32(4, offset, true)
  new DataView(entry.buffer).setUint32(8, size, true)
  entry.set(text.encode(label), 12)
  return entry
}
