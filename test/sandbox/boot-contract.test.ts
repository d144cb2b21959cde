import { describe, expect, it } from 'vitest'
import { Chip } from '../../src/sandbox/board/chip.js'
import { type SiliconName, silicon } from '../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash, sectorSize } from '../../src/sandbox/board/flash.js'
import type { AppImage, ResetCause, StartRuntime } from '../../src/sandbox/board/runtime.js'
import { Uart } from '../../src/sandbox/board/uart.js'
import { noFaults } from '../../src/sandbox/faults.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { nodeSystem } from '../../src/system/node.js'
import { fakeClock } from '../support/clock.js'
import { bootNamed } from './board/recordings.js'
import { bootReplays } from './board/replays.js'

const facts = { version: 'v1.27.0', date: '2025-12-09' }
const banner = 'runtime runs\r\n'

/** A chip with this flash content, its clock in the test's hand. */
function chipWith(
  content: (flash: Flash) => void,
  { chip: name = 'esp32' as SiliconName, download = false } = {},
) {
  const clock = fakeClock()
  const shared = makeSharedFlash(4 * 1024 * 1024)
  const flash = new Flash(shared)
  content(flash)
  const uart = new Uart({ clock, isPaced: false, faults: noFaults() })
  const seen: Uint8Array[] = []
  uart.onHostReceive = (bytes) => seen.push(bytes)
  const starts: { app: AppImage; cause: ResetCause }[] = []
  let reset = (_cause: ResetCause): void => {}
  const startRuntime: StartRuntime = (machine) => {
    starts.push({ app: machine.app, cause: machine.resetCause })
    reset = machine.reset
    machine.transmit(new TextEncoder().encode(banner))
    return { receive: () => {}, halt: async () => {} }
  }
  const log: string[] = []
  const chip = new Chip({
    system: { ...nodeSystem(), clock },
    silicon: silicon[name],
    flash: shared,
    mac: new Uint8Array(6),
    uart,
    isPaced: false,
    hasFlashTimes: false,
    straps: name === 'esp32' ? { flash: 0x12, download: 0x0f } : silicon[name].straps,
    io0IsLow: () => download,
    startRuntime: async ({ project }) => (project === 'micropython' ? startRuntime : undefined),
    log: (text) => log.push(text),
  })
  return {
    chip,
    clock,
    starts,
    log,
    reset: (cause: ResetCause) => reset(cause),
    text: () => Buffer.concat(seen).toString('latin1'),
  }
}

const whole = (flash: Flash): void => write(flash, 0x1000, buildImage('esp32', facts))

/** Writes as a programmer of whole chips does: what was there is gone. */
function write(flash: Flash, offset: number, bytes: Uint8Array): void {
  const first = Math.floor(offset / sectorSize) * sectorSize
  const end = Math.ceil((offset + bytes.length) / sectorSize) * sectorSize
  const sectors = flash.read(first, end - first)
  sectors.set(bytes, offset - first)
  for (let at = first; at < end; at += sectorSize) flash.eraseSector(at)
  flash.program(first, sectors)
}
const flipped =
  (offset: number, bits: number) =>
  (flash: Flash): void => {
    whole(flash)
    write(
      flash,
      offset,
      flash.read(offset, 1).map((byte) => byte ^ bits),
    )
  }
const blanked =
  (offset: number, size: number) =>
  (flash: Flash): void => {
    whole(flash)
    write(flash, offset, new Uint8Array(size).fill(0xff))
  }

/** Numbers that depend on the image's content or on the speed of the chip. */
const general = (text: string): string =>
  text
    .replace(/E \(\d+\)/g, 'E (ms)')
    .replace(/(Calculated|read) 0x[0-9a-f]+/g, '$1 0x..')
    .replace(/csum err:0x[0-9a-f]+!=0x[0-9a-f]+/g, 'csum err:0x..!=0x..')
    .replace(/invalid header: 0x(?!ffffffff)[0-9a-f]{8}/g, 'invalid header: 0x........')

/** Recorded up to the line where an interpreter begins to speak: that part is the runtime's test. */
const upToEntry = (text: string): string => text.slice(0, text.indexOf('entry 0x400805cc\r\n') + 18)

