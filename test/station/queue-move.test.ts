import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StoredFile, StoredNode } from '../../src/device/littlefs.js'
import type { Loader } from '../../src/device/loader.js'
import { findUnsent } from '../../src/device/moved-queue.js'
import { queueRegions, withQueue } from '../../src/device/queue-files.js'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

const records = 4000

/** A folder of this computer as the board's file system would list it. */
function filesOf(folder: string): StoredFile[] {
  return readdirSync(folder).map((name) => {
    const data = new Uint8Array(readFileSync(join(folder, name)))
    return {
      ...{ kind: 'file', name: Buffer.from(name), attributes: new Map(), size: data.length },
      read: async () => data,
    }
  })
}

/** A chip whose flash is the file. */
function chipOf(path: string): Loader {
  const flash = readFileSync(path)
  const piece = (at: number, size: number): Uint8Array =>
    new Uint8Array(flash.subarray(at, at + size))
  return {
    md5: async (at: number, size: number) =>
      createHash('md5').update(piece(at, size)).digest('hex'),
    readAll: async (at: number, size: number) => piece(at, size),
  } as unknown as Loader
}

/** Puts files where the board would have them. */
async function layDown(nodes: StoredNode[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  for (const node of nodes) {
    const path = join(folder, Buffer.from(node.name).toString())
    if (node.kind === 'folder') await layDown(node.children, path)
    else writeFileSync(path, await node.read())
  }
}

async function run(...args: string[]): Promise<Record<string, unknown>> {
  const { results, code, text } = await python('queue_move.py', { args, heap: '32m' })
  if (code !== 0) throw new Error(text)
  return results[0] ?? {}
}

describe.skipIf(missing)(`a queue in files, in real MicroPython ${missing ?? ''}`, () => {
  it.each([
    ['a larger partition, and reads on', 250, 448],
    ['a larger one, after the files came round', 5, 448],
    ['one as small as the files were', 5, 5],
  ])('moves into %s', async (_, filePages, partitionPages) => {
    const folder = temporaryFolder()
    const before = await run('write', join(folder, 'records'), String(filePages))
    const queue = {
      ...{ label: 'wxqueue', type: 'data' as const, subtype: 0x40, flags: 0 },
      ...{ offset: 0x240000, size: partitionPages * 4096 },
    }
    const flash = new Uint8Array(queue.size).fill(0xff)
    const children = filesOf(join(folder, 'records'))
    const folderNode = {
      ...{ kind: 'folder' as const, name: Buffer.from('records'), attributes: new Map(), children },
    }
    for (const { address, bytes } of await queueRegions([folderNode], queue))
      flash.set(bytes, address - queue.offset)
    const file = join(folder, 'partition.bin')
    writeFileSync(file, flash)
    const after = await run('read', file)
    const kept = records - Number(before.acked)
    expect(after).toMatchObject({
      acked: before.acked,
      before: { first: before.acked, last: records - 1, count: kept, damaged: 0 },
      after: { first: before.acked, last: records, count: kept + 1, damaged: 0 },
    })
  })

  it.each([
    ['the larger partition of a board with 4 MB', 448],
    ['a partition that came round', 6],
  ])('moves into files from %s, and reads on', async (_, partitionPages) => {
    const folder = temporaryFolder()
    const file = join(folder, 'partition.bin')
    const before = await run('fill', file, String(partitionPages))
    const size = partitionPages * 4096
    const pages = await findUnsent(chipOf(file), { offset: 0, size }, () => {})
    const nodes = withQueue([], pages, 512) ?? []
    await layDown(nodes, folder)
    const count = readFileSync(join(folder, 'records.pages'), 'utf8')
    const after = await run('open', join(folder, 'records'), count)
    const kept = records - Number(before.acked)
    // Pages that were sent, or dropped, stay behind.
    expect(pages[0]?.number).toBeGreaterThan(0)
    expect(after).toMatchObject({
      acked: before.acked,
      before: { first: before.acked, last: records - 1, count: kept, damaged: 0 },
      after: { first: before.acked, last: records, count: kept + 1, damaged: 0 },
    })
  })
})
