import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPartitionTable, withQueue, writePartitionTable } from '../../src/device/partitions.js'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import type { BlockDevice } from '../../src/sandbox/board/littlefs/device.js'
import { LittleFs } from '../../src/sandbox/board/littlefs/littlefs.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { rememberStation } from '../../src/station/inventory.js'
import { sealedPages } from '../../src/station/queue-pages.js'
import { imageFile, powerCutAt, speakingBoard } from '../support/flashing.js'
import { gatewayEnv, testGateway } from '../support/gateway.js'
import { facts } from '../support/large-image.js'
import {
  apply,
  blockSize,
  type Content,
  contentOf,
  type Step,
  sorted,
} from '../support/littlefs.js'
import { keyEntry, queuePage } from '../support/queue-page.js'
import { cli, type TestSystem, testSystem } from '../support/system.js'

const vfsAt = 0x200000
const stockBytes = 0x200000
const queueBytes = 256 * 1024
const image = buildImage('esp32', facts)

function deviceOn({ flash }: VirtualBoard, sizeBytes: number): BlockDevice {
  return {
    ...{ blockSize, blockCount: sizeBytes / blockSize },
    read: (block, offset, size) => flash.read(vfsAt + block * blockSize + offset, size),
    program: (block, offset, bytes) => flash.program(vfsAt + block * blockSize + offset, bytes),
    erase: (block) => flash.eraseSector(vfsAt + block * blockSize),
  }
}

const files: Step[] = [
  ['w', '/main.py', Buffer.from('import station\n').toString('hex')],
  ['w', '/station.json', 'ab'.repeat(700)],
  ['mkdir', '/lib'],
  ['w', '/lib/driver.mpy', '5c'.repeat(30_000)],
  ['w', '/empty', ''],
]

/** A board with the official layout and these files in its file system. */
async function boardWith(steps: Step[]): Promise<{ board: VirtualBoard; content: Content }> {
  const board = await speakingBoard()
  board.flash.program(0x1000, image)
  const device = deviceOn(board, stockBytes)
  LittleFs.format(device)
  const fs = LittleFs.mount(device)
  for (const step of steps) apply(fs, step)
  return { board, content: sorted(contentOf(fs)) }
}

function contentOn(board: VirtualBoard, sizeBytes = queueBytes): Content {
  return sorted(contentOf(LittleFs.mount(deviceOn(board, sizeBytes))))
}

function savedIn(system: TestSystem): string[] {
  const folder = join(system.folders.data, 'kept-files')
  return existsSync(folder) ? readdirSync(folder) : []
}

function flash({ rfc2217Url }: VirtualBoard, flags: string[], system = testSystem()) {
  return cli(['flash', imageFile(image), ...flags, '-p', rfc2217Url], system)
}

