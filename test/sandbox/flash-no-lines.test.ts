import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import type { StartRuntime } from '../../src/sandbox/board/runtime.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { testBoard } from '../support/board.js'
import { holdInLoader } from '../support/flashing.js'
import { largeImage } from '../support/large-image.js'
import { noBridge, openBridge } from '../support/pty-bridge.js'
import { cli, temporaryFolder } from '../support/system.js'

const speaks: StartRuntime = ({ app, transmit }) => {
  transmit(Buffer.from(`MicroPython ${app.version} on ${app.date}; Generic ESP32 module\r\n>>> `))
  return { receive: () => {}, halt: async () => {} }
}

/** A board in its loader, as somebody left it who held BOOT; from here on only bytes reach it. */
async function boardInLoader(options: Parameters<typeof testBoard>[0] = {}): Promise<VirtualBoard> {
  const board = await testBoard({ startRuntime: async () => speaks, ...options })
  await holdInLoader(board)
  return board
}

/** The path of a pseudo-terminal that leads to a socket:// port; it goes with the test. */
async function ptyTo(url: string): Promise<string> {
  const bridge = await openBridge(url)
  onTestFinished(bridge.close)
  return bridge.path
}

function imageFile(chip: 'esp32' | 'esp32c3' | 'esp32c6'): string {
  const path = join(temporaryFolder(), `${chip}.bin`)
  writeFileSync(path, buildImage(chip, { version: 'v1.27.0', date: '2025-12-09' }))
  return path
}

// The emulators of ESP32 boards, and many network bridges, offer no more than this.
describe('a port without control lines', () => {
  it.each(['esp32', 'esp32c3', 'esp32c6'] as const)(
    'flashes an %s, lets it reset itself and hears the firmware',
    async (chip) => {
      const { socketUrl } = await boardInLoader({ chip })
      const { code, out } = await cli(['flash', imageFile(chip), '--port', socketUrl, '--json'])
      expect({ code, ...JSON.parse(out) }).toMatchObject({
        code: 0,
        state: 'flashed',
        answered: true,
      })
    },
  )

  it.skipIf(noBridge)(`flashes over a pseudo-terminal${noBridge}`, async () => {
    const { socketUrl } = await boardInLoader()
    const path = await ptyTo(socketUrl)
    const { code, out } = await cli(['flash', imageFile('esp32'), '--port', path, '--json'])
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 0,
      state: 'flashed',
      answered: true,
    })
  })

  it.skipIf(noBridge)(
    `goes on after a pseudo-terminal that broke in the middle of a write${noBridge}`,
    async () => {
      const board = await boardInLoader()
      const image = largeImage(120_000)
      const path = join(temporaryFolder(), 'firmware.bin')
      writeFileSync(path, image)
      const bridge = await openBridge(board.socketUrl)
      const watch = setInterval(() => {
        if (board.flash.operations > 150) bridge.close()
      }, 1)
      const cut = await cli(['flash', path, '--port', bridge.path])
      clearInterval(watch)
      expect({ code: cut.code, err: cut.err }).toEqual({
        code: 6,
        err: expect.stringMatching(/half written .* the same command finishes the job/),
      })
      const again = await ptyTo(board.socketUrl)
      const { code, out } = await cli(['flash', path, '--port', again, '--json'])
      const result = JSON.parse(out)
      expect({ code, ...result }).toMatchObject({ code: 0, state: 'flashed', answered: true })
      expect(result.sectorsWritten).toBeLessThan(result.sectors)
      const written = Buffer.from(board.flash.read(0x10000, image.length - 0xf000))
      expect(written.equals(image.subarray(0xf000))).toBe(true)
    },
    30_000,
  )

  it('ends well where the straps hold the chip in its loader, and finds it there the next time', async () => {
    const straps = { flash: 0x04, download: 0x04 }
    const { socketUrl } = await boardInLoader({ chip: 'esp32c3', wiring: { straps } })
    const argv = ['flash', imageFile('esp32c3'), '--port', socketUrl, '--no-wait']
    const first = await cli(argv)
    expect(first.code).toBe(0)
    expect(first.err).toMatch(
      /Flashed in .* and verified; this port cannot reset the board: tap RESET/,
    )
    const again = await cli([...argv, '--json'])
    expect({ code: again.code, ...JSON.parse(again.out) }).toMatchObject({
      code: 0,
      state: 'already-flashed',
      answered: false,
    })
  })

  it('starts the firmware of an ESP32 whose straps hold it in its loader', async () => {
    const straps = { flash: 0x0f, download: 0x0f }
    const { socketUrl } = await boardInLoader({ wiring: { straps } })
    const { code, out } = await cli(['flash', imageFile('esp32'), '--port', socketUrl, '--json'])
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 0,
      state: 'flashed',
      answered: true,
    })
  })

  it('leaves an empty ESP32 that is held in its loader where it can be found again', async () => {
    const straps = { flash: 0x0f, download: 0x0f }
    const { socketUrl } = await boardInLoader({ wiring: { straps } })
    for (let i = 0; i < 2; i++)
      expect((await cli(['board', 'info', '--port', socketUrl])).code).toBe(0)
  })

  it('lets the board start after a command that only looked', async () => {
    let starts = 0
    const startRuntime = async (): Promise<StartRuntime> => {
      starts++
      return speaks
    }
    const { socketUrl, flash } = await boardInLoader({ startRuntime })
    flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
    expect((await cli(['board', 'info', '--port', socketUrl])).code).toBe(0)
    await expect.poll(() => starts).toBe(1)
  })
})
