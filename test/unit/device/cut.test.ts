import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type LocalFile, planFiles, surveyFiles } from '../../../src/device/files.js'
import type { Link } from '../../../src/device/link.js'
import { applyFiles } from '../../../src/device/push.js'
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

/** The same as its first version would have it, whose install.py knows no packs. */
const ofFirstVersion = (files: LocalFile[]): LocalFile[] =>
  files.map(({ name, data }) =>
    name === 'install.py' ? { name, data: readFileSync(firstInstaller) } : { name, data },
  )
const firstInstaller = new URL('../../support/first-version/install.py', import.meta.url)
const installer = Buffer.from(firmware('install.py')).toString('utf8')
const isPacked = (station: Map<string, string>): boolean => station.get('install.py') === installer
const isHidden = (name: string): boolean => name.startsWith('.')

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
    const expected = asMap(isNew ? after : before)
    // install.py goes first and alone: it serves the old files as well.
    if (isPacked(station)) expected.set('install.py', installer)
    expect(station, `cut at byte ${cutAt}`).toEqual(expected)
    if (isPacked(station)) expect(readdirSync(board.folder).filter(isHidden)).toEqual([])
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

  it('leaves the old or the new station where the first version is replaced', async () => {
    for (let cutAt = 200; ; cutAt += 320)
      if ((await push(ofFirstVersion(version(1)), version(2), cutAt)) === 'new') break
  })

  it('finishes what the first version committed and did not finish, before it compares', async () => {
    const board = await micropythonOnPty()
    for (const { name, data } of ofFirstVersion(version(1)))
      writeFileSync(join(board.folder, name), data)
    mkdirSync(join(board.folder, '.next'))
    const half = version(2).filter(({ name }) => /^(config|sensor|main)/.test(name))
    for (const { name, data } of half) writeFileSync(join(board.folder, '.next', name), data)
    const manifest = { order: half.map(({ name }) => name), remove: [], trial: false }
    writeFileSync(join(board.folder, '.next', 'manifest.json'), JSON.stringify(manifest))
    const repl = await enterRawRepl(board.link, { fresh: false }, testSystem())
    const plan = planFiles(version(2), await surveyFiles(repl, version(2)), names)
    expect(plan.change.map(({ name }) => name).sort()).toEqual(['install.py', 'station.json'])
    await applyFiles(repl, plan)
    expect(stationIn(board.folder)).toEqual(asMap(version(2)))
    expect(readdirSync(board.folder).filter(isHidden)).toEqual([])
  })

  it('leaves nothing or the new station on an empty board', async () => {
    for (const cutAt of [200, 1000, 2000, 3000, 4000]) await push([], version(2), cutAt)
  })
})

/** Loses one byte of the commit: of the name that makes the pack count. */
function losingInCommit(link: Link): { link: Link; lost: () => boolean } {
  let sent = ''
  let lost = false
  const wrapped: Link = Object.create(link, {
    write: {
      value(bytes: Uint8Array) {
        const before = sent.length
        sent += Buffer.from(bytes).toString('latin1')
        const at = sent.lastIndexOf(".next.pack')\\n if has") + 3 - before
        if (lost || at < 0 || at >= bytes.length) return link.write(bytes)
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
    const { link, lost } = losingInCommit(board.link)
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    const wanted = version(2)
    const plan = planFiles(wanted, await surveyFiles(repl, wanted), { retired: [], data: [] })
    await applyFiles(repl, plan)
    expect(lost()).toBe(true)
    expect(stationIn(board.folder)).toEqual(asMap(wanted))
    await link.close()
  })
})
