import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Flash, makeSharedFlash } from '../../src/sandbox/board/flash.js'
import { bootOrder, readPartitionTable } from '../../src/sandbox/board/partition-table.js'

const tableOffset = 0x8000
const dataOffset = 0xd000

function entry(type: number, subtype: number, offset: number, size: number, label: string) {
  const bytes = new Uint8Array(32)
  bytes.set([0xaa, 0x50, type, subtype])
  new DataView(bytes.buffer).setUint32(4, offset, true)
  new DataView(bytes.buffer).setUint32(8, size, true)
  bytes.set(new TextEncoder().encode(label), 12)
  return bytes
}

/** A flash with two OTA slots, a factory app, and these sequence numbers in its otadata. */
function flashWith(...sequences: (number | undefined)[]): Flash {
  const flash = new Flash(makeSharedFlash(4 * 1024 * 1024))
  const table = Buffer.concat([
    entry(1, 0, dataOffset, 0x2000, 'otadata'),
    entry(0, 0x11, 0x200000, 0x100000, 'ota_1'),
    entry(0, 0, 0x10000, 0x100000, 'factory'),
    entry(0, 0x10, 0x110000, 0xf0000, 'ota_0'),
  ])
  flash.program(tableOffset, table)
  for (const [i, sequence] of sequences.entries()) {
    if (sequence === undefined) continue
    const record = new Uint8Array(32).fill(0xff)
    const view = new DataView(record.buffer)
    view.setUint32(0, sequence, true)
    // The bootloader's CRC starts from UINT32_MAX, which zlib writes as an initial value.
    view.setUint32(28, crc32(record.subarray(0, 4), 0xffff_ffff), true)
    flash.program(dataOffset + i * 0x1000, record)
  }
  return flash
}

function order(flash: Flash): string[] {
  const partitions = readPartitionTable(flash)
  if (!Array.isArray(partitions)) throw new Error(partitions.kind)
  return bootOrder(flash, partitions).map(({ name, offset }) => `${name} ${offset.toString(16)}`)
}

const factory = 'Factory app partition 10000'
const slot0 = 'OTA app partition slot 0 110000'
const slot1 = 'OTA app partition slot 1 200000'

describe('boot order', () => {
  it.each<[string, (number | undefined)[], string[]]>([
    ['factory first while otadata is blank', [], [factory, slot0, slot1]],
    ['the slot that otadata names', [1], [slot0, factory, slot1]],
    ['the higher sequence of two', [3, 2], [slot0, factory, slot1]],
    ['wherever it lies', [1, 2], [slot1, factory, slot0]],
  ])('%s', (_, sequences, expected) => {
    expect(order(flashWith(...sequences))).toEqual(expected)
  })

  it('passes over a record whose CRC is wrong', () => {
    const flash = flashWith(1, 2)
    flash.program(dataOffset + 0x1000 + 28, Uint8Array.of(0))
    expect(order(flash)).toEqual([slot0, factory, slot1])
  })

  it('reads a table that fills its sector without an end', () => {
    const flash = new Flash(makeSharedFlash(4 * 1024 * 1024))
    const full = Array.from({ length: 96 }, (_, i) =>
      entry(1, 2, 0x10000 + i * 0x1000, 0x1000, `n${i}`),
    )
    flash.program(tableOffset, Buffer.concat(full))
    expect(readPartitionTable(flash)).toHaveLength(96)
  })
})
