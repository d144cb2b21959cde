import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { applyFiles, type LocalFile, planFiles, surveyFiles } from '../../../src/device/files.js'
import type { Link } from '../../../src/device/link.js'
import { enterRawRepl } from '../../../src/device/raw-repl.js'
import { WxError } from '../../../src/errors.js'
import { micropythonOnPty, missingMicroPython } from '../../support/micropython.js'
import { testSystem } from '../../support/system.js'

const firmware = (name: string): Uint8Array =>
  readFileSync(new URL(`../../../firmware/micropython/${name}`, import.meta.url))

const version = (n: number): LocalFile[] => [
  { name: 'boot.py', data: firmware('boot.py') },
  { name: 'install.py', data: firmware('install.py') },
  ...['main.py', 'config.py', 'sensor.py', 'station.json'].map((name) => ({
    name,
    data: Buffer.from(`# version ${n} of ${name}\n${`x = ${n}\n`.repeat(30 + name.length)}`),
  })),
]

/** A link whose power supply fails after so many bytes to the board. */
function failing(link: Link, after: number, cutPower: () => Promise<void>): Link {
  let left = after
  const gone = (): WxError => new WxError('PORT_LOST', 'The power failed.')
  const wrapped: Link = Object.create(link, {
    write: {
      async value(bytes: Uint8Array) {
        if (left <= 0) throw gone()
        await link.write(bytes.subarray(0, left))
        left -= bytes.length
        if (left > 0) return
        await cutPower()
        throw gone()
      },
    },
    read: {
      value: (ms: number) => (left <= 0 ? Promise.reject(gone()) : link.read(ms)),
    },
    unread: { value: (bytes: Uint8Array) => link.unread(bytes) },
    drain: { value: () => link.drain() },
    close: { value: () => link.close() },
  })
  return wrapped
}

/** What a boot makes of the folder: an old station's boot.py may be missing. */
function boot(board: { folder: string; run(code: string): string }): void {
  if (existsSync(join(board.folder, 'boot.py')))
    board.run("import install; install.ROOT = './'; install.run()")
}

function stationIn(folder: string): Map<string, string> {
  return new Map(
    readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
  )
}

const asMap = (files: LocalFile[]): Map<string, string> =>
  new Map(files.map(({ name, data }) => [name, Buffer.from(data).toString('utf8')]))

const skip = missingMicroPython === undefined ? '' : ` (skipped: ${missingMicroPython})`

describe.skipIf(skip)(`a power cut during a push, with real MicroPython${skip}`, () => {
  const names = { retired: [], data: [] }

  async function push(
    before: LocalFile[],
    after: LocalFile[],
    cutAt: number,
  ): Promise<'old' | 'new'> {
    const board = await micropythonOnPty()
    for (const { name, data } of before) writeFileSync(join(board.folder, name), data)
    const link = failing(board.link, cutAt, board.cutPower)
    let failure: unknown
    try {
      const repl = await enterRawRepl(link, { fresh: false }, testSystem())
      await applyFiles(repl, planFiles(after, await surveyFiles(repl, after), names))
    } catch (error) {
      failure = error
    }
    if (failure) {
      expect(failure).toMatchObject({ code: 'PORT_LOST' })
      boot(board)
    }
    const station = stationIn(board.folder)
    const isNew = station.get('main.py') === asMap(after).get('main.py')
    expect(station, `cut at byte ${cutAt}`).toEqual(asMap(isNew ? after : before))
    if (station.has('boot.py')) expect(existsSync(join(board.folder, '.next'))).toBe(false)
    await board.link.close()
    return failure ? (isNew ? 'new' : 'old') : 'new'
  }

  it('leaves the old or the new station at every 64th byte of an update', async () => {
    const outcomes: string[] = []
    for (let cutAt = 64; ; cutAt += 64) {
      const outcome = await push(version(1), version(2), cutAt)
      outcomes.push(outcome)
      if (outcome === 'new') break
    }
    // The commit is the last thing sent: nearly every cut leaves the old station.
    expect(outcomes.length).toBeGreaterThan(30)
    expect(outcomes.slice(0, -1).every((one) => one === 'old')).toBe(true)
  }, 120_000)

  it('leaves nothing or the new station on an empty board', async () => {
    for (const cutAt of [200, 1000, 2000, 3000, 4000]) await push([], version(2), cutAt)
  })
})

/** Loses one byte of the commit: `main.py` in the manifest becomes `mai.py`. */
function losingInManifest(link: Link): { link: Link; lost: () => boolean } {
  let sent = ''
  let lost = false
  const wrapped: Link = Object.create(link, {
    write: {
      value(bytes: Uint8Array) {
        const before = sent.length
        sent += Buffer.from(bytes).toString('latin1')
        const name = sent.indexOf('main.py', Math.max(0, sent.indexOf('order')))
        const at = name + 3 - before
        if (lost || !sent.includes('order') || name < 0 || at < 0 || at >= bytes.length)
          return link.write(bytes)
        lost = true
        return link.write(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]))
      },
    },
    read: { value: (ms: number) => link.read(ms) },
    unread: { value: (bytes: Uint8Array) => link.unread(bytes) },
    drain: { value: () => link.drain() },
    close: { value: () => link.close() },
  })
  return { link: wrapped, lost: () => lost }
}

