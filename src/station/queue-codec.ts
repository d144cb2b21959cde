/**
 * How the station's queue writes a record: entries of 4 to 19 bytes, each sealed by a CRC. The
 * format is described in firmware/micropython/queue.py, this half of it in codec.py.
 */

export const pad = 0x00
export const blank = 0xff
const deltaMax = 0x3f
export const lateMin = 0x41
const lateMax = 0x7f
const absolute = 0x8
export const shifted = 0x9
export const key = 0xa
export const ack = 0xb
export const boot = 0xc1
export const clock = 0xc2
export const estimate = 0xc3
export const keyBytes = 19

/** Tenths, tenths of a percent, tenths, pascal; the station's numbers for "not measured" kept. */
export interface Values {
  temperature: number
  humidity: number
  caseTemperature: number
  pressure: number
}

/** What stands for "not measured" in each of them. */
export const unmeasured: Values = {
  temperature: -2048,
  humidity: 2047,
  caseTemperature: -2048,
  pressure: 0,
}

/** Bytes of the entry that begins with this byte, its CRC included; 0: no such entry. */
export function entryBytes(byte: number): number {
  if (byte === pad) return 1
  if (byte <= deltaMax) return 4
  if (byte < lateMin) return 0
  if (byte <= lateMax) return 5
  const kind = byte >> 4
  if (kind === absolute) return 9
  if (kind === shifted) return 11
  if (kind === key) return keyBytes
  if (kind === ack) return 5
  return byte === boot ? 9 : byte === clock ? 15 : byte === estimate ? 11 : 0
}

/** Four bits of kind, then 12, 11, 12 and 17 bits: the values of an entry that needs no other. */
export function wholeValues(entry: DataView): Values {
  const byte = (at: number): number => entry.getUint8(at)
  return {
    temperature: signed12(((byte(0) & 0xf) << 8) | byte(1)),
    humidity: (byte(2) << 3) | (byte(3) >> 5),
    caseTemperature: signed12(((byte(3) & 0x1f) << 7) | (byte(4) >> 1)),
    pressure: ((byte(4) & 1) << 16) | (byte(5) << 8) | byte(6),
  }
}

function signed12(bits: number): number {
  return bits & 0x800 ? bits - 0x1000 : bits
}

/** The values after a small change: one byte for three of them, one for pressure. */
export function changedValues(before: Values, entry: DataView): Values {
  const byte = entry.getUint8(0)
  const code = byte > deltaMax ? byte - lateMin : byte - 1
  return {
    temperature: before.temperature + (code % 3) - 1,
    humidity: before.humidity + Math.floor(code / 9) - 3,
    caseTemperature: before.caseTemperature + (Math.floor(code / 3) % 3) - 1,
    pressure: before.pressure + entry.getInt8(1),
  }
}