describe('files of a board whose vfs has to move', () => {
  it('are saved, put back and verified with --keep-files, there and back', async () => {
    const { board, content } = await boardWith(files)
    const system = testSystem()
    const there = await flash(board, ['--keep-files'], system)
    expect(there).toMatchObject({ code: 0 })
    expect(there.err).toMatch(/4 files \(31 kB\) must move/)
    expect(there.err).toMatch(/4 files \(31 kB\) saved until they are back on the board: /)
    expect(there.err).toMatch(/the files are back on the board/)
    expect(contentOn(board)).toEqual(content)
    expect(savedIn(system)).toEqual([])
    const back = await flash(board, ['--keep-files', '--stock-partitions'])
    expect(back).toMatchObject({ code: 0 })
    expect(contentOn(board, stockBytes)).toEqual(content)
  })

  it('are back after a cut at any moment and the same command, and private until then', async () => {
    const uncut = await boardWith(files)
    const before = uncut.board.flash.operations
    await flash(uncut.board, ['--keep-files'])
    const all = uncut.board.flash.operations - before
    const cuts = [1, 2, 3, 4, 0.1, 0.3, 0.5, 0.7, 0.9, 1].map((n, i) =>
      i < 4 ? n : Math.floor(n * all),
    )
    const outcomes = await Promise.all(
      cuts.map(async (operation) => {
        const { board, content } = await boardWith(files)
        const system = testSystem()
        const cut = await powerCutAt(
          board,
          operation,
          () => flash(board, ['--keep-files'], system),
          () => system.interrupt(),
        )
        const saved = savedIn(system)
        const mode = saved.map((name) =>
          (statSync(join(system.folders.data, 'kept-files', name)).mode & 0o777).toString(8),
        )
        const { code } = await flash(board, [], testSystem({ folders: system.folders }))
        return {
          ...{ operation, mode, code, saidWhere: /files are safe in .*kept-files/.test(cut.err) },
          ...{ isBack: JSON.stringify(contentOn(board)) === JSON.stringify(content) },
          left: savedIn(system),
        }
      }),
    )
    expect(outcomes).toEqual(
      cuts.map((operation) => ({
        ...{ operation, mode: ['600'], code: 0, saidWhere: true, isBack: true },
        left: [],
      })),
    )
  }, 60_000)

  it('that wait since a cut are let go with --discard-files', async () => {
    const { board } = await boardWith(files)
    const system = testSystem()
    const cut = await powerCutAt(
      board,
      20,
      () => flash(board, ['--keep-files'], system),
      () => system.interrupt(),
    )
    expect(cut.err).toMatch(/files are safe in/)
    expect(savedIn(system)).toHaveLength(1)
    const { folders } = system
    expect((await flash(board, ['--discard-files'], testSystem({ folders }))).code).toBe(0)
    expect(savedIn(system)).toEqual([])
    expect(board.flash.read(vfsAt, 16).every((byte) => byte === 0xff)).toBe(true)
  })

  it.each([
    ['without a word', files, [], /Say --keep-files or --discard-files, or keep the layout/],
    [
      'that are too many, even with --keep-files',
      [['w', '/big', '77'.repeat(250_000)] as Step],
      ['--keep-files'],
      /1 file \(250 kB\), more than the new file system takes[\s\S]*Say --discard-files, or/,
    ],
  ])('%s stop the command before a byte is written', async (_, steps, flags, text) => {
    const { board, content } = await boardWith(steps)
    const before = board.flash.operations
    const { code, err } = await flash(board, flags)
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(text) })
    expect(board.flash.operations).toBe(before)
    expect(contentOn(board, stockBytes)).toEqual(content)
  })

  it('are let go with --discard-files', async () => {
    const { board } = await boardWith(files)
    expect((await flash(board, ['--discard-files'])).code).toBe(0)
    expect(board.flash.read(vfsAt, 16).every((byte) => byte === 0xff)).toBe(true)
  })

  it('are kept with --yes', async () => {
    const { board, content } = await boardWith(files)
    expect((await flash(board, ['--yes'])).code).toBe(0)
    expect(contentOn(board)).toEqual(content)
  })

  it.each<[string, Step[]]>([
    ['an empty file system', []],
    [
      'the boot.py that MicroPython makes',
      [['w', '/boot.py', Buffer.from('# on every boot\n#import esp\n').toString('hex')]],
    ],
  ])('are none where there is only %s', async (_, steps) => {
    const { board } = await boardWith(steps)
    const { code, err } = await flash(board, [])
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/no files to keep/) })
  })

  it('that cannot be read are asked about too', async () => {
    const { board } = await boardWith([])
    for (let at = 0; at < 4; at++) board.flash.eraseSector(vfsAt + at * blockSize)
    board.flash.program(vfsAt, Buffer.from('\xeb\x3c\x90MSDOS5.0', 'latin1'))
    const { code, err } = await flash(board, ['--keep-files'])
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/cannot read/) })
  })

  it('stay where they are when the layout does', async () => {
    const { board, content } = await boardWith(files)
    const { code, err } = await flash(board, ['--stock-partitions', '--force'])
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/files stay/) })
    expect(contentOn(board, stockBytes)).toEqual(content)
  })
})

