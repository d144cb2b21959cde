import { describe, expect, it } from 'vitest'
import { op } from '../../src/device/commands.js'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { flash, imageFile, powerCutAt, speakingBoard } from '../support/flashing.js'
import { type Cable, faultyProxy } from '../support/frame-faults.js'
import { facts, largeImage } from '../support/large-image.js'
import { testSystem } from '../support/system.js'

const vfsAt = 0x200000
const queueAt = 0x240000
const vfsBytes = 256 * 1024

/** A superblock as `mkfs` of LittleFS 2 leaves it in both of its blocks. */
function putFiles(board: VirtualBoard, sizeBytes: number): void {
  const head = Buffer.alloc(64, 0xff)
  head.writeUInt32LE(1, 0)
  head.write('littlefs', 8, 'latin1')
  head.writeUInt32LE(0x0002_0000, 20)
  head.writeUInt32LE(4096, 24)
  head.writeUInt32LE(sizeBytes / 4096, 28)
  board.flash.program(vfsAt, head)
  board.flash.program(vfsAt + 4096, head)
}

const magic = (board: VirtualBoard): string =>
  Buffer.from(board.flash.read(vfsAt + 8, 8)).toString('latin1')
const record = (board: VirtualBoard): string =>
  Buffer.from(board.flash.read(queueAt, 4)).toString('latin1')

/** Flashes until the power goes at this flash operation; answers the notices. */
async function cutAt(
  board: VirtualBoard,
  operation: number,
  run: (signal: AbortSignal, notices: string[]) => Promise<unknown>,
): Promise<string[]> {
  const stop = new AbortController()
  const notices: string[] = []
  const work = powerCutAt(
    board,
    operation,
    () => run(stop.signal, notices),
    () => stop.abort(new Error('unplugged')),
  )
  await expect(work).rejects.toThrow()
  return notices
}

/** A board whose EN rises at once, which saves each run a quarter of a second. */
const quickReset = { enRiseMs: 5, io0RiseMs: 30 }

const failPower = (board: VirtualBoard, operation: number): void => {
  board.faults.cutPowerAtFlashOperation = operation
}

/** Flashes a board until its power is gone; `onBlock` hears of each block of data as it passes. */
async function flashThrough(
  board: VirtualBoard,
  path: string,
  system = testSystem(),
  onBlock: (seen: number, proxy: Cable) => void = () => {},
) {
  const proxy = await faultyProxy(board.rfc2217Url)
  const stop = new AbortController()
  const notices: string[] = []
  let blocks = 0
  proxy.onFrame = (opcode) => {
    if (opcode === op.FLASH_DEFL_DATA) onBlock(++blocks, proxy)
  }
  const watch = setInterval(() => {
    if (!board.isPowered) stop.abort(new Error('unplugged'))
  }, 5)
  const failure = await flash(proxy.url, path, system, {
    signal: stop.signal,
    report: (event) => event.type === 'notice' && notices.push(event.notice),
  }).then(
    () => undefined,
    (error: unknown) => error,
  )
  clearInterval(watch)
  return { blocks, notices, failure }
}

describe('a flash that is cut', () => {
  const image = largeImage(90_000)

  it.each<[string, (board: VirtualBoard, proxy: Cable) => void]>([
    ['the power fails as the chip begins to work', (board) => failPower(board, 1)],
    ['the power fails in the middle of its work', (board) => failPower(board, 40)],
    ['the cable is pulled', (_, proxy) => proxy.cut()],
  ])(
    'at any block, where %s, is finished by the same command',
    async (_, fail) => {
      const path = imageFile(image)
      const sound = await flashThrough(await speakingBoard({ wiring: quickReset }), path)
      const blocks = sound.blocks
      expect(blocks).toBeGreaterThanOrEqual(6)
      const outcomes = await Promise.all(
        Array.from({ length: blocks }, async (_, block) => {
          const board = await speakingBoard({ wiring: quickReset })
          const system = testSystem()
          const { failure, notices } = await flashThrough(board, path, system, (seen, proxy) => {
            if (seen === block + 1) fail(board, proxy)
          })
          await board.powerCycle()
          const { state, sectors, sectorsWritten } = await flash(board.rfc2217Url, path, system)
          const written = Buffer.from(board.flash.read(0x10000, image.length - 0xf000))
          return {
            ...{ isCut: failure !== undefined, notices, state },
            isWhole: written.equals(image.subarray(0xf000)),
            // The last block but one was still at work; what lies before is not written again.
            isShorter: block < 2 || sectorsWritten < sectors,
          }
        }),
      )
      expect(outcomes).toEqual(
        Array.from({ length: blocks }, () => ({
          ...{ isCut: true, notices: ['half-written'], state: 'flashed' },
          ...{ isWhole: true, isShorter: true },
        })),
      )
    },
    60_000,
  )

  it('in a reflash loses neither files nor queue', async () => {
    const path = imageFile(buildImage('esp32', facts))
    // The eighth erases the table's sector, the ninth programs it.
    const cuts = [6, 7, 8, 9, 10]
    const kept = await Promise.all(
      cuts.map(async (operation) => {
        const board = await speakingBoard()
        const system = testSystem()
        await flash(board.rfc2217Url, path, system)
        putFiles(board, vfsBytes)
        board.flash.program(queueAt, Buffer.from('WXQ1'))
        await cutAt(board, operation, (signal) =>
          flash(board.rfc2217Url, path, system, { signal, force: true }),
        )
        await flash(board.rfc2217Url, path, system)
        return [operation, magic(board), record(board)]
      }),
    )
    expect(kept).toEqual(cuts.map((operation) => [operation, 'littlefs', 'WXQ1']))
  }, 60_000)
})

describe('files on a board', () => {
  const built = buildImage('esp32', facts)

  it.each([
    ['that lost its table', true],
    ['with an intact table', false],
  ])('%s survive a reflash', async (_, isLost) => {
    const board = await speakingBoard()
    const system = testSystem()
    await flash(board.rfc2217Url, imageFile(built), system)
    putFiles(board, vfsBytes)
    if (isLost) board.flash.eraseSector(0x8000)
    const other = imageFile(largeImage(30_000))
    await flash(board.rfc2217Url, other, system)
    expect(magic(board)).toBe('littlefs')
  })

  it('of another size are asked about where the table is lost, then let go', async () => {
    const board = await speakingBoard()
    putFiles(board, 2 * 1024 * 1024)
    let asked = 0
    await flash(board.rfc2217Url, imageFile(built), testSystem(), {
      mayLose: async () => {
        asked++
        return 'lose'
      },
    })
    expect([asked, magic(board)]).toEqual([1, '\xff'.repeat(8)])
  })
})
