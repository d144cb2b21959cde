import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Flash, makeSharedFlash } from '../../src/sandbox/board/flash.js'
import type { BlockDevice } from '../../src/sandbox/board/littlefs/device.js'
import { FileSystemError } from '../../src/sandbox/board/littlefs/device.js'
import { LittleFs } from '../../src/sandbox/board/littlefs/littlefs.js'
import { isMissing, pythonTools } from './python.js'
import { temporaryFolder } from './system.js'

export const blockSize = 4096

export function deviceOver(flash: Flash): BlockDevice {
  return {
    blockSize,
    blockCount: flash.size / blockSize,
    read: (block, offset, size) => flash.read(block * blockSize + offset, size),
    program: (block, offset, bytes) => flash.program(block * blockSize + offset, bytes),
    erase: (block) => flash.eraseSector(block * blockSize),
  }
}

export function freshFlash(blocks: number): Flash {
  const flash = new Flash(makeSharedFlash(blocks * blockSize))
  LittleFs.format(deviceOver(flash))
  return flash
}

export type Step =
  | ['w' | 'a', string, string]
  | ['mkdir', string]
  | ['remove', string]
  | ['rename', string, string]

/** Path to content in hexadecimal; null for a folder. */
export type Content = Record<string, string | null>

export function contentOf(fs: LittleFs, folder = ''): Content {
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
export function apply(fs: LittleFs, step: Step): boolean {
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
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('w' as const, 'a' as const), path, content) },
  fc.tuple(fc.constant('mkdir' as const), fc.constantFrom('/x', '/y', '/x/z')),
  fc.tuple(fc.constant('remove' as const), fc.oneof(path, fc.constantFrom('/x', '/y', '/x/z'))),
  fc.tuple(
    fc.constant('rename' as const),
    fc.oneof(path, fc.constantFrom('/x', '/y')),
    fc.oneof(path, fc.constantFrom('/x', '/y')),
  ),
)
export const steps = fc.array(step, { minLength: 1, maxLength: 25 })

const python = pythonTools(['littlefs-python'])
const oracle = fileURLToPath(new URL('./littlefs-oracle.py', import.meta.url))

/** Why there is no original to compare with; undefined where there is. */
export const missingOriginal = isMissing(python) ? `: ${python.missing}` : undefined

/** Runs the original littlefs (littlefs-python) over an image. */
function original(command: string, image: Uint8Array, list: Step[]): { out: string; path: string } {
  if (isMissing(python)) throw new Error(python.missing)
  const path = join(temporaryFolder(), 'image')
  writeFileSync(path, image)
  const { status, stdout, stderr } = spawnSync(
    python.python,
    [oracle, command, path, String(image.length / blockSize)],
    { input: JSON.stringify(list), encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(stderr)
  return { out: stdout, path }
}

/** What the original finds in an image. */
export function originalContent(image: Uint8Array): Content {
  return JSON.parse(original('read', image, []).out) as Content
}

/** The image after the original has done these steps to it. */
export function changedByOriginal(image: Uint8Array, list: Step[]): Uint8Array {
  return readFileSync(original('change', image, list).path)
}

export function sorted(content: Content): Content {
  return Object.fromEntries(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)))
}