describe('a queue in files', () => {
  const numbers = [41, 42, 289, 290]
  const pages = numbers.map((number) =>
    queuePage({ number, first: number * 10 }, [
      keyEntry(0, number, true, 1, [215, 480, 221, 101_325]),
    ]),
  )
  const steps: Step[] = [
    ...files,
    ['mkdir', '/records'],
    ['w', '/records.pages', Buffer.from('250').toString('hex')],
    // The last file of a station that lost its power ends where it was last flushed.
    ...pages.map((page, i): Step => {
      const used = i === pages.length - 1 ? page.subarray(0, 71) : page
      return ['w', `/records/${(numbers[i] ?? 0) % 250}`, Buffer.from(used).toString('hex')]
    }),
    ['w', '/records/7', 'ff'.repeat(300)],
  ]

  it('moves into its partition, where the station reads on, whatever cuts the job', async () => {
    const first = await boardWith(steps)
    const before = first.board.flash.operations
    expect((await flash(first.board, ['--keep-files'])).code).toBe(0)
    const all = first.board.flash.operations - before
    const cut = await Promise.all(
      [0.05, 0.2, 0.4, 0.6, 0.8, 0.95].map(async (share) => {
        const { board } = await boardWith(steps)
        const system = testSystem()
        await powerCutAt(
          board,
          Math.ceil(share * all),
          () => flash(board, ['--keep-files'], system),
          () => system.interrupt(),
        )
        expect((await flash(board, [], testSystem({ folders: system.folders }))).code).toBe(0)
        return board
      }),
    )
    const { content } = await boardWith(files)
    for (const board of [first.board, ...cut]) {
      const found = sealedPages(board.flash.read(vfsAt + queueBytes, 0x1c0000), true)
      expect(found.damaged).toBe(0)
      expect(found.pages.map(({ number, first }) => [number, first])).toEqual(
        numbers.map((number) => [number, number * 10]),
      )
      expect(contentOn(board)).toEqual(content)
    }
  }, 60_000)
})

