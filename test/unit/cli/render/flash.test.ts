import { expect, it } from 'vitest'
import { factLines } from '../../../../src/cli/render/facts.js'
import { boardLines } from '../../../../src/cli/render/flash.js'
import { makePaint } from '../../../../src/cli/render/paint.js'
import { doneText } from '../../../../src/cli/render/stages.js'

const paint = makePaint(false)
const dashed = (name: string): string => name.replaceAll(' ', '-')
const board = {
  ...{ port: '/dev/ttyUSB0', mac: '24:0a:c4:12:34:56', chip: 'ESP32', revision: 301 },
  ...{ flashSizeBytes: 4 * 1024 * 1024, flashId: 0x164020, isSecured: false },
}
const table = (...parts: [string, string | number, number, number][]) =>
  parts.map(([label, type, offset, size]) => ({ label, type, offset, size }))
const app = {
  project: 'micropython',
  version: 'v1.29.0',
  date: 'Aug 24 2026',
  idfVersion: 'v5.5.1',
}

it.each([
  ['over a bridge', { ...board, bridge: 'CP2102/CP2104' }],
  ['over something unknown', board],
  ['with its flash closed', { ...board, flashSizeBytes: 0, isSecured: true, bridge: 'CH9102' }],
])('a board %s', async (name, values) => {
  const lines = factLines({ kind: 'chip', values }, paint)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
    `../../../golden/flash/board-${dashed(name)}.txt`,
  )
})

it.each([
  ['secured', { isSecured: true, partitions: [] }],
  ['empty', { isSecured: false, partitions: [] }],
  [
    'with the queue',
    {
      ...{ isSecured: false, app },
      partitions: table(
        ['nvs', 'data', 0x9000, 0x6000],
        ['factory', 'app', 0x10000, 0x1f0000],
        ['vfs', 'data', 0x200000, 0x40000],
        ['wxqueue', 'data', 0x240000, 0x1c0000],
      ),
    },
  ],
  [
    'with the official layout',
    { isSecured: false, app, partitions: table(['vfs', 'data', 0x200000, 0x200000]) },
  ],
  [
    'with other firmware and no app that says its name',
    { isSecured: false, partitions: table(['mine', 0x40, 0x10000, 0x1000]) },
  ],
])('board info of a chip %s', async (name, seen) => {
  await expect(`${boardLines(seen).join('\n')}\n`).toMatchFileSnapshot(
    `../../../golden/flash/info-${dashed(name)}.txt`,
  )
})

const plan = {
  ...{ nothingToDo: false, eraseAll: false, sectors: 438, sectorsToWrite: 412 },
  ...{ queueBytes: 0x1c0000, losesFiles: false, loses: '', erases: '' },
}

it.each([
  ['of a new board', { ...plan, files: 'none' }],
  ['that leaves files', { ...plan, files: 'stay' }],
  [
    'that moves files',
    { ...plan, files: 'move', movingFiles: 23, movingBytes: 41_200, loses: 'vfs' },
  ],
  [
    'over files and a queue',
    { ...plan, files: 'move', movingFiles: 2, movingBytes: 800, loses: 'vfs wxqueue' },
  ],
  [
    'over files that do not fit',
    { ...plan, files: 'move', movingFiles: 3, movingBytes: 4500, loses: 'vfs', filesFit: false },
  ],
  ['over files that cannot be read', { ...plan, files: 'move', loses: 'vfs' }],
  ['after a cut', { ...plan, files: 'put-back' }],
  ['over Espruino', { ...plan, queueBytes: 0, files: 'none', loses: 'storage' }],
  ['that erases', { ...plan, eraseAll: true, files: 'erased' }],
  ['of an app alone', { ...plan, queueBytes: 0, files: 'unknown' }],
  ['of nothing', { ...plan, nothingToDo: true, sectorsToWrite: 0, files: 'stay' }],
])('a plan %s', async (name, values) => {
  const lines = factLines({ kind: 'flash-plan', values }, paint)
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
    `../../../golden/flash/plan-${dashed(name)}.txt`,
  )
})

it.each([
  ['heard', { answered: true, saidWho: true }],
  ['started without a word', { answered: true, saidWho: false }],
  ['not heard on a port without lines', { answered: false }],
  ['gone from the bus', { answered: false, isGone: true }],
])('the end of a job whose firmware is %s', async (name, how) => {
  const values = { state: 'flashed', runtime: 'micropython', version: '1.29.0', ...how }
  const text = doneText({ type: 'done', stage: 'boot', elapsedMs: 17_400, values })
  await expect(`${text}\n`).toMatchFileSnapshot(`../../../golden/flash/end-${dashed(name)}.txt`)
})
