import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Flash, makeSharedFlash, PowerLost } from '../../../src/sandbox/board/flash.js'
import { FileSystemError } from '../../../src/sandbox/board/littlefs/device.js'
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
  type Step,
  sorted,
  step,
  steps,
} from '../../support/littlefs.js'

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

describe.skipIf(missingOriginal)(`LittleFs against the original${missingOriginal ?? ''}`, () => {
  const blocks = 48

  it('writes what the original reads, and reads what it changes', () => {
    fc.assert(
      fc.property(steps, steps, (first, second) => {
        const flash = freshFlash(blocks)
        const fs = LittleFs.mount(deviceOver(flash))
        for (const one of first) apply(fs, one)
        const image = flash.read(0, flash.size)
        expect(sorted(originalContent(image))).toEqual(sorted(contentOf(fs)))
        const allowed = second.filter((one) => apply(fs, one))
        const changed = new Flash(makeSharedFlash(flash.size, changedByOriginal(image, allowed)))
        expect(sorted(contentOf(LittleFs.mount(deviceOver(changed))))).toEqual(
          sorted(contentOf(fs)),
        )
      }),
      { numRuns: 6 },
    )
  }, 60_000)
})