describe('a queue in a partition that the official table has not', () => {
  const queueAt = vfsAt + queueBytes
  const total = 0x1c0000 / blockSize
  const layout = (): Uint8Array => {
    const table = readPartitionTable(image.subarray(0x7000), 'built')
    return writePartitionTable(withQueue(table, 4 * 1024 * 1024)?.partitions ?? [])
  }

  /** A station with our layout whose pages hold ten records each, those before `sent` acknowledged. */
  async function stationWith(numbers: number[], sent: number) {
    const board = await speakingBoard()
    board.flash.program(0x1000, image)
    board.flash.eraseSector(0x8000)
    board.flash.program(0x8000, layout())
    const device = deviceOn(board, queueBytes)
    LittleFs.format(device)
    const fs = LittleFs.mount(device)
    for (const step of files) apply(fs, step)
    const content = sorted(contentOf(fs))
    const pages = numbers.map((number) => {
      const head = { number, first: number * 10, acknowledged: Math.min(sent, number * 10) }
      const page = queuePage(head, [keyEntry(0, number, true, 1, [215, 480, 221, 101_325])])
      board.flash.program(queueAt + (number % total) * blockSize, page)
      return page
    })
    return { board, content, pages }
  }

  /** Numbers of the pages in files, each at the place that the station finds it by; what else is there. */
  function filesOn(board: VirtualBoard): { numbers: number[]; others: Content } {
    const entries = Object.entries(contentOn(board, stockBytes))
    const text = (value: unknown): Buffer => Buffer.from(String(value), 'hex')
    const places = Number(text(entries.find(([name]) => name === '/records.pages')?.[1]).toString())
    const numbers = entries
      .filter(([name]) => name.startsWith('/records/'))
      .map(([name, value]) => {
        const { pages } = sealedPages(text(value), false)
        expect(pages).toHaveLength(1)
        const number = pages[0]?.number ?? -1
        expect(name).toBe(`/records/${number % places}`)
        return number
      })
    const others = entries.filter(([name]) => !name.startsWith('/records'))
    return { numbers: numbers.sort((a, b) => a - b), others: Object.fromEntries(others) as Content }
  }

  const keep = ['--stock-partitions', '--keep-files']

  it('moves into files from the first unsent record on, whatever cuts the job, and back', async () => {
    const numbers = [445, 446, 447, 448, 449, 450]
    const start = () => stationWith(numbers, 4475)
    const first = await start()
    const before = first.board.flash.operations
    const { code, err } = await flash(first.board, keep)
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(
        /must move, the queue into files[\s\S]*files \(31 kB\) and the queue saved/,
      ),
    })
    const all = first.board.flash.operations - before
    const cut = await Promise.all(
      [0.001, 0.05, 0.2, 0.4, 0.7, 0.95].map(async (share) => {
        const { board } = await start()
        const system = testSystem()
        const work = () => flash(board, keep, system)
        await powerCutAt(board, Math.ceil(share * all), work, () => system.interrupt())
        const again = testSystem({ folders: system.folders })
        expect((await flash(board, ['--stock-partitions'], again)).code).toBe(0)
        expect(savedIn(system)).toEqual([])
        return board
      }),
    )
    for (const board of [first.board, ...cut])
      expect(filesOn(board)).toEqual({ numbers: [447, 448, 449, 450], others: first.content })
    expect((await flash(first.board, ['--keep-files'])).code).toBe(0)
    const found = sealedPages(first.board.flash.read(queueAt, 0x1c0000), true)
    expect(found.pages.map(({ bytes }) => bytes)).toEqual(first.pages.slice(2))
  }, 60_000)

  it('takes along what the station has queued between a cut and the same command', async () => {
    const { board } = await stationWith([3, 4], 0)
    const system = testSystem()
    await powerCutAt(
      board,
      1,
      () => flash(board, keep, system),
      () => system.interrupt(),
    )
    const page = queuePage({ number: 5, first: 50 }, [])
    board.flash.program(queueAt + 5 * blockSize, page)
    expect(
      (await flash(board, ['--stock-partitions'], testSystem({ folders: system.folders }))).code,
    ).toBe(0)
    expect(filesOn(board).numbers).toEqual([3, 4, 5])
  })

  it('is saved for an import where it has more than the station would keep in files', async () => {
    const numbers = Array.from({ length: 300 }, (_, i) => i)
    // Each page holds one record of its ten, so the first unsent one is number 30, of page 3.
    const { board, content } = await stationWith(numbers, 25)
    const system = testSystem()
    const { code, err } = await flash(board, keep, system)
    const [, told = '', path = ''] = /`wxstation (stream import (\S+))` brings/.exec(err) ?? []
    expect({ code, err }).toMatchObject({ code: 0 })
    expect(sealedPages(readFileSync(path), true).pages).toHaveLength(300)
    expect(filesOn(board)).toEqual({ numbers: [], others: content })

    const env = { NO_COLOR: '1', ...gatewayEnv(await testGateway()) }
    const run = (argv: string[]) => cli(argv, testSystem({ folders: system.folders, env }))
    await run(['stream', 'create', 'garden', '--no-status'])
    const mac = '24:0a:c4:01:02:03'
    await rememberStation(system, { mac, symbol: 'rooftop', stream: 'garden' })
    const stored = await run([...told.split(' '), '--json'])
    expect({ code: stored.code, out: stored.out }).toEqual({
      code: 0,
      out: expect.stringMatching(/"stored": ?297\b/),
    })
    const { out } = await run(['stream', 'export', 'garden', '--station', 'rooftop'])
    const found = out.trim().split('\n')
    const seconds = (line: string): number => Date.parse(JSON.parse(line).timestamp) / 1000
    expect(found.map((line) => seconds(line) - Date.UTC(2020, 0, 1) / 1000)).toEqual(
      numbers.slice(3),
    )
  })

  it('goes with --discard-files', async () => {
    const { board } = await stationWith([3, 4], 0)
    expect((await flash(board, ['--stock-partitions', '--discard-files'])).code).toBe(0)
    expect(board.flash.read(vfsAt, 16).every((byte) => byte === 0xff)).toBe(true)
  })
})

