import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readPartitionTable } from '../../src/device/partitions.js'
import type { StartRuntime } from '../../src/sandbox/board/runtime.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { startMirror } from '../../src/sandbox/mirror.js'
import { testBoard } from '../support/board.js'
import { imageFile as fileOf, flash, speakingBoard } from '../support/flashing.js'
import { facts } from '../support/large-image.js'
import { cli, temporaryFolder, testSystem } from '../support/system.js'

const board = speakingBoard
const megabyte = 1024 * 1024

function imageFile(chip: 'esp32' | 'esp32c3' = 'esp32'): string {
  return fileOf(buildImage(chip, facts))
}

describe('flash', () => {
  it('writes, verifies, hears the firmware, and writes nothing the second time', async () => {
    const { rfc2217Url } = await board()
    const system = testSystem()
    const path = imageFile()
    expect(await flash(rfc2217Url, path, system)).toMatchObject({
      state: 'flashed',
      partitions: 'queue',
      version: '1.27.0',
    })
    expect(await flash(rfc2217Url, path, system)).toMatchObject({
      state: 'already-flashed',
      sectorsWritten: 0,
    })
  })

  it('refuses a variant of a file, which is one already', async () => {
    const path = imageFile()
    const { code, err } = await cli(['flash', path, '--variant', 'SPIRAM', '--port', 'COM1'])
    expect(code).toBe(2)
    expect(err).toContain('Leave --variant out')
  })

  it('refuses an image for another chip before a byte is written', async () => {
    const one = await board()
    const before = one.flash.operations
    await expect(flash(one.rfc2217Url, imageFile('esp32c3'), testSystem())).rejects.toMatchObject({
      code: 'IMAGE_WRONG_CHIP',
      exitCode: 7,
    })
    expect(one.flash.operations).toBe(before)
  })
})

describe('wxstation flash', () => {
  it('says of firmware that is no station only that it started', async () => {
    const startRuntime = async (): Promise<StartRuntime> => (machine) => {
      machine.transmit(Buffer.from('hello\r\n'))
      return { receive: () => {}, halt: async () => {} }
    }
    const { rfc2217Url } = await testBoard({ startRuntime })
    const path = fileOf(buildImage('esp32', { ...facts, project: 'blinky', version: 'v1.2' }))
    const { code, out, err } = await cli(['flash', path, '--port', rfc2217Url])
    expect({ code, out }).toEqual({ code: 0, out: '' })
    expect(err).toMatch(/verified, reset, blinky v1\.2 started\.\n$/)
  })

  it('takes the firmware of a mirror, prints one JSON object, keeps it for --offline', async () => {
    const { rfc2217Url } = await board()
    const system = testSystem()
    const mirror = await startMirror({}, system)
    onTestFinished(() => mirror.stop())
    const env = { WXSTATION_FIRMWARE_MIRROR: mirror.url, WXSTATION_PORT: rfc2217Url }
    const folders = system.folders
    const first = await cli(['flash', 'micropython', '--json'], { env, folders })
    expect({ code: first.code, ...JSON.parse(first.out) }).toMatchObject({
      code: 0,
      state: 'flashed',
      runtime: 'micropython',
    })
    await mirror.stop()
    const again = await cli(['flash', 'micropython', '--offline'], { env, folders })
    expect(again.err).toMatch(/Already flashed/)
  })

  it.each([
    [8, 5.75],
    [16, 13.75],
  ])('gives the queue what a chip of %i MB has left, and starts there', async (size, queue) => {
    const one = await board({ flashSize: size * megabyte })
    const { rfc2217Url } = one
    const path = imageFile()
    const first = await cli(['flash', path, '-p', rfc2217Url])
    expect({ code: first.code, err: first.err }).toEqual({
      code: 0,
      err: expect.stringMatching(new RegExp(`${size} MB[\\s\\S]*queue's partition ${queue} MB`)),
    })
    const { partitions } = readPartitionTable(one.flash.read(0x8000, 0xc00), 'the chip')
    expect(partitions.slice(-2)).toMatchObject([
      { label: 'vfs', offset: 0x200000, size: 0x40000 },
      { label: 'wxqueue', offset: 0x240000, size: size * megabyte - 0x240000 },
    ])
    // The bootloader refuses partitions beyond the size that its own header states.
    expect((one.flash.read(0x1003, 1)[0] ?? 0) >> 4).toBe(Math.log2(size))
    const again = await cli(['flash', path, '-p', rfc2217Url])
    expect(again.err).toMatch(/Already flashed/)
    const stock = await cli(['flash', path, '--stock-partitions', '-p', rfc2217Url])
    expect(stock).toMatchObject({ code: 0 })
    const official = readPartitionTable(one.flash.read(0x8000, 0xc00), 'the chip').partitions
    expect(official.at(-1)).toMatchObject({ label: 'vfs', offset: 0x200000, size: 0x200000 })
  })

  it('flashes several boards, and one that fails does not stop the other', async () => {
    const [good, bad] = [await board(), await board({ faults: { unplugged: true } })]
    const { code, out } = await cli(
      ['flash', imageFile(), '--json', '--port', good.rfc2217Url, '--port', bad.rfc2217Url],
      {},
    )
    expect(code).toBeGreaterThan(0)
    expect(JSON.parse(out)).toMatchObject({ flashed: 1, failed: 1 })
  })

  it('backs a board up and restores it to another', async () => {
    const [one, other] = [await board(), await board()]
    const file = join(temporaryFolder(), 'all.bin')
    one.flash.program(0x3000, Uint8Array.of(1, 2, 3))
    const range = ['--size', '64K', '--port']
    expect((await cli(['board', 'backup', file, ...range, one.rfc2217Url])).code).toBe(0)
    expect((await cli(['board', 'restore', file, '--yes', '--port', other.rfc2217Url])).code).toBe(
      0,
    )
    expect(other.flash.read(0, 0x10000)).toEqual(one.flash.read(0, 0x10000))
  })

  it.each([
    ['a file that is no image', ['flash', 'package.json'], 7, /cannot be flashed/],
    ['a name that is nothing', ['flash', 'nothing-here'], 2, /neither a firmware nor a file/],
    [
      'an absent port',
      ['flash', 'micropython', '--port', 'socket://127.0.0.1:1'],
      4,
      /no board at/,
    ],
    [
      'an erase nobody confirmed',
      ['flash', 'micropython', '--erase', '--port', 'socket://127.0.0.1:1'],
      2,
      /--yes/,
    ],
  ])('ends with a clear error at %s', async (_, argv, expected, text) => {
    const root = join(import.meta.dirname, '../..')
    const { code, err } = await cli(argv as string[], { cwd: root })
    expect({ code, err }).toEqual({ code: expected, err: expect.stringMatching(text as RegExp) })
  })
})
