import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeSystem } from '../../../src/system/node.js'
import type { Files } from '../../../src/system.js'
import { bench, type StreamBench, sorted, weatherCsv } from '../../support/stream-bench.js'
import { cli } from '../../support/system.js'

const { files, fetch } = nodeSystem()

/** A disk whose files take a piece of each write, and nothing once it holds `room` bytes. */
function tightDisk(room: number): Files {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  })
  const wrapped = (file: FileHandle): FileHandle =>
    new Proxy(file, {
      get(target, name) {
        if (name === 'write')
          return async (bytes: Uint8Array, at: number, length: number, position: number) => {
            const taken = Math.min(length, 5000, room - position)
            if (taken <= 0) throw full
            return target.write(bytes, at, taken, position)
          }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  return {
    ...files,
    open: async (path, flags, mode) => wrapped(await files.open(path, flags, mode)),
  }
}

async function filled(
  rows = 5000,
): Promise<StreamBench & { text: string; read(name: string): string }> {
  const here = await bench()
  const text = weatherCsv(rows, 3)
  writeFileSync(join(here.folder, 'in.csv'), text)
  await here.run(['stream', 'import', 'in.csv', 'garden'])
  return { ...here, text, read: (name) => readFileSync(join(here.folder, name), 'utf8') }
}

describe('a file of export', () => {
  it.each(['csv', 'ndjson', 'parquet'])(
    'is whole where the disk takes %s a piece at a time',
    async (format) => {
      const { run, read } = await filled()
      await run(['stream', 'export', 'garden', '-o', `whole.${format}`])
      const tight = { files: tightDisk(Number.POSITIVE_INFINITY) }
      const { code } = await run(['stream', 'export', 'garden', '-o', `tight.${format}`], tight)
      expect(code).toBe(0)
      expect(read(`tight.${format}`)).toBe(read(`whole.${format}`))
    },
  )

  it.each([
    { format: 'csv', room: 400_000, rows: 5000, kept: 5000 },
    { format: 'ndjson', room: 1_000_000, rows: 5000, kept: 5000 },
    // A group of 50,000 records goes out at once, and the disk takes some of it.
    { format: 'parquet', room: 8000, rows: 17_500, kept: 0 },
  ])('goes on as $format once a full disk has room again', async ({ format, room, rows, kept }) => {
    const { run, text, read } = await filled(rows)
    const argv = ['stream', 'export', 'garden', '-o', `out.${format}`]
    const { code, err } = await run(argv, { files: tightDisk(room) })
    expect(code).toBe(2)
    expect(err).toContain(`out.${format} cannot be written: the disk is full.`)
    const again = JSON.parse((await run([...argv, '--json'])).out) as { resumedAt: number }
    expect(again).toMatchObject({ records: 3 * rows })
    expect(again.resumedAt).toBeGreaterThanOrEqual(kept)
    await run(['stream', 'create', 'copy', '--no-status'])
    expect((await run(['stream', 'import', `out.${format}`, 'copy'])).code).toBe(0)
    await run(['stream', 'export', 'copy', '-o', 'copy.csv'])
    expect(sorted(read('copy.csv'))).toBe(sorted(text))
  })

  it('never takes the part of one export for that of another', async () => {
    const { run, read, system, text } = await filled()
    const argv = ['stream', 'export', 'garden', '-o', 'out.csv']
    await run(argv, { files: tightDisk(100_000) })
    // As `kill -9`: another range is begun in the same part, and nothing is noted of it any more.
    const killed = system({
      files: {
        ...files,
        write: async (path, ...rest) => {
          if (!path.endsWith('.part.json')) await files.write(path, ...rest)
        },
      },
      fetch: (url, options) => {
        if (url.endsWith('/select')) pages++
        if (pages === 2) killed.interrupt()
        return fetch(url, options)
      },
    })
    let pages = 0
    expect((await cli([...argv, '--since', '2026-11-01T00:30:00Z'], killed)).code).toBe(130)
    expect((await run(argv)).code).toBe(0)
    expect(sorted(read('out.csv'))).toBe(sorted(text))
  })

  it('cannot take the place of a folder, not even with --force', async () => {
    const { run, folder } = await filled()
    mkdirSync(join(folder, 'out.csv'))
    const { code, err } = await run(['stream', 'export', 'garden', '-o', 'out.csv', '--force'])
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining('"out.csv" is a folder.'),
    })
  })

  it.skipIf(process.platform === 'win32')('never takes the place of a pipe or device', async () => {
    const { run, folder } = await bench()
    execFileSync('mkfifo', [join(folder, 'out.csv')])
    const { code, err } = await run(['stream', 'export', 'garden', '-o', 'out.csv', '--force'])
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining('"out.csv" is no file.'),
    })
    expect(statSync(join(folder, 'out.csv')).isFIFO()).toBe(true)
  })
})
