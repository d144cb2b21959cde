import { describe, expect, it } from 'vitest'
import { chips } from '../../src/device/boards.js'
import { op } from '../../src/device/commands.js'
import type { SiliconName } from '../../src/sandbox/board/chips.js'
import { flash, imageFile, speakingBoard } from '../support/flashing.js'
import { type Damage, type FrameFault, faultyProxy } from '../support/frame-faults.js'
import { largeImage } from '../support/large-image.js'
import { testSystem } from '../support/system.js'

const names = new Map<number, string>(Object.entries(op).map(([name, code]) => [code, name]))
const damages: Damage[] = ['lose', 'double', 'flip']
const sides = ['to-board', 'to-host'] as const

/** Flashes over a network with this fault; answers the opcodes that passed, and how it ended. */
async function flashThrough(chip: SiliconName, path: string, fault?: FrameFault) {
  const board = await speakingBoard({ chip, wiring: { enRiseMs: 5, io0RiseMs: 30 } })
  const proxy = await faultyProxy(board.rfc2217Url, fault)
  const state = await flash(proxy.url, path, testSystem()).then(
    (result) => result.state as string,
    (error: Error) => error.message,
  )
  return { board, state, 'to-board': proxy.toBoard, 'to-host': proxy.toHost }
}

// The S3 is asked what the first chip is not: whether it is secured, by a command.
describe.each<[SiliconName, number[] | undefined, number]>([
  ['esp32', undefined, 90],
  ['esp32s3', [op.GET_SECURITY_INFO, op.READ_REG], 16],
])('one damaged byte on its way to or from an %s', (chip, only, count) => {
  it('at any stage costs time, never the flash', async () => {
    const image = largeImage(60_000, { chip })
    const appAt = 0x10000 - chips[chip].bootloaderOffset
    const path = imageFile(image)
    const sound = await flashThrough(chip, path)
    // All the stages, each way: what the first frame of each command carries, in every way of
    // damage, and what the last one is, in turn.
    const faults: FrameFault[] = sides.flatMap((direction) =>
      [...new Set(sound[direction])]
        .filter((code) => names.has(code) && (!only || only.includes(code)))
        .flatMap((code, i) => [
          ...damages.map((damage, n) => ({
            ...{ direction, damage, frame: sound[direction].indexOf(code) },
            byte: 9 + ((i + n) % 4),
          })),
          {
            ...{ direction, frame: sound[direction].lastIndexOf(code), byte: 2 },
            damage: damages[i % damages.length] ?? 'lose',
          },
        ]),
    )
    const outcomes: string[] = []
    const queue = [...faults]
    const work = async (): Promise<void> => {
      for (let fault = queue.shift(); fault; fault = queue.shift()) {
        const { state, board } = await flashThrough(chip, path, fault)
        const name = names.get(sound[fault.direction][fault.frame] ?? 0)
        const written = Buffer.from(board.flash.read(0x10000, image.length - appAt))
        const isWhole = written.equals(image.subarray(appAt))
        if (state !== 'flashed' || !isWhole)
          outcomes.push(`${fault.damage} ${name} ${fault.direction}: ${state}`)
        await board.stop()
      }
    }
    await Promise.all(Array.from({ length: 24 }, work))
    expect(faults.length).toBeGreaterThanOrEqual(count)
    expect(outcomes).toEqual([])
  }, 120_000)
})

it('damage that no checksum sees, in each region of an image, is found by its MD5 and written again', async () => {
  const image = largeImage(60_000)
  const path = imageFile(image)
  const sound = await flashThrough('esp32', path)
  const frames = sound['to-board'].flatMap((code, n) => (code === op.FLASH_DEFL_DATA ? [n] : []))
  const outcomes = await Promise.all(
    frames.map(async (frame) => {
      const fault = { direction: 'to-board' as const, frame, byte: 60, damage: 'flip-two' as const }
      const { board, state, ...passed } = await flashThrough('esp32', path, fault)
      const blocks = passed['to-board'].filter((code) => code === op.FLASH_DEFL_DATA).length
      const isEqual = (from: number, to: number): boolean =>
        Buffer.from(board.flash.read(0x1000 + from, to - from)).equals(image.subarray(from, to))
      return {
        ...{ state, isAgain: blocks > frames.length },
        ...{ bootloader: isEqual(0, 0x6000), app: isEqual(0xf000, image.length) },
      }
    }),
  )
  expect(frames.length).toBeGreaterThanOrEqual(5)
  expect(outcomes).toEqual(
    frames.map(() => ({ state: 'flashed', isAgain: true, bootloader: true, app: true })),
  )
}, 60_000)
