import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { restoreBoard } from '../../src/device/board-flash.js'
import { backupBoard } from '../../src/device/flash-backup.js'
import type { Event } from '../../src/events.js'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import { powerCutAt, speakingBoard } from '../support/flashing.js'
import { largeImage, speaks } from '../support/large-image.js'
import { cli, temporaryFolder, testSystem } from '../support/system.js'

/** Bytes that no two sectors share, and that are not blank anywhere. */
function noise(length: number, seed = 7): Uint8Array {
  let state = seed
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 24) & 0xfe
  })
}

async function backup(
  board: VirtualBoard,
  file: string,
  flags: string[] = [],
  system = testSystem(),
) {
  const argv = ['board', 'backup', file, '--json', ...flags, '-p', board.rfc2217Url]
  const { code, out } = await cli(argv, { folders: system.folders })
  return { code, ...(JSON.parse(out) as { readBytes: number; size: number }) }
}

describe('a backup', () => {
  it('reads what is not blank, and then only what has changed', async () => {
    const board = await speakingBoard()
    board.flash.program(0x10000, noise(0x8000))
    board.flash.program(0x3ff000, noise(0x1000))
    const file = join(temporaryFolder(), 'all.bin')
    expect(await backup(board, file)).toMatchObject({ code: 0, size: 0x400000, readBytes: 0x9000 })
    expect(await backup(board, file)).toMatchObject({ code: 0, readBytes: 0 })
    board.flash.eraseSector(0x12000)
    board.flash.program(0x200000, Uint8Array.of(1))
    expect(await backup(board, file)).toMatchObject({ code: 0, readBytes: 0x2000 })
    expect(readFileSync(file).equals(Buffer.from(board.flash.read(0, 0x400000)))).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('does not read the firmware that lies in the cache', async () => {
    const board = await speakingBoard()
    const system = testSystem()
    const image = largeImage(0x20000)
    const other = largeImage(0x20000, { seed: 2 })
    for (const [name, bytes] of [['a.bin', other] as const, ['b.bin', image] as const]) {
      const path = join(system.folders.cache, 'firmware', 'publisher', name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
    }
    board.flash.program(0x1000, image)
    board.flash.program(0x300000, noise(0x3000))
    const file = join(temporaryFolder(), 'all.bin')
    expect(await backup(board, file, [], system)).toMatchObject({ code: 0, readBytes: 0x3000 })
    expect(readFileSync(file).equals(Buffer.from(board.flash.read(0, 0x400000)))).toBe(true)
    // A region that begins inside the image takes its part of it.
    const part = join(temporaryFolder(), 'part.bin')
    const range = ['--offset', '0x12000', '--size', '64K']
    expect(await backup(board, part, range, system)).toMatchObject({ code: 0, readBytes: 0 })
    expect(readFileSync(part).equals(Buffer.from(board.flash.read(0x12000, 0x10000)))).toBe(true)
  })

  it('that was broken off goes on, stays private, and is the whole flash then', async () => {
    const board = await speakingBoard()
    const body = noise(0x30000)
    board.flash.program(0x10000, body)
    const file = join(temporaryFolder(), 'all.bin')
    const stop = new AbortController()
    const report = (event: Event): void => {
      if (event.type === 'progress' && event.stage === 'backup' && event.done >= 0x20000)
        stop.abort(new Error('unplugged'))
    }
    const range = { offset: 0x10000, size: 0x30000 }
    const options = { port: board.rfc2217Url, waitForButtons: false }
    await expect(
      backupBoard(file, range, options, testSystem(), { report, signal: stop.signal }),
    ).rejects.toThrow('unplugged')
    expect(statSync(`${file}.part`).mode & 0o777).toBe(0o600)
    const flags = ['--offset', '0x10000', '--size', '192K', '-p', board.rfc2217Url]
    const { code, out } = await cli(['board', 'backup', file, ...flags])
    expect(code).toBe(0)
    expect(out).toMatch(/all\.bin: 197 kB, verified; 66 kB had to be read\n +sha256 [0-9a-f]{64}/)
    expect(readFileSync(file).equals(Buffer.from(body))).toBe(true)
  })
})

it.each([
  ['a folder', (folder: string) => folder, /is a folder/],
  ['below a file', (folder: string) => join(folder, 'file', 'all.bin'), /cannot be written/],
])('a backup to %s is refused before the board restarts', async (_, place, why) => {
  let starts = 0
  const startRuntime = async () => {
    starts++
    return speaks
  }
  const board = await speakingBoard({ startRuntime })
  board.flash.program(0x1000, largeImage(0x1000))
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), '')
  const argv = ['board', 'backup', place(folder), '-p', board.rfc2217Url]
  const { code, err } = await cli(argv)
  expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(why) })
  expect(starts).toBe(0)
  expect(readdirSync(dirname(folder))).not.toContain(`${basename(folder)}.part`)
})

