import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readImage } from '../../src/device/image.js'
import { startBoard, type VirtualBoard } from '../../src/sandbox/board/board.js'
import type { SiliconName } from '../../src/sandbox/board/chips.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { nodeSystem } from '../../src/system/node.js'
import { flash, imageFile, speakingBoard } from '../support/flashing.js'
import { largeImage } from '../support/large-image.js'
import { isMissing, pythonTools } from '../support/python.js'
import { testSystem } from '../support/system.js'

const tools = pythonTools(['esptool==5.6.0'])
const reason = isMissing(tools) ? ` (skipped: ${tools.missing})` : ''
const system = nodeSystem()
const folder = mkdtempSync(join(tmpdir(), 'wxstation-peers-'))
const facts = { version: 'v1.27.0', date: '2025-12-09' }
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function run(board: VirtualBoard, args: string[]): Promise<{ code: number; out: string }> {
  if (isMissing(tools)) throw new Error(tools.missing)
  const program = tools.command('esptool')
  const { code, stdout, stderr } = await system.spawn(program, [
    '--port',
    board.rfc2217Url,
    ...args,
  ])
  return { code, out: stdout + stderr }
}

async function esptool(board: VirtualBoard, args: string[]): Promise<string> {
  const { code, out } = await run(board, args)
  expect(`exit ${code}\n${code === 0 ? '' : out}`).toBe('exit 0\n')
  return out
}

describe.skipIf(isMissing(tools))(`esptool 5.6 on a paced ESP32${reason}`, () => {
  let board: VirtualBoard
  const image = buildImage('esp32', facts)
  const file = join(folder, 'esp32.bin')
  beforeAll(async () => {
    writeFileSync(file, image)
    board = await startBoard({}, system)
  })
  afterAll(() => board?.stop())

  it('flash-id', async () => {
    const out = await esptool(board, ['flash-id'])
    expect(out).toMatch(/Manufacturer:\s+c8/)
    expect(out).toMatch(/Device:\s+4016/)
    expect(out).toMatch(/Detected flash size:\s+4MB/)
  })

  it('read-mac and chip-id', async () => {
    expect(await esptool(board, ['read-mac'])).toMatch(/MAC:\s+24:0a:c4:01:02:03/)
    expect(await esptool(board, ['chip-id'])).toMatch(/Chip type:\s+ESP32/)
  })

  it.each(['115200', '460800'])('write-flash at %s with the default reset', async (baud) => {
    const out = await esptool(board, ['--baud', baud, 'write-flash', '0x1000', file])
    expect(out).toContain('Hash of data verified.')
    expect(Buffer.compare(board.flash.read(0x1000, image.length), image)).toBe(0)
  })

  it('write-flash without compression', async () => {
    const out = await esptool(board, ['--baud', '460800', 'write-flash', '-u', '0x1000', file])
    expect(out).toContain('Hash of data verified.')
  })

  it('write-flash and verify-flash without a stub, in ROM', async () => {
    const small = join(folder, 'small.bin')
    writeFileSync(small, image.subarray(0, 0x3000))
    // At 115200: without the factory's clock calibration in its eFuses (rom.jsonl has zeros there)
    // esptool asks the ROM for a rate of 0.
    const rom = ['--no-stub']
    const out = await esptool(board, [...rom, 'write-flash', '0x300000', small])
    expect(out).toContain('Hash of data verified.')
    await esptool(board, [...rom, 'verify-flash', '0x300000', small])
  })

  it('verify-flash, also against other data', async () => {
    const out = await esptool(board, ['--baud', '460800', 'verify-flash', '0x1000', file])
    expect(out).toContain('Verification successful (digest matched).')
    const other = join(folder, 'other.bin')
    writeFileSync(
      other,
      image.map((byte, i) => (i === 5000 ? byte ^ 1 : byte)),
    )
    const refused = await run(board, ['verify-flash', '0x1000', other])
    expect(refused.code).not.toBe(0)
    expect(refused.out).toContain('Verification failed')
  })

  it('read-flash', async () => {
    const back = join(folder, 'back.bin')
    const size = `0x${image.length.toString(16)}`
    await esptool(board, ['--baud', '460800', 'read-flash', '0x1000', size, back])
    expect(Buffer.compare(readFileSync(back), image)).toBe(0)
  })

  it('erase-region and erase-flash', async () => {
    await esptool(board, ['erase-region', '0x8000', '0x1000'])
    expect(board.flash.read(0x8000, 0x1000).every((byte) => byte === 0xff)).toBe(true)
    expect(board.flash.read(0x1000, 1)[0]).toBe(0xe9)
    await esptool(board, ['erase-flash'])
    expect(board.flash.read(0, board.flash.size).every((byte) => byte === 0xff)).toBe(true)
  })
})