describe.skipIf(skip)(`a byte lost in the commit, with real MicroPython${skip}`, () => {
  it('costs a second push, never a file', async () => {
    const board = await micropythonOnPty()
    for (const { name, data } of version(1)) writeFileSync(join(board.folder, name), data)
    const { link, lost } = losingInManifest(board.link)
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    const wanted = version(2)
    const plan = planFiles(wanted, await surveyFiles(repl, wanted), { retired: [], data: [] })
    await applyFiles(repl, plan)
    expect(lost()).toBe(true)
    expect(stationIn(board.folder)).toEqual(asMap(wanted))
    await link.close()
  })
})

describe.skipIf(skip)(`install.py with real MicroPython${skip}`, () => {
  const manifest = (trial: boolean, files: LocalFile[], remove: string[]): string =>
    JSON.stringify({ order: files.map(({ name }) => name), remove, trial })

  /** Runs install.run() with the power failing at its n-th change of the file system. */
  const cutting = (n: number): string => `
import os
left = ${n}
class Cut(Exception): pass
def wrap(name):
    real = getattr(os, name)
    def call(*args):
        global left
        left -= 1
        if left < 0: raise Cut
        return real(*args)
    return call
class Os:
    def __getattr__(self, name): return getattr(os, name)
    rename = staticmethod(wrap('rename'))
    remove = staticmethod(wrap('remove'))
    rmdir = staticmethod(wrap('rmdir'))
    mkdir = staticmethod(wrap('mkdir'))
class Timer:
    ONE_SHOT = 0
    def __init__(self, *a): pass
    def init(self, **k): pass
    def deinit(self): pass
class Machine: pass
Machine.Timer = Timer
import sys
sys.modules['machine'] = Machine
import install
install.ROOT = './'
install.os = Os()
try:
    install.run()
    print('done')
except Cut:
    print('cut')
`

  it.each([false, true])(
    'finishes a committed install whatever a cut interrupts (trial %s)',
    async (trial) => {
      const board = await micropythonOnPty()
      const [before, after] = [version(1), version(2)]
      for (let n = 0; ; n++) {
        for (const name of readdirSync(board.folder))
          rmSync(join(board.folder, name), { recursive: true })
        for (const { name, data } of before) writeFileSync(join(board.folder, name), data)
        writeFileSync(join(board.folder, 'gone.py'), 'retired')
        mkdirSync(join(board.folder, '.next'))
        for (const { name, data } of after) writeFileSync(join(board.folder, '.next', name), data)
        writeFileSync(
          join(board.folder, '.next', 'manifest.json'),
          manifest(trial, after, ['gone.py']),
        )
        const first = board.run(cutting(n)).trim().split('\n').at(-1)
        board.run(cutting(1000))
        expect(stationIn(board.folder), `cut at ${n}`).toEqual(asMap(after))
        expect(existsSync(join(board.folder, '.old'))).toBe(trial)
        if (trial) {
          // The way back is whole too: nobody confirmed.
          board.run(`${cutting(1000)}\ninstall.revert()`)
          expect(stationIn(board.folder), `reverted after ${n}`).toEqual(
            new Map([...asMap(before), ['gone.py', 'retired']]),
          )
        }
        if (first === 'done') break
        expect(n).toBeLessThan(80)
      }
    },
    120_000,
  )

  it('drops the old files when the new ones are confirmed, and gives up after three boots', async () => {
    const board = await micropythonOnPty()
    const trialOf = (files: LocalFile[]): void => {
      mkdirSync(join(board.folder, '.next'))
      for (const { name, data } of files) writeFileSync(join(board.folder, '.next', name), data)
      writeFileSync(join(board.folder, '.next', 'manifest.json'), manifest(true, files, []))
    }
    for (const { name, data } of version(1)) writeFileSync(join(board.folder, name), data)
    trialOf(version(2))
    board.run(cutting(1000))
    board.run(`${cutting(1000)}\ninstall.confirm()`)
    expect(existsSync(join(board.folder, '.old'))).toBe(false)

    trialOf(version(3))
    const resets = `${cutting(1000).replace('class Machine: pass', "class Machine:\n    @staticmethod\n    def reset():\n        print('reset')\n        raise SystemExit")}`
    const boots = [1, 2, 3, 4].map(() => board.run(resets))
    expect(boots.map((text) => text.includes('reset'))).toEqual([false, false, false, true])
    expect(stationIn(board.folder)).toEqual(asMap(version(2)))
  })
})
