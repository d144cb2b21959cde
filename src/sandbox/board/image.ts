import { createHash } from 'node:crypto'
import type { Silicon } from './chips.js'
import type { Flash } from './flash.js'
import { xorChecksum } from './loader.js'
import type { AppImage } from './runtime.js'

const magicByte = 0xe9
const headerSize = 24
const mostSegments = 16
const longestSegment = 0x100_0000
const descriptorMagic = 0xabcd5432

export interface Segment {
  address: number
  size: number
}

/** An image in flash as a loader reads it; `fault` is the first thing that is wrong with it. */
export interface Image {
  mode: number
  clockDivider: number
  segments: Segment[]
  entry: number
  firstWord: number
  chipId: number
  fault?: ImageFault
}

export type ImageFault =
  | { kind: 'magic' }
  | { kind: 'chip' }
  | { kind: 'segments'; count: number }
  | { kind: 'length'; length: number }
  | { kind: 'checksum'; calculated: number; stored: number }
  | { kind: 'hash' }

/** Reads the image at `offset`: header, segments, XOR checksum and, where there is one, SHA-256. */
export function readImage(flash: Flash, offset: number, silicon: Silicon): Image {
  const header = flash.read(offset, headerSize)
  const view = new DataView(header.buffer)
  const image: Image = {
    mode: header[2]!,
    clockDivider: { 15: 1, 0: 2, 1: 3, 2: 4 }[header[3]! & 15] ?? 2,
    segments: [],
    entry: view.getUint32(4, true),
    firstWord: view.getUint32(0, true),
    chipId: view.getUint16(12, true),
  }
  const fault = readSegments(flash, offset, silicon, image, header)
  return fault ? { ...image, fault } : image
}

function readSegments(
  flash: Flash,
  offset: number,
  silicon: Silicon,
  image: Image,
  header: Uint8Array,
): ImageFault | undefined {
  if (header[0] !== magicByte) return { kind: 'magic' }
  if (image.chipId !== silicon.imageId) return { kind: 'chip' }
  const count = header[1]!
  if (count === 0 || count > mostSegments) return { kind: 'segments', count }
  let at = offset + headerSize
  let calculated = 0xef
  for (let i = 0; i < count; i++) {
    if (at + 8 > flash.size) return { kind: 'length', length: 0xffff_ffff }
    const view = new DataView(flash.read(at, 8).buffer)
    const size = view.getUint32(4, true)
    if (size > longestSegment || size % 4 !== 0 || at + 8 + size > flash.size) {
      return { kind: 'length', length: size }
    }
    image.segments.push({ address: view.getUint32(0, true), size })
    calculated = xorChecksum(flash.read(at + 8, size), calculated)
    at += 8 + size
  }
  // The checksum is the last byte of a 16-byte line.
  const end = at + 16 - ((at - offset) % 16)
  if (end > flash.size) return { kind: 'length', length: 0xffff_ffff }
  const stored = flash.read(end - 1, 1)[0]!
  if (stored !== calculated) return { kind: 'checksum', calculated, stored }
  if (header[23] !== 1) return undefined
  const hash = createHash('sha256')
    .update(flash.read(offset, end - offset))
    .digest()
  const isEqual = end + 32 <= flash.size && hash.equals(flash.read(end, 32))
  return isEqual ? undefined : { kind: 'hash' }
}

/** What the app's descriptor and its banner say about it. `size` bytes belong to the app. */
export function readApp(flash: Flash, offset: number, image: Image): AppImage {
  const size = image.segments.reduce((sum, one) => sum + 8 + one.size, headerSize)
  const bytes = flash.read(offset, Math.min(size, flash.size - offset))
  const view = new DataView(bytes.buffer)
  const hasDescriptor = bytes.length >= 0xa0 && view.getUint32(0x20, true) === descriptorMagic
  const text = (at: number, length: number): string =>
    hasDescriptor
      ? Buffer.from(bytes.subarray(at, at + length))
          .toString('latin1')
          .split('\0')[0]!
      : ''
  // MicroPython's banner is one constant string of the app: version, date and machine lie in it.
  const banner = /MicroPython (v[^ \0]+) on (\d{4}-\d\d-\d\d)(?:; ([^\0\r\n]{1,80}))?/.exec(
    Buffer.from(bytes).toString('latin1'),
  )
  return {
    project: text(0x50, 32) || (banner ? 'micropython' : ''),
    version: banner?.[1] ?? text(0x30, 32),
    date: banner?.[2] ?? isoDate(text(0x80, 16)),
    ...(banner?.[3] && { machine: banner[3] }),
    ...(hasDescriptor && {
      idf: text(0x90, 32),
      elf: Buffer.from(bytes.subarray(0xb0, 0xb8)).toString('hex'),
    }),
    partitionOffset: offset,
  }
}

/** `Dec  9 2025`, as the compiler writes it, as `2025-12-09`. */
function isoDate(compiled: string): string {
  const [, month, day, year] = /^(\w{3})\s+(\d+) (\d{4})$/.exec(compiled) ?? []
  if (!month || !day || !year) return compiled
  const number = 'JanFebMarAprMayJunJulAugSepOctNovDec'.indexOf(month) / 3 + 1
  return `${year}-${String(number).padStart(2, '0')}-${day.padStart(2, '0')}`
}