describe.skipIf(isMissing(tools))(`esptool 5.6 and our flasher on one board${reason}`, () => {
  const image = largeImage(80_000)

  it('ours writes, esptool verifies and reads back the same', async () => {
    const board = await speakingBoard()
    const file = imageFile(image)
    const back = `${file}.back`
    await flash(board.rfc2217Url, file, testSystem(), { stockPartitions: true })
    const out = await esptool(board, ['--baud', '460800', 'verify-flash', '0x1000', file])
    expect(out).toContain('Verification successful (digest matched).')
    const size = `0x${image.length.toString(16)}`
    await esptool(board, ['--baud', '460800', 'read-flash', '0x1000', size, back])
    expect(Buffer.compare(readFileSync(back), image)).toBe(0)
  })

  it('esptool reads an image with a right table and digest where ours has made room for the queue', async () => {
    const board = await speakingBoard({ flashSize: 8 * 1024 * 1024 })
    const file = imageFile(image)
    const back = `${file}.back`
    await flash(board.rfc2217Url, file, testSystem())
    const size = `0x${image.length.toString(16)}`
    await esptool(board, ['--baud', '460800', 'read-flash', '0x1000', size, back])
    const { header, table } = readImage(readFileSync(back), 'what esptool read')
    expect(header.flashSizeBytes).toBe(8 * 1024 * 1024)
    expect(table?.hasDigest).toBe(true)
    expect(table?.partitions.at(-1)).toMatchObject({ label: 'wxqueue', size: 0x5c0000 })
    const info = await system.spawn(isMissing(tools) ? '' : tools.command('esptool'), [
      'image-info',
      back,
    ])
    expect(info.stdout).toMatch(/Validation [Hh]ash:.*\(valid\)/)
  })

  it('esptool writes, ours finds it flashed already, and with the queue writes the difference only', async () => {
    const board = await speakingBoard()
    const file = imageFile(image)
    await esptool(board, ['--baud', '460800', 'write-flash', '0x1000', file])
    expect(
      await flash(board.rfc2217Url, file, testSystem(), { stockPartitions: true }),
    ).toMatchObject({ state: 'already-flashed', sectorsWritten: 0 })
    expect(await flash(board.rfc2217Url, file, testSystem())).toMatchObject({
      state: 'flashed',
      sectorsWritten: 1,
    })
  })
})

describe.skipIf(isMissing(tools))(`esptool 5.6 on newer chips${reason}`, () => {
  it.concurrent.each<[SiliconName, string, string]>([
    ['esp32s3', 'ESP32-S3', '9'],
    ['esp32c3', 'ESP32-C3', '5'],
    ['esp32c6', 'ESP32-C6', '13'],
  ])('%s: get-security-info, write-flash, refusal of an ESP32 image', async (chip, name, id) => {
    const board = await startBoard({ chip, wiring: { pacing: false } }, system)
    try {
      const info = await esptool(board, ['get-security-info'])
      expect(info).toContain(name)
      expect(info).toMatch(new RegExp(`Chip ID:\\s+${id}`))
      const own = join(folder, `${chip}.bin`)
      writeFileSync(own, buildImage(chip, facts))
      const out = await esptool(board, ['write-flash', '0x0', own])
      expect(out).toContain('Hash of data verified.')
      const other = join(folder, 'esp32-for-other.bin')
      writeFileSync(other, buildImage('esp32', facts))
      const refused = await run(board, ['write-flash', '0x0', other])
      expect(refused.code).not.toBe(0)
      expect(refused.out).toMatch(/is not an ESP32-/)
    } finally {
      await board.stop()
    }
  })

  it.concurrent('uses the older stub just as well', async () => {
    const board = await startBoard({ wiring: { pacing: false } }, system)
    try {
      const file = join(folder, 'old-stub.bin')
      const image = buildImage('esp32', facts)
      writeFileSync(file, image)
      const args = ['--stub-version', '1', 'write-flash', '0x1000', file]
      expect(await esptool(board, args)).toContain('Hash of data verified.')
    } finally {
      await board.stop()
    }
  })
})
