import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { Flash, makeSharedFlash, PowerLost } from '../../../src/sandbox/board/flash.js'
import type { BlockDevice } from '../../../src/sandbox/board/littlefs/device.js'
import { FileSystemError } from '../../../src/sandbox/board/littlefs/device.js'
import { LittleFs } from '../../../src/sandbox/board/littlefs/littlefs.js'
import { isMissing, pythonTools } from '../../support/python.js'

const blockSize = 4096

function deviceOver(flash: Flash): BlockDevice {
  return {
    blockSize,
    blockCount: flash.size / blockSize,
    read: (block, offset, size) => flash.read(block * blockSize + offset, size),
    program: (block, offset, bytes) => flash.program(block * blockSize + offset, bytes),
    erase: (block) => flash.eraseSector(block * blockSize),
  }
}

function freshFlash(blocks: number): Flash {
  const flash = new Flash(makeSharedFlash(blocks * blockSize))
  LittleFs.format(deviceOver(flash))
  return flash
}

type Step =
  | ['w' | 'a', string, string]
  | ['mkdir', string]
  | ['remove', string]
  | ['rename', string, string]

/** Path to content in hexadecimal; null for a folder. */
type Content = Record<string, string | null>

function contentOf(fs: LittleFs, folder = ''): Content {
  const found: Content = {}
  for (const { name, stat } of fs.list(`${folder}/`)) {
    const path = `${folder}/${name}`
    if (stat.isFolder) Object.assign(found, { [path]: null }, contentOf(fs, path))
    else {
      const file = fs.open(path, {})
      found[path] = Buffer.from(file.read(stat.size)).toString('hex')
      file.close()
    }
  }
  return found
}

/** True where the step was done, false where the file system refused it. */
function apply(fs: LittleFs, step: Step): boolean {
  try {
    if (step[0] === 'mkdir') fs.makeFolder(step[1])
    else if (step[0] === 'remove') fs.remove(step[1])
    else if (step[0] === 'rename') fs.rename(step[1], step[2])
    else {
      const append = step[0] === 'a'
      const file = fs.open(step[1], { create: true, truncate: !append, append })
      file.write(Buffer.from(step[2], 'hex'))
      file.close()
    }
    return true
  } catch (error) {
    if (error instanceof FileSystemError) return false
    throw error
  }
}

const names = fc.constantFrom('a', 'b', 'cc', 'd.py', 'long-name-'.repeat(5))
const path = fc.oneof(
  { weight: 3, arbitrary: names.map((name) => `/${name}`) },
  fc.tuple(fc.constantFrom('x', 'y'), names).map(([folder, name]) => `/${folder}/${name}`),
)
const bytes = fc.oneof(
  fc.integer({ min: 0, max: 150 }),
  fc.constantFrom(127, 128, 129, 4096, 4097, 9000, 20_000),
)
const content = fc
  .tuple(bytes, fc.integer({ min: 0, max: 255 }))
  .map(([size, seed]) =>
    Buffer.from(
      Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed + (i >> 8)) & 255),
    ).toString('hex'),
  )
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('w' as const, 'a' as const), path, content) },
  fc.tuple(fc.constant('mkdir' as const), fc.constantFrom('/x', '/y', '/x/z')),
  fc.tuple(fc.constant('remove' as const), fc.oneof(path, fc.constantFrom('/x', '/y', '/x/z'))),
  fc.tuple(
    fc.constant('rename' as const),
    fc.oneof(path, fc.constantFrom('/x', '/y')),
    fc.oneof(path, fc.constantFrom('/x', '/y')),
  ),
)
const steps = fc.array(step, { minLength: 1, maxLength: 25 })

