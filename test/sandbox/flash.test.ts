import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  Flash,
  FlashRangeError,
  makeSharedFlash,
  onPowerLost,
  PowerLost,
  sectorSize,
} from '../../src/sandbox/board/flash.js'
import { openFlashFile } from '../../src/sandbox/board/flash-file.js'
import { temporaryFolder, testSystem } from '../support/system.js'

const size = 4 * 65_536

describe('NOR flash', () => {
  it('is born erased', () => {
    const flash = new Flash(makeSharedFlash(size))
    expect(flash.read(0, size).every((byte) => byte === 0xff)).toBe(true)
  })

  it('programs by clearing bits, whatever the order and the overlap', () => {
    const write = fc.record({
      offset: fc.nat(size - 600),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 600 }),
    })
    fc.assert(
      fc.property(fc.array(write, { maxLength: 8 }), (writes) => {
        const flash = new Flash(makeSharedFlash(size))
        const model = new Uint8Array(size).fill(0xff)
        for (const { offset, bytes } of writes) {
          flash.program(offset, bytes)
          for (const [i, byte] of bytes.entries()) model[offset + i]! &= byte
        }
        expect(Buffer.compare(flash.read(0, size), model)).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  it('erases one sector, one block, the chip, and nothing else', () => {
    const flash = new Flash(makeSharedFlash(size))
    flash.program(0, new Uint8Array(size))
    flash.eraseSector(sectorSize)
    expect(flash.read(sectorSize - 1, sectorSize + 2)).toEqual(
      new Uint8Array([0, ...new Uint8Array(sectorSize).fill(0xff), 0]),
    )
    flash.eraseBlock(65_536)
    expect(flash.read(65_535, 2)).toEqual(new Uint8Array([0, 0xff]))
    expect(flash.read(2 * 65_536 - 1, 2)).toEqual(new Uint8Array([0xff, 0]))
    flash.eraseChip()
    expect(flash.read(0, size).every((byte) => byte === 0xff)).toBe(true)
  })

  it('refuses addresses outside the chip and crooked erases', () => {
    const flash = new Flash(makeSharedFlash(size))
    expect(() => flash.read(size - 1, 2)).toThrow(FlashRangeError)
    expect(() => flash.program(-1, new Uint8Array(1))).toThrow(FlashRangeError)
    expect(() => flash.eraseSector(100)).toThrow(FlashRangeError)
    expect(() => flash.eraseSector(size)).toThrow(FlashRangeError)
  })

  it('counts pages and erases, and spends their time', () => {
    const spend = vi.fn()
    const flash = new Flash(makeSharedFlash(size), { spend })
    flash.program(250, new Uint8Array(300))
    flash.eraseSector(0)
    expect(flash.operations).toBe(4)
    expect(spend.mock.calls.map(([ms]) => ms)).toEqual([0.7, 0.7, 0.7, 45])
  })
})

describe('power cut', () => {
  it('tears the n-th operation of both threads together and stops all others', () => {
    const shared = makeSharedFlash(size)
    const chip = new Flash(shared)
    const worker = new Flash(shared)
    chip.cutPowerAt(2)
    worker.program(0, new Uint8Array(16))
    expect(() => chip.program(256, new Uint8Array(16))).toThrow(PowerLost)
    expect(() => worker.read(0, 1)).toThrow(PowerLost)
    expect(() => worker.eraseSector(0)).toThrow(PowerLost)
    chip.powerOn()
    expect(chip.read(256, 16)).toEqual(
      new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0x5a, 255, 255, 255, 255, 255, 255, 255]),
    )
    worker.program(512, new Uint8Array(16))
  })

  it('leaves a torn erase neither old nor erased', () => {
    const flash = new Flash(makeSharedFlash(size))
    flash.program(0, new Uint8Array(sectorSize))
    flash.cutPowerAt(1)
    expect(() => flash.eraseSector(0)).toThrow(PowerLost)
    flash.powerOn()
    const bytes = flash.read(0, sectorSize)
    expect([bytes[0], bytes[2047], bytes[2048], bytes[4095]]).toEqual([0xff, 0xff, 0xaa, 0])
  })

  it('can tear at the very beginning and at the very end', () => {
    for (const [tear, first, last] of [
      [0, 0x5a, 0xff],
      [256, 0, 0],
    ] as const) {
      const flash = new Flash(makeSharedFlash(size))
      flash.cutPowerAt(1, tear)
      expect(() => flash.program(0, new Uint8Array(256))).toThrow(PowerLost)
      flash.powerOn()
      expect([flash.read(0, 1)[0], flash.read(255, 1)[0]]).toEqual([first, last])
    }
  })

  it('tells who watches, once a cut', async () => {
    const shared = makeSharedFlash(size)
    const flash = new Flash(shared)
    let cuts = 0
    const stop = onPowerLost(shared, () => cuts++)
    for (const expected of [1, 2]) {
      flash.cutPowerAt(1)
      expect(() => flash.eraseSector(0)).toThrow(PowerLost)
      await vi.waitFor(() => expect(cuts).toBe(expected))
      flash.powerOn()
      await new Promise((resolve) => setImmediate(resolve))
    }
    stop()
    flash.cutPowerAt(1)
    expect(() => flash.eraseSector(0)).toThrow(PowerLost)
    await new Promise((resolve) => setImmediate(resolve))
    expect(cuts).toBe(2)
  })
})

describe('flash file', () => {
  it('keeps the content over a restart', async () => {
    const system = testSystem()
    const path = join(temporaryFolder(), 'flash.bin')
    const first = await openFlashFile({ path, size }, system)
    new Flash(first.shared).program(70_000, new TextEncoder().encode('still here'))
    await first.close()
    const second = await openFlashFile({ path, size }, system)
    const bytes = new Flash(second.shared).read(70_000, 10)
    await second.close()
    expect(new TextDecoder().decode(bytes)).toBe('still here')
    expect((await system.files.stat(path))?.size).toBe(size)
  })

  it('saves while it runs, so that a killed sandbox loses little', async () => {
    const system = testSystem()
    const path = join(temporaryFolder(), 'flash.bin')
    const file = await openFlashFile({ path, size }, system)
    new Flash(file.shared).program(0, new Uint8Array([1, 2, 3]))
    await vi.waitFor(async () => expect((await system.files.read(path))?.[2]).toBe(3), 5000)
    await file.close()
  })
})
