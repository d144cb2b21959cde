import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { StoredFile } from '../../src/device/littlefs.js'
import { queueRegions } from '../../src/device/queue-files.js'
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
})