describe('LittleFs', () => {
  it('is empty after format, with the blocks the chip uses', () => {
    const fs = LittleFs.mount(deviceOver(freshFlash(512)))
    expect(fs.list('/')).toEqual([])
    expect(fs.usedBlocks().size).toBe(2)
  })

  it('refuses blank flash, other sizes and damaged pairs', () => {
    const blank = new Flash(makeSharedFlash(8 * blockSize))
    expect(() => LittleFs.mount(deviceOver(blank))).toThrow(FileSystemError)
    const flash = freshFlash(8)
    expect(() => LittleFs.mount({ ...deviceOver(flash), blockCount: 7 })).toThrow(FileSystemError)
    flash.program(0, new Uint8Array(64))
    flash.program(blockSize, new Uint8Array(64))
    expect(() => LittleFs.mount(deviceOver(flash))).toThrow(FileSystemError)
  })

  it('keeps hundreds of names in one folder, in order', () => {
    const flash = freshFlash(64)
    const fs = LittleFs.mount(deviceOver(flash))
    const all = Array.from({ length: 200 }, (_, i) => `n${String((i * 37) % 200).padStart(3, '0')}`)
    for (const name of all) expect(apply(fs, ['w', `/${name}`, '01'])).toBe(true)
    const again = LittleFs.mount(deviceOver(flash))
    expect(again.list('/').map(({ name }) => name)).toEqual([...all].sort())
  })

  it('says the disk is full at the write, and keeps what the file had', () => {
    const fs = LittleFs.mount(deviceOver(freshFlash(16)))
    expect(apply(fs, ['w', '/f', '0102'])).toBe(true)
    const file = fs.open('/f', { truncate: true })
    const fill = (): void => {
      for (let i = 0; i < 20; i++) file.write(new Uint8Array(4096))
    }
    expect(fill).toThrow(expect.objectContaining({ errno: 28 }))
    file.close()
    expect(contentOf(fs)).toEqual({ '/f': '0102' })
    expect(fs.usedBlocks().size).toBe(2)
  })

  it('holds after any steps what it held before a new mount', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const flash = freshFlash(48)
        const fs = LittleFs.mount(deviceOver(flash))
        for (const one of list) apply(fs, one)
        expect(contentOf(LittleFs.mount(deviceOver(flash)))).toEqual(contentOf(fs))
      }),
      { numRuns: 60 },
    )
  })

  it('shows the state before or after a step, wherever the power is cut in it', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 8 }),
        step,
        fc.integer({ min: 0, max: 255 }),
        (before, last, tear) => {
          for (let cut = 1; cut < 200; cut++) {
            const flash = freshFlash(48)
            const fs = LittleFs.mount(deviceOver(flash))
            for (const one of before) apply(fs, one)
            const old = contentOf(fs)
            flash.cutPowerAt(cut, tear)
            let isCut = false
            try {
              apply(fs, last)
            } catch (error) {
              if (!(error instanceof PowerLost)) throw error
              isCut = true
            }
            flash.cutPowerAt(0)
            flash.powerOn()
            const after = contentOf(LittleFs.mount(deviceOver(flash)))
            if (!isCut) return
            expectOneOf(after, [old, ...halfWays(old, last)])
            // And it goes on working.
            const again = LittleFs.mount(deviceOver(flash))
            apply(again, ['w', '/after', 'aa'])
            expect(contentOf(LittleFs.mount(deviceOver(flash)))['/after']).toBe('aa')
          }
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)
})

function expectOneOf(found: Content, allowed: Content[]): void {
  const text = JSON.stringify(found)
  expect(allowed.map((one) => JSON.stringify(one))).toContain(text)
}

/** A write is two commits, as on the chip: the empty name, then the content. */
function halfWays(old: Content, last: Step): Content[] {
  const flash = freshFlash(48)
  const fs = LittleFs.mount(deviceOver(flash))
  for (const [path, hex] of Object.entries(old)) {
    apply(fs, hex === null ? ['mkdir', path] : ['w', path, hex])
  }
  const states: Content[] = []
  if (last[0] === 'w' || last[0] === 'a') {
    if (!(last[1] in old) && apply(fs, ['w', last[1], ''])) states.push(contentOf(fs))
  }
  apply(fs, last)
  states.push(contentOf(fs))
  return states
}

const python = pythonTools(['littlefs-python'])
const folder = mkdtempSync(join(tmpdir(), 'wx-littlefs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const oracle = fileURLToPath(new URL('./littlefs-oracle.py', import.meta.url))
const reason = isMissing(python) ? `: ${python.missing}` : ''

/** Runs the original littlefs (littlefs-python) over an image. */
function original(command: string, image: string, blocks: number, list: Step[] = []): string {
  if (isMissing(python)) throw new Error(python.missing)
  const { status, stdout, stderr } = spawnSync(
    python.python,
    [oracle, command, image, String(blocks)],
    { input: JSON.stringify(list), encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return stdout
}

describe.skipIf(isMissing(python))(`LittleFs against the original${reason}`, () => {
  const blocks = 48
  const image = join(folder, 'image')

  it('writes what the original reads, and reads what it changes', () => {
    fc.assert(
      fc.property(steps, steps, (first, second) => {
        const flash = freshFlash(blocks)
        const fs = LittleFs.mount(deviceOver(flash))
        for (const one of first) apply(fs, one)
        writeFileSync(image, flash.read(0, flash.size))
        expect(sorted(JSON.parse(original('read', image, blocks)))).toEqual(sorted(contentOf(fs)))
        const allowed = second.filter((one) => apply(fs, one))
        original('change', image, blocks, allowed)
        const changed = new Flash(makeSharedFlash(flash.size, readFileSync(image)))
        expect(sorted(contentOf(LittleFs.mount(deviceOver(changed))))).toEqual(
          sorted(contentOf(fs)),
        )
      }),
      { numRuns: 6 },
    )
  }, 60_000)
})

function sorted(content: Content): Content {
  return Object.fromEntries(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)))
}
