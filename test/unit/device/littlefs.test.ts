import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readLittleFs, type StoredNode } from '../../../src/device/littlefs.js'
import { hasRoom, makeLittleFs } from '../../../src/device/littlefs-image.js'
import { WxError } from '../../../src/errors.js'
import { type Flash, PowerLost } from '../../../src/sandbox/board/flash.js'
import { LittleFs } from '../../../src/sandbox/board/littlefs/littlefs.js'
import {
  apply,
  blockSize,
  type Content,
  changedByOriginal,
  contentOf,
  deviceOver,
  freshFlash,
  missingOriginal,
  originalContent,
  sorted,
  step,
  steps,
} from '../../support/littlefs.js'

const blocks = 48

function read(image: Uint8Array): Promise<StoredNode[] | undefined> {
  return readLittleFs(image.length / blockSize, async (block) =>
    image.slice(block * blockSize, (block + 1) * blockSize),
  )
}

function imageOf(flash: Flash): Uint8Array {
  return flash.read(0, flash.size)
}

async function contentOfNodes(nodes: StoredNode[], folder = ''): Promise<Content> {
  const found: Content = {}
  for (const node of nodes) {
    const path = `${folder}/${Buffer.from(node.name).toString()}`
    if (node.kind === 'file') found[path] = Buffer.from(await node.read()).toString('hex')
    else Object.assign(found, { [path]: null }, await contentOfNodes(node.children, path))
  }
  return found
}

/** The files in a file system of another size, with what the last use of the flash left behind them. */
async function moved(nodes: StoredNode[], count: number): Promise<Uint8Array> {
  const image = new Uint8Array(count * blockSize).fill(0x5a)
  image.set(await makeLittleFs(nodes, count))
  return image
}

describe('a littlefs', () => {
  it('is read as its driver reads it, and again after a move into another size', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const flash = freshFlash(blocks)
        const fs = LittleFs.mount(deviceOver(flash))
        for (const one of list) apply(fs, one)
        const nodes = (await read(imageOf(flash))) ?? []
        expect(sorted(await contentOfNodes(nodes))).toEqual(sorted(contentOf(fs)))
        const again = (await read(await moved(nodes, 60))) ?? []
        expect(sorted(await contentOfNodes(again))).toEqual(sorted(contentOf(fs)))
      }),
      { numRuns: 40 },
    )
  })

  it('is read as its driver repairs it, wherever a power cut left it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), step, async (before, last) => {
        for (let cut = 1; cut < 60; cut++) {
          const flash = freshFlash(blocks)
          const fs = LittleFs.mount(deviceOver(flash))
          for (const one of before) apply(fs, one)
          flash.cutPowerAt(cut, 0x2d)
          let isCut = false
          try {
            apply(fs, last)
          } catch (error) {
            if (!(error instanceof PowerLost)) throw error
            isCut = true
          }
          if (!isCut) return
          flash.cutPowerAt(0)
          flash.powerOn()
          const nodes = (await read(imageOf(flash))) ?? []
          const repaired = contentOf(LittleFs.mount(deviceOver(flash)))
          expect(sorted(await contentOfNodes(nodes))).toEqual(sorted(repaired))
        }
      }),
      { numRuns: 15 },
    )
  }, 30_000)

  it('keeps hundreds of names, deep folders and the times of files through a move', async () => {
    const flash = freshFlash(blocks)
    const fs = LittleFs.mount(deviceOver(flash))
    for (let i = 0; i < 150; i++) apply(fs, ['w', `/name-of-some-length-${i}`, '0102'])
    for (const path of ['/a', '/a/b', '/a/b/c']) apply(fs, ['mkdir', path])
    apply(fs, ['w', '/a/b/c/deep.py', '03'.repeat(30_000)])
    fs.setAttribute('/a/b/c/deep.py', 1, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
    const image = await moved((await read(imageOf(flash))) ?? [], 64)
    const other = freshFlash(64)
    for (let block = 0; block < 64; block++) other.eraseSector(block * blockSize)
    other.program(0, image)
    const mounted = LittleFs.mount(deviceOver(other))
    expect(sorted(contentOf(mounted))).toEqual(sorted(contentOf(fs)))
    expect([...(mounted.stat('/a/b/c/deep.py').attributes.get(1) ?? [])]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ])
  })

  it.each([
    ['nothing', new Uint8Array(8 * blockSize).fill(0xff)],
    ['another file system', new Uint8Array(8 * blockSize).fill(0x11)],
    ['one of another size', imageOf(freshFlash(16)).slice(0, 8 * blockSize)],
  ])('is not found in %s', async (_, image) => {
    expect(await read(image)).toBeUndefined()
  })

  it('that is damaged is refused or read, and ends', async () => {
    const flash = freshFlash(blocks)
    const fs = LittleFs.mount(deviceOver(flash))
    for (const path of ['/x', '/y']) apply(fs, ['mkdir', path])
    for (const path of ['/a', '/x/b', '/y/c']) apply(fs, ['w', path, 'ab'.repeat(9000)])
    const sound = imageOf(flash)
    const used = sound.length - 1 - [...sound].reverse().findIndex((byte) => byte !== 0xff)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(used), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        async (damage) => {
          const image = sound.slice()
          for (const [at, byte] of damage) image[at] = byte
          try {
            await contentOfNodes((await read(image)) ?? [])
          } catch (error) {
            expect(error).toBeInstanceOf(WxError)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('has room for what leaves it some blocks to work with, and for no more', async () => {
    const file = (size: number): StoredNode => ({
      ...{ kind: 'file', name: Buffer.from('f'), attributes: new Map(), size },
      read: async () => new Uint8Array(size),
    })
    // Two blocks for the root and four spare ones leave ten of sixteen; each holds a pointer or more.
    expect(hasRoom([file(10 * blockSize - 100)], 16)).toBe(true)
    expect(hasRoom([file(10 * blockSize + 1)], 16)).toBe(false)
    expect(await makeLittleFs([file(10 * blockSize - 100)], 16)).toHaveLength(12 * blockSize)
  })
})

describe.skipIf(missingOriginal)(`against the original${missingOriginal ?? ''}`, () => {
  it('reads what the original wrote, and writes what the original reads and changes', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, async (first, second) => {
        const flash = freshFlash(blocks)
        const fs = LittleFs.mount(deviceOver(flash))
        const allowed = first.filter((one) => apply(fs, one))
        const original = changedByOriginal(imageOf(freshFlash(blocks)), allowed)
        const nodes = (await read(original)) ?? []
        expect(sorted(await contentOfNodes(nodes))).toEqual(sorted(contentOf(fs)))
        const image = await moved(nodes, 64)
        expect(sorted(originalContent(image))).toEqual(sorted(contentOf(fs)))
        const more = second.filter((one) => apply(fs, one))
        const changed = (await read(changedByOriginal(image, more))) ?? []
        expect(sorted(await contentOfNodes(changed))).toEqual(sorted(contentOf(fs)))
      }),
      { numRuns: 3 },
    )
  }, 60_000)
})
