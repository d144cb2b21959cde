import { inflateSync } from 'node:zlib'

/**
 * A TrueType font out of its WOFF wrapping (W3C WOFF 1.0, sections 3 to 5): the same tables, each
 * compressed by itself, under another directory.
 */
export function trueTypeOf(woff: Uint8Array): Uint8Array {
  const view = new DataView(woff.buffer, woff.byteOffset, woff.length)
  if (view.getUint32(0) !== 0x774f4646) throw new Error('This is no WOFF file.')
  const count = view.getUint16(12)
  const font = new Uint8Array(view.getUint32(16))
  const out = new DataView(font.buffer)
  // The head of the directory holds numbers for a binary search over it.
  const power = Math.floor(Math.log2(count))
  out.setUint32(0, view.getUint32(4))
  out.setUint16(4, count)
  out.setUint16(6, 16 * 2 ** power)
  out.setUint16(8, power)
  out.setUint16(10, 16 * (count - 2 ** power))
  let at = 12 + 16 * count
  for (let i = 0; i < count; i++) {
    const entry = 44 + 20 * i
    const offset = view.getUint32(entry + 4)
    const packed = woff.subarray(offset, offset + view.getUint32(entry + 8))
    const length = view.getUint32(entry + 12)
    font.set(packed.length < length ? inflateSync(packed) : packed, at)
    out.setUint32(12 + 16 * i, view.getUint32(entry))
    out.setUint32(16 + 16 * i, view.getUint32(entry + 16))
    out.setUint32(20 + 16 * i, at)
    out.setUint32(24 + 16 * i, length)
    // Tables begin at multiples of four.
    at += (length + 3) & ~3
  }
  return font
}