it('a backup that is refused leaves what another run has begun to read', async () => {
  const folder = join(temporaryFolder(), 'roof')
  mkdirSync(folder)
  writeFileSync(`${folder}.part`, 'begun')
  const { code } = await cli(['board', 'backup', folder, '-p', 'socket://127.0.0.1:1'])
  expect(code).toBe(2)
  expect(readFileSync(`${folder}.part`, 'utf8')).toBe('begun')
})

it('a backup makes the folder it goes to, and leaves nothing where no board answers', async () => {
  const board = await speakingBoard()
  const file = join(temporaryFolder(), 'roof', 'vfs.bin')
  board.faults.unplugged = true
  const range = ['--offset', '0x200000', '--size', '8K']
  const { code } = await cli(['board', 'backup', file, ...range, '-p', board.rfc2217Url])
  expect({ code, left: readdirSync(dirname(file)) }).toEqual({ code: 4, left: [] })
  board.faults.unplugged = false
  expect(await backup(board, file, range)).toMatchObject({ code: 0, size: 0x2000 })
  expect(await backup(board, file, ['--size', '50'])).toMatchObject({ code: 2 })
})

describe('a restore', () => {
  it('of several pieces goes forward once', async () => {
    const board = await speakingBoard()
    const bytes = new Uint8Array(0x30000).fill(0xff)
    for (const at of [0, 0x10000, 0x28000]) bytes.set(noise(0x4000), at)
    const seen: { done: number; total: number }[] = []
    const report = (event: Event): void => {
      if (event.type === 'progress') seen.push({ done: event.done, total: event.total })
    }
    const options = { port: board.rfc2217Url, waitForButtons: false }
    const during = { report, signal: new AbortController().signal }
    const range = { offset: 0x40000, size: undefined }
    await restoreBoard(bytes, range, options, testSystem(), during)
    const done = seen.map((one) => one.done)
    expect(done).toEqual([...done].sort((a, b) => a - b))
    expect(new Set(seen.map(({ total }) => total))).toEqual(new Set([0xc000]))
    expect(done.at(-1)).toBe(0xc000)
  })

  it('of another chip, or of nothing, is refused before a byte is written', async () => {
    const board = await speakingBoard({ chip: 'esp32s3' })
    const folder = temporaryFolder()
    const own = Buffer.alloc(0x2000, 0xff)
    own.set(largeImage(0x1000, { chip: 'esp32s3' }).subarray(0, 0x1000))
    const other = Buffer.alloc(0x2000, 0xff)
    other.set(largeImage(0x1000).subarray(0, 0x1000), 0x1000)
    const files = { own, other, loader: other.subarray(0x1000), empty: Buffer.alloc(0) }
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
    const restore = (file: string, ...flags: string[]) =>
      cli(['board', 'restore', file, '--yes', ...flags, '-p', board.rfc2217Url])
    const before = board.flash.operations
    const refused = [
      await restore(join(folder, 'other')),
      await restore(join(folder, 'loader'), '--offset', '0x1000'),
      await restore(join(folder, 'empty')),
      await restore(folder),
    ]
    expect(refused.map(({ code }) => code)).toEqual([7, 7, 7, 2])
    expect(refused[0]?.err).toMatch(/flash of an ESP32, but the board has an ESP32-S3/)
    expect(board.flash.operations).toBe(before)
    expect((await restore(join(folder, 'own'))).code).toBe(0)
  })

  it.each([3, 40, 90])(
    'that is cut at flash operation %i is finished by the same command',
    async (operation) => {
      const board = await speakingBoard()
      const bytes = noise(0x10000)
      const options = { port: board.rfc2217Url, waitForButtons: false }
      const range = { offset: 0x40000, size: undefined }
      const stop = new AbortController()
      const notices: string[] = []
      const report = (event: Event) => event.type === 'notice' && notices.push(event.notice)
      const during = { report, signal: stop.signal }
      await expect(
        powerCutAt(
          board,
          operation,
          () => restoreBoard(bytes, range, options, testSystem(), during),
          () => stop.abort(new Error('unplugged')),
        ),
      ).rejects.toThrow()
      expect(notices).toEqual(['half-restored'])
      expect(board.flash.read(0x40000, bytes.length)).not.toEqual(bytes)
      const file = join(temporaryFolder(), 'part.bin')
      writeFileSync(file, bytes)
      const argv = [
        'board',
        'restore',
        file,
        '--offset',
        '0x40000',
        '--yes',
        '-p',
        board.rfc2217Url,
      ]
      const { code, out } = await cli(argv)
      expect({ code, out }).toEqual({
        code: 0,
        out: expect.stringMatching(/sectors written, verified/),
      })
      expect(board.flash.read(0x40000, bytes.length)).toEqual(bytes)
    },
  )
})
