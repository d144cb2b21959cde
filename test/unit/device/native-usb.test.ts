import { describe, expect, it } from 'vitest'
import { type ChipName, chips } from '../../../src/device/boards.js'
import { writeRegister } from '../../../src/device/chip-facts.js'
import { CommandPort } from '../../../src/device/commands.js'
import { connectLoader } from '../../../src/device/connect.js'
import type { Link } from '../../../src/device/link.js'
import { Inbox } from '../../../src/device/links/inbox.js'
import { openLink } from '../../../src/device/links/open.js'
import { Loader } from '../../../src/device/loader.js'
import { settleNativeUsb } from '../../../src/device/native-usb.js'
import { pack } from '../../../src/device/pack.js'
import { SlipReader, slipEncode } from '../../../src/device/slip.js'
import { testBoard } from '../../support/board.js'
import { fakeClock } from '../../support/clock.js'
import { holdInLoader } from '../../support/flashing.js'
import { largeImage } from '../../support/large-image.js'
import { testSystem } from '../../support/system.js'

const usbJtag = { vendorId: 0x303a, productId: 0x1001 }
const bridge = { vendorId: 0x10c4, productId: 0xea60 }

/** A loader that knows two commands: it reads registers and writes them. */
function registers(usb: Link['usb'], values: Record<number, number> = {}) {
  const clock = fakeClock()
  const inbox = new Inbox(clock)
  const reader = new SlipReader()
  const words = new Map(Object.entries(values).map(([at, value]) => [Number(at), value]))
  const writes: string[] = []
  const link = {
    ...{ url: 'x', kind: 'serial', hasControlLines: true, usb, baud: 115_200, patience: undefined },
    read: (timeoutMs: number) => inbox.read(timeoutMs),
    async write(bytes: Uint8Array) {
      for (const packet of reader.push(bytes)) {
        const view = new DataView(packet.buffer, packet.byteOffset)
        const address = view.getUint32(8, true)
        const answer = Buffer.alloc(12)
        answer.set([1, packet[1] as number, 4])
        if (packet[1] === 9) {
          words.set(address, view.getUint32(12, true))
          writes.push(`${address.toString(16)}=${view.getUint32(12, true).toString(16)}`)
        } else answer.writeUInt32LE(words.get(address) ?? 0, 4)
        inbox.push(slipEncode(answer))
      }
    },
  } as unknown as Link
  return { port: new CommandPort(link, clock), writes }
}

const key = '50d83aa1'
const old = '8f1d312a'
/** Registers and keys: rtc_cntl_reg.h and lp_wdt_reg.h of ESP-IDF, probe-rs' sequences, esptool's targets. */
const watchdogs: [ChipName, ...string[]][] = [
  ['esp32'],
  ['esp32s2'],
  ['esp32c2'],
  ['esp32s3', `600080b0=${key}`, '60008098=0', `600080b8=${old}`, '600080b4=80000005'],
  ['esp32c3', `600080a8=${key}`, '60008090=0', `600080b0=${old}`, '600080ac=80000005'],
  ['esp32c5', `600b1c18=${key}`, '600b1c00=0', `600b1c20=${key}`, '600b1c1c=40005'],
  ['esp32c6', `600b1c18=${key}`, '600b1c00=0', `600b1c20=${key}`, '600b1c1c=40005'],
  ['esp32c61', `600b1c18=${key}`, '600b1c00=0', `600b1c20=${key}`, '600b1c1c=40005'],
  ['esp32h2', `600b1c1c=${key}`, '600b1c00=0', `600b1c24=${key}`, '600b1c20=40005'],
  ['esp32p4', `50116018=${key}`, '50116000=0', `50116020=${key}`, '5011601c=40005'],
]

describe('the watchdogs of a chip on its own USB', () => {
  it('are known of all chips', () => {
    expect(watchdogs.map(([chip]) => chip).sort()).toEqual(Object.keys(chips).sort())
  })

  it.each(watchdogs)('%s: one is stopped, the other feeds itself', async (chip, ...expected) => {
    // What else the register of the super watchdog holds is kept.
    const at = Number.parseInt(expected[3]?.split('=')[0] ?? '0', 16)
    const { port, writes } = registers(usbJtag, { [at]: 5 })
    await settleNativeUsb(port, chip, 0)
    const [unlock, stop, unlockSuper, feed] = expected
    const lock = (one: string | undefined) => `${one?.split('=')[0]}=0`
    const all = [unlock, stop, lock(unlock), unlockSuper, feed, lock(unlockSuper)]
    expect(writes).toEqual(expected.length === 0 ? [] : all)
  })

  it.each(watchdogs)('%s: are left alone behind a bridge of another maker', async (chip) => {
    const { port, writes } = registers(bridge)
    await settleNativeUsb(port, chip, 0)
    expect(writes).toEqual([])
  })
})

describe('USB-OTG', () => {
  it.each<[ChipName, number, Record<number, number>, number]>([
    ['esp32s2', 0, { 1073741076: 2 }, 0x800],
    ['esp32s2', 0, { 1073741076: 0 }, Number.POSITIVE_INFINITY],
    ['esp32s3', 0, { 1070526796: 3 }, 0x800],
    ['esp32s3', 0, { 1070526796: 4 }, Number.POSITIVE_INFINITY],
    ['esp32p4', 100, { 1341390536: 5 }, 0x800],
    ['esp32p4', 301, { 1341914824: 5 }, 0x800],
    ['esp32p4', 301, { 1341390536: 5 }, Number.POSITIVE_INFINITY],
    ['esp32c3', 0, { 1070461052: 3 }, Number.POSITIVE_INFINITY],
  ])('%s of revision %i with %j takes blocks of %s', async (chip, revision, values, limit) => {
    const { port } = registers({ vendorId: 0x303a, productId: 2 }, values)
    await settleNativeUsb(port, chip, revision)
    expect(port.blockLimit).toBe(limit)
  })

  it('of an S3 carries stub and image in small frames', async () => {
    const board = await testBoard({ chip: 'esp32s3' })
    await holdInLoader(board)
    const system = testSystem()
    const link = await openLink(board.socketUrl, { baud: 115_200 }, system)
    const lengths: number[] = []
    const write = link.write.bind(link)
    link.write = (bytes, signal) => {
      lengths.push(bytes.length)
      return write(bytes, signal)
    }
    const options = { waitForButtons: false, report: () => {} }
    const connected = await connectLoader(link, system.clock, options)
    // The ROM of a real one has this in its memory when USB-OTG carries it.
    await writeRegister(connected.port, 0x3fcef14c, 3)
    const loader = await Loader.start(connected, system.clock)
    const bytes = largeImage(0x4000).slice(-0x5000)
    const packed = await pack(bytes, 0x10000)
    expect(packed.deflated.length).toBeGreaterThan(2 * 0x800)
    await loader.write(0x10000, packed, () => {})
    await link.close()
    expect(board.flash.read(0x10000, bytes.length)).toEqual(bytes)
    // Twice the block, if SLIP escapes every byte of it, and the head.
    expect(Math.max(...lengths)).toBeLessThan(2 * 0x800 + 64)
  })
})
