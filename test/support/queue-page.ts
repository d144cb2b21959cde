/** Writes pages of the station's queue, the other way round than src/station reads them. */

export interface Head {
  number: number
  first?: number
  acknowledged?: number
  boot?: number
  isSet?: boolean
  intervalMs?: number
  seconds?: number
  zeroSeconds?: number
  lastSeconds?: number
  estimated?: number
}

/** A page with this head and these entries, each given without its CRC. */
export function queuePage(head: Head, entries: Uint8Array[]): Uint8Array {
  const page = new Uint8Array(4096).fill(0xff)
  const view = new DataView(page.buffer)
  page.set(new TextEncoder().encode('WXQ1'))
  view.setUint32(4, head.number)
  view.setInt32(8, head.first ?? 0)
  view.setInt32(12, head.acknowledged ?? 0)
  view.setUint16(16, head.boot ?? 1)
  page[18] = head.isSet ? 1 : 0
  page[19] = 1
  view.setInt32(20, head.intervalMs ?? 2000)
  view.setInt32(24, head.seconds ?? 0)
  view.setUint16(28, 0)
  view.setInt32(30, head.zeroSeconds ?? -1)
  view.setUint16(34, 0)
  view.setInt32(36, head.lastSeconds ?? -1)
  view.setUint16(40, 0)
  view.setUint16(42, head.estimated ?? 0)
  view.setInt32(44, 0)
  view.setUint16(48, 0)
  seal(view, 0, 50, head.number)
  let at = 52
  for (const entry of entries) {
    if (at + entry.length + 2 > page.length) break
    page.set(entry, at)
    seal(view, at, entry.length, head.number)
    at += entry.length + 2
  }
  return page
}

/** A record that needs nothing before it; values in tenths, tenths, tenths, Pa. */
export function keyEntry(
  index: number,
  seconds: number,
  isSet: boolean,
  boot: number,
  [temperature, humidity, caseTemperature, pressure]: [number, number, number, number],
): Uint8Array {
  const bits =
    (0xan << 52n) |
    (BigInt.asUintN(12, BigInt(temperature)) << 40n) |
    (BigInt(humidity) << 29n) |
    (BigInt.asUintN(12, BigInt(caseTemperature)) << 17n) |
    BigInt(pressure)
  const entry = new DataView(new ArrayBuffer(17))
  for (let i = 0; i < 7; i++) entry.setUint8(i, Number((bits >> BigInt(48 - 8 * i)) & 0xffn))
  entry.setUint16(7, index)
  entry.setInt32(9, seconds)
  entry.setUint16(13, isSet ? 0x8000 : 0)
  entry.setUint16(15, boot)
  return new Uint8Array(entry.buffer)
}

/** Bit by bit, as the polynomial says: the code under test uses a table. */
function seal(view: DataView, at: number, size: number, number: number): void {
  let crc = Number((BigInt(number) * 40503n + BigInt(at) * 7n + 1n) & 0xffffn)
  for (let i = at; i < at + size; i++) {
    crc ^= view.getUint8(i) << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  view.setUint16(at + size, crc)
}
