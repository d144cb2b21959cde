import { describe, expect, it } from 'vitest'
import type { StartRuntime } from '../../src/sandbox/board/runtime.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { testBoard } from '../support/board.js'
import { flash, holdInLoader, imageFile, speakingBoard } from '../support/flashing.js'
import { byHand } from '../support/hand-reset.js'
import { facts, largeImage, speaks } from '../support/large-image.js'
import { start } from '../support/program.js'
import { cli, temporaryFolder, testSystem } from '../support/system.js'

/** Firmware that prints this and nothing else. */
const says =
  (text: string): StartRuntime =>
  ({ transmit }) => {
    transmit(Buffer.from(text))
    return { receive: () => {}, halt: async () => {} }
  }

/** Firmware that restarts the chip as soon as it runs. */
const restarts: StartRuntime = ({ reset }) => {
  const timer = setTimeout(() => reset('software'), 5)
  return { receive: () => {}, halt: async () => clearTimeout(timer) }
}

describe('firmware that was written', () => {
  it.each<[string, StartRuntime, RegExp]>([
    [
      'of another version',
      says('MicroPython v1.20.0 on 2023-04-26; ESP32\r\n>>> '),
      /version 1\.20\.0 answered instead of 1\.27\.0/,
    ],
    [
      'of another runtime',
      says(' ____                 _\r\n2v24 (c) 2024 G.Williams\r\n>'),
      /espruino answered instead/,
    ],
    ['that restarts for ever', restarts, /it restarts again and again/],
    [
      'that crashes as it starts',
      says("Guru Meditation Error: Core  0 panic'ed\r\n".repeat(3)),
      /the firmware crashes as it starts/,
    ],
  ])('and is answered by one %s ends as a boot that failed', async (_, runtime, why) => {
    const board = await speakingBoard({ startRuntime: async () => runtime })
    const path = imageFile(buildImage('esp32', facts))
    const { code, err } = await cli(['flash', path, '--port', board.rfc2217Url])
    expect({ code, err }).toEqual({ code: 7, err: expect.stringMatching(why) })
    expect(err).not.toMatch(/half written/)
  })
})

it.each([
  ['compare', 'not-written'],
  ['write', 'half-written'],
  ['boot', 'written-not-heard'],
])('a flash that Ctrl-C ends in its stage %s says only "%s"', async (stage, notice) => {
  const board = await speakingBoard()
  const stop = new AbortController()
  const notices: string[] = []
  const work = flash(board.rfc2217Url, imageFile(buildImage('esp32', facts)), testSystem(), {
    signal: stop.signal,
    report: (event) => {
      if (event.type === 'notice') notices.push(event.notice)
      if (event.type === 'stage' && event.stage === stage)
        stop.abort(new DOMException('', 'AbortError'))
    },
  })
  await expect(work).rejects.toThrow()
  expect(notices).toEqual([notice])
})

it('a flash whose cable is pulled tells a script too that half of it is written', async () => {
  const board = await speakingBoard()
  const work = flash(board.rfc2217Url, imageFile(largeImage(90_000)), testSystem(), {
    report: (event) => {
      if (event.type === 'progress' && event.stage === 'write') board.faults.unplugged = true
    },
  })
  await expect(work).rejects.toMatchObject({
    ...{ code: 'PORT_LOST', details: { flash: 'half-written' } },
  })
})

describe('a secured chip', () => {
  it.each(['esp32', 'esp32s3', 'esp32c3'] as const)(
    '%s is explained and left alone',
    async (chip) => {
      let starts = 0
      const startRuntime = async () => {
        starts++
        return speaks
      }
      const board = await speakingBoard({ chip, isEncrypted: true, startRuntime })
      board.flash.program(chip === 'esp32' ? 0x1000 : 0, buildImage(chip, facts))
      const before = board.flash.operations
      const path = imageFile(largeImage(30_000, { chip }))
      const { code, err } = await cli(['flash', path, '--port', board.rfc2217Url])
      expect(code).toBe(7)
      expect(err).toMatch(/has secure boot, flash encryption or secure download switched on/)
      expect(board.flash.operations).toBe(before)
      // It goes on with what it ran before.
      await expect.poll(() => starts).toBeGreaterThan(0)
    },
  )
})

describe('a board without an auto-reset circuit', () => {
  it('is flashed once somebody has pressed, and starts its firmware by itself', async () => {
    const board = await speakingBoard({ wiring: { enRiseMs: 5, io0RiseMs: 30 } })
    const hand = await byHand(board.rfc2217Url)
    let pressed = 0
    const result = await flash(hand.url, imageFile(buildImage('esp32', facts)), testSystem(), {
      waitForButtons: true,
      report: (event) => {
        if (event.type === 'waiting' && event.stage === 'connect' && ++pressed === 1)
          void hand.pressBoot()
      },
    })
    expect(pressed).toBeGreaterThan(0)
    expect(result).toMatchObject({ state: 'flashed', answered: true, baud: 921_600 })
  }, 20_000)
})

describe('a board that waits in its loader already', () => {
  it.each([
    ['leads to nothing', true],
    ['resets it', false],
  ])('whose line to EN %s is not left there after a look', async (_, isDead) => {
    let starts = 0
    const startRuntime = async () => {
      starts++
      return speaks
    }
    const board = await speakingBoard({ startRuntime, wiring: { enRiseMs: 5, io0RiseMs: 30 } })
    board.flash.program(0x1000, buildImage('esp32', facts))
    await holdInLoader(board)
    const url = isDead ? (await byHand(board.rfc2217Url)).url : board.rfc2217Url
    const { code } = await cli(['board', 'info', '--port', url])
    expect(code).toBe(0)
    await expect.poll(() => starts).toBe(1)
  })
})

describe('the real program, in the middle of a write', () => {
  it.skipIf(process.platform === 'win32').each<[NodeJS.Signals, number | null, RegExp]>([
    ['SIGINT', 130, /half written and the board will not start; the same command finishes the job/],
    ['SIGKILL', null, /^/],
  ])(
    'ended by %s leaves a job that the same command finishes',
    async (signal, code, says) => {
      // Paced: the write takes a second, and the signal comes into it.
      const board = await testBoard({ startRuntime: async () => speaks, wiring: { pacing: true } })
      const image = largeImage(90_000)
      const env = { WXSTATION_HOME: temporaryFolder() }
      const argv = ['flash', imageFile(image), '--baud', '921600', '--port', board.rfc2217Url]
      const program = start(argv, env)
      // The bootloader's pages are in, the app's are under way.
      await expect
        .poll(() => board.flash.operations, { timeout: 20_000, interval: 5 })
        .toBeGreaterThan(150)
      program.child.kill(signal)
      const cut = await program.done
      expect({ code: cut.code, err: cut.err }).toEqual({ code, err: expect.stringMatching(says) })
      const again = start([...argv, '--json'], env)
      const { code: last, out } = await again.done
      expect({ last, ...JSON.parse(out) }).toMatchObject({
        last: 0,
        state: 'flashed',
        answered: true,
      })
      const written = Buffer.from(board.flash.read(0x10000, image.length - 0xf000))
      expect(written.equals(image.subarray(0xf000))).toBe(true)
      expect(JSON.parse(out).sectorsWritten).toBeLessThan(JSON.parse(out).sectors)
    },
    40_000,
  )
})