describe('what another firmware keeps', () => {
  const part = (label: string, subtype: number, offset: number, size: number) => ({
    ...{ label, type: 'data' as const, subtype, offset, size, flags: 0 },
  })
  const storage = part('storage', 0x80, 0x320000, 0xe0000)

  it.each([
    [storage, /storage is saved: .*`wxstation (board restore \S+ --offset 0x320000)` puts it back/],
    [part('wxqueue', 0x40, 0x240000, 0x1c0000), /`wxstation (stream import \S+)` brings/],
  ])('is saved as it is with --keep-files, and the way back is told', async (partition, text) => {
    const board = await speakingBoard()
    board.flash.program(0x8000, writePartitionTable([partition]))
    board.flash.program(partition.offset + 0x5000, Uint8Array.of(1, 2, 3))
    const content = board.flash.read(partition.offset, partition.size)
    const system = testSystem()
    const { code, err } = await flash(board, ['--stock-partitions', '--keep-files'], system)
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(text) })
    const [, command = ''] = text.exec(err) ?? []
    const path = command.split(' ')[2] ?? ''
    expect(path).toMatch(/saved-partitions.240ac4010203-\w+-\d{8}T\d{6}Z\.bin$/)
    expect(readFileSync(path).equals(content)).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    if (!command.startsWith('board')) return
    for (let at = 0; at < partition.size; at += blockSize)
      board.flash.eraseSector(partition.offset + at)
    const back = await cli([...command.split(' '), '--yes', '-p', board.rfc2217Url])
    expect(back).toMatchObject({ code: 0 })
    expect(board.flash.read(partition.offset, partition.size)).toEqual(content)
  })

  it.each([
    ['ends before it', image.length],
    ['is as large as the chip', 0x3ff000],
  ])('stays where the next Espruino has it too, whose image %s', async (_, size) => {
    const board = await speakingBoard()
    const table = [part('nvs', 2, 0x9000, 0x6000), storage]
    const app = { label: 'factory', type: 'app' as const, subtype: 0, flags: 0 }
    const layout = writePartitionTable([{ ...app, offset: 0x10000, size: 0x180000 }, ...table])
    const espruino = new Uint8Array(size).fill(0xff)
    espruino.set(image)
    espruino.set(layout, 0x7000)
    board.flash.program(0x8000, layout)
    board.flash.program(storage.offset, Uint8Array.of(1, 2, 3))
    const content = board.flash.read(storage.offset, storage.size)
    const argv = ['flash', imageFile(espruino), '--force', '-p', board.rfc2217Url, '--json']
    const { code, out } = await cli(argv)
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/"saved": ?\[\]/) })
    expect(board.flash.read(storage.offset, storage.size)).toEqual(content)
  })

  it('is saved, files too, where Espruino takes the place of MicroPython', async () => {
    const { board, content } = await boardWith(files)
    const app = { label: 'factory', type: 'app' as const, subtype: 0, flags: 0 }
    const table = [{ ...app, offset: 0x10000, size: 0x180000 }, storage]
    const espruino = image.slice()
    espruino.set(writePartitionTable(table), 0x7000)
    const system = testSystem()
    const argv = ['flash', imageFile(espruino), '-p', board.rfc2217Url]
    const asked = await cli(argv, system)
    expect(asked).toMatchObject({ code: 2, err: expect.stringMatching(/ files \(.*\) must go/) })
    expect(asked.err).toMatch(/saved here\.\n +Say --keep-files or --discard-files; /)
    const { code, err } = await cli([...argv, '--keep-files'], system)
    expect(code, err).toBe(0)
    const [, command = ''] =
      /files are saved: .*`wxstation (board restore \S+ --offset 0x200000)`/.exec(err) ?? []
    // Back under MicroPython they are what they were.
    await cli(['flash', imageFile(image), '--stock-partitions', '-p', board.rfc2217Url], system)
    const back = await cli([...command.split(' '), '--yes', '-p', board.rfc2217Url], system)
    expect(back.code, back.err).toBe(0)
    expect(contentOn(board, stockBytes)).toEqual(content)
  })

  it.each([
    ["Espruino's storage", storage, /Espruino's storage/],
    [
      "the station's queue",
      part('wxqueue', 0x40, 0x240000, 0x1c0000),
      /records may not all be sent/,
    ],
    ['data of others', part('spiffs', 0x82, 0x290000, 0x160000), /partition "spiffs" \(1\.44 MB\)/],
  ])('%s is asked about, and only where it holds something', async (_, partition, text) => {
    const board = await speakingBoard()
    board.flash.program(0x8000, writePartitionTable([part('nvs', 2, 0x9000, 0x6000), partition]))
    board.flash.program(partition.offset + 0x5000, Uint8Array.of(1, 2, 3))
    const before = board.flash.operations
    const refused = await flash(board, ['--stock-partitions'])
    expect({ code: refused.code, err: refused.err }).toEqual({
      code: 2,
      err: expect.stringMatching(text),
    })
    expect(refused.err).toMatch(/--discard-files/)
    expect(board.flash.operations).toBe(before)
    expect((await flash(board, ['--stock-partitions', '--discard-files'])).code).toBe(0)
    expect((await flash(board, ['--stock-partitions'])).code).toBe(0)
  })
})