describe('boot log', () => {
  const second = 0x10000 + 24 + 8 + 4096
  const contents: Record<(typeof bootReplays.loaders)[number], (flash: Flash) => void> = {
    'blank flash': () => {},
    'corrupt app, one byte': flipped(0x10400, 0x01),
    'corrupt app, magic byte': flipped(0x10000, 0x01),
    'app for chip id 5': flipped(0x1000c, 0x05),
    'bootloader for chip id 5': flipped(0x0100c, 0x05),
    'corrupt bootloader, one byte': flipped(0x1100, 0x01),
    'partition table, MD5 wrong': flipped(0x8000 + 4 * 32 + 16, 0x01),
    'partition table, first entry blank': blanked(0x8000, 32),
    'partition table, magic wrong': flipped(0x8000, 0xaa),
    'truncated image, 1000000 bytes': blanked(second, 8),
    'bootloader and table only': blanked(0x10000, 0x4000),
    'image flashed at 0x0 in place of 0x1000': (flash) =>
      write(flash, 0, buildImage('esp32', facts)),
  }
  it.each(bootReplays.loaders)('%s', async (name) => {
    const { chip, clock, text } = chipWith(contents[name])
    chip.release('power-on')
    await clock.advance(2000)
    const expected = general(bootNamed(name).text)
    expect(general(text()).slice(0, expected.length)).toBe(expected)
    await chip.hold()
  })

  it.each(bootReplays.download)('%s', async (name) => {
    const { chip, clock, text } = chipWith(whole, { download: true })
    chip.release('power-on')
    await clock.advance(100)
    expect(text()).toBe(bootNamed(name).text)
  })

  it.each(['first boot, blank vfs', 'normal boot'])('%s', async (name) => {
    const { chip, clock, text, starts } = chipWith(whole)
    chip.release('power-on')
    await clock.advance(1000)
    expect(text()).toBe(`${upToEntry(bootNamed(name).text)}${banner}`)
    expect(starts).toEqual([
      {
        cause: 'power-on',
        app: {
          project: 'micropython',
          ...facts,
          machine: 'Generic ESP32 module with ESP32',
          idf: 'v5.5.1',
          elf: expect.stringMatching(/^[0-9a-f]{16}$/),
          partitionOffset: 0x10000,
        },
      },
    ])
  })

  it('machine.reset()', async () => {
    const { chip, clock, text, reset, starts } = chipWith(whole)
    chip.release('power-on')
    await clock.advance(1000)
    const before = text().length
    reset('software')
    await clock.advance(1000)
    const echo = 'machine.reset()\r\n'
    const expected = upToEntry(bootNamed('machine.reset()').text).slice(echo.length)
    expect(text().slice(before)).toBe(`${expected}${banner}`)
    expect(starts.map(({ cause }) => cause)).toEqual(['power-on', 'software'])
  })
})

describe('boot, beyond the recordings', () => {
  it('resets by its watchdog when there is no image, again and again', async () => {
    const { chip, clock, text } = chipWith(() => {})
    chip.release('power-on')
    await clock.advance(2500)
    expect(text().match(/rst:0x10 \(RTCWDT_RTC_RESET\),boot:0x12/g)?.length).toBe(2)
    await chip.hold()
    const length = text().length
    await clock.advance(5000)
    expect(text().length).toBe(length)
  })

  it('tells a wrong digest from a wrong checksum', async () => {
    const { chip, clock, text } = chipWith((flash) => {
      flipped(0x10400, 0x01)(flash)
      write(
        flash,
        0x10401,
        flash.read(0x10401, 1).map((byte) => byte ^ 0x01),
      )
    })
    chip.release('power-on')
    await clock.advance(100)
    expect(text()).toContain('esp_image: Image hash failed - image is corrupt')
    await chip.hold()
  })

  it.each<[SiliconName, string]>([
    ['esp32s3', 'ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\nrst:0x1 (POWERON),boot:0x8 '],
    [
      'esp32c3',
      'ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x1 (POWERON),boot:0xc ',
    ],
    ['esp32c6', 'ESP-ROM:esp32c6-20220919\r\nBuild:Sep 19 2022\r\nrst:0x1 (POWERON),boot:0xc '],
  ])('boots an image of its own on %s and refuses one for the ESP32', async (name, beginning) => {
    const own = chipWith((flash) => write(flash, 0, buildImage(name, facts)), { chip: name })
    own.chip.release('power-on')
    await own.clock.advance(500)
    expect(own.text().startsWith(beginning)).toBe(true)
    expect(own.text()).toContain(banner)
    const other = chipWith((flash) => write(flash, 0, buildImage('esp32', facts)), { chip: name })
    other.chip.release('power-on')
    await other.clock.advance(500)
    expect(other.text()).toContain('wrong chip id 0x0000')
    await other.chip.hold()
  })

  it('stays silent with an app it cannot imitate, and says so to the sandbox', async () => {
    const content = (flash: Flash): void =>
      write(flash, 0x1000, buildImage('esp32', { ...facts, project: 'blink' }))
    const { chip, clock, text, log } = chipWith(content)
    chip.release('power-on')
    await clock.advance(1000)
    expect(text().endsWith('entry 0x400805cc\r\n')).toBe(true)
    expect(log).toEqual(['runs blink, which it cannot imitate: it stays silent'])
  })
})
