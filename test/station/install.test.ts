import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type LocalFile, planFiles, type Survey, shortHash } from '../../src/device/files.js'
import { packFiles, type WindowBits } from '../../src/device/install-pack.js'
import { roomNeed } from '../../src/device/room.js'
import { compiledCode, ofFirstVersion, otherVersion, sourceCode } from '../support/station-code.js'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

const sources = otherVersion(sourceCode.files)
const compiled = compiledCode.files
const other = otherVersion(compiled)

interface Update {
  before: LocalFile[]
  after: LocalFile[]
  trial?: boolean
  windowBits?: WindowBits
}

/** The update as files for install_cuts.py, and the blocks of a chip on which it just fits. */
function prepare({ before, after, trial = false, windowBits = 15 }: Update): {
  folder: string
  needed: number
} {
  const survey: Survey = {
    files: before.map(({ name, data }) => ({ name, hash: shortHash(data), size: data.length })),
    store: { blockBytes: 4096, freeBlocks: 0, windowBits },
  }
  const retired = before.map(({ name }) => name)
  const plan = planFiles(after, survey, { retired, data: [] })
  const packs = packFiles(plan, windowBits, trial)
  const folder = temporaryFolder()
  for (const [name, files] of Object.entries({ old: before, new: after })) {
    mkdirSync(join(folder, name))
    for (const file of files) writeFileSync(join(folder, name, file.name), file.data)
  }
  writeFileSync(join(folder, 'rest'), packs.rest)
  const store = { blockBytes: 4096, freeBlocks: 0, windowBits }
  return { folder, needed: roomNeed(plan, packs, store, trial).neededBytes / 4096 }
}

async function run(...args: (string | number)[]): Promise<Record<string, unknown>[]> {
  const { results, text, code } = await python('install_cuts.py', { args: args.map(String) })
  expect(code, text).toBe(0)
  return results
}

/** The blocks of vfs on a board with room for the queue (src/device/partitions.ts). */
const vfsBlocks = 64

const updates: [string, Update][] = [
  [
    'the first version, most of it source',
    { before: ofFirstVersion(partly(sources)), after: compiled },
  ],
  ['compiled code', { before: other, after: compiled }],
  ['compiled code, on trial', { before: other, after: compiled, trial: true }],
  ['compiled code, without deflate', { before: other, after: compiled, windowBits: 0 }],
]

/** Small files only, so that every operation can be cut. */
const few: Update = {
  before: sources.filter(({ name }) => /^(boot|main|bus|crc|install)\.py$/.test(name)),
  after: compiled.filter(({ name }) => /^(boot.py|main.py|bus.mpy|led.mpy|install.py)$/.test(name)),
}

/** Source but for the largest files. */
function partly(files: LocalFile[]): LocalFile[] {
  return files.map((file) => {
    const name = file.name.replace('.py', '.mpy')
    const short = other.find((one) => one.name === name)
    return file.data.length > 10_000 && short ? short : file
  })
}

describe.skipIf(missing)(`an update on littlefs in real MicroPython ${missing ?? ''}`, () => {
  it.each(updates)('over %s, fits where the plan says so', async (_name, update) => {
    const { folder, needed } = prepare(update)
    const [whole] = await run(folder, vfsBlocks)
    // The push itself is the first boot of three; the one behind them brings the old files back.
    const trial = { confirmed: [null, 'new'], boots: [3, 'old'] }
    expect(whole).toMatchObject({ found: 'new', trial: update.trial ? trial : false })
    const free = Number(whole?.free)
    const [tight] = await run(folder, vfsBlocks - free + needed)
    expect(tight).toMatchObject({ free: needed, found: 'new' })
    // The plan reckons with a list of files that grows by two blocks: not with more.
    const [short] = await run(folder, vfsBlocks - free + needed - 3)
    expect(short).toMatchObject({ error: '28' })
  })

  it.each([
    ...updates.map(([name, update]) => [name, update, update.trial ? 89 : 31] as const),
    ['a few files', few, 1] as const,
    ['a few files, on trial', { ...few, trial: true }, 1] as const,
  ])('over %s: old or new, wherever the power fails', async (_name, update, step) => {
    const { folder } = prepare(update)
    const [whole] = await run(folder, vfsBlocks)
    const cuts = await run(folder, vfsBlocks, 0, Number(whole?.operations), step)
    const found = cuts.map((cut) => cut.found)
    // Once it is the new one, a later cut leaves no older one.
    const commit = found.indexOf('new')
    expect(commit).toBeGreaterThan(cuts.length / 10)
    expect(found).toEqual(found.map((_, i) => (i < commit ? 'old' : 'new')))
    const trials = cuts.slice(commit).map(({ trial }) => trial)
    // A cut boot counts as a boot: one more or less of them, and the old files are back.
    const trial = { confirmed: [null, 'new'], boots: [expect.any(Number), 'old'] }
    expect(trials).toEqual(trials.map(() => (update.trial ? trial : false)))
  })
})
