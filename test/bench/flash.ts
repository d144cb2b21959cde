import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLink } from '../../src/device/links/open.js'
import { applyReset, downloadStrategies } from '../../src/device/reset.js'
import { Session } from '../../src/device/session.js'
import { startBoard, type VirtualBoard } from '../../src/sandbox/board/board.js'
import { largeImage, speaks } from '../support/large-image.js'
import { noBridge, openBridge } from '../support/pty-bridge.js'
import { isMissing, type PythonTools, pythonTools } from '../support/python.js'
import type { Area, Bench, Run } from './context.js'
import { type Row, row } from './row.js'

/** As large as MicroPython 1.23, of which the figures of issue 5 were taken, and as well packed. */
const appBytes = 1_664_400
const sectorBytes = 4096
const share = { 115200: 1, 460800: 0.8, 921600: 0.8 } as const
const rates = [921600, 460800, 115200] as const
/**
 * At this rate a sector is on the wire for 32 ms and in the flash chip for 56 ms (45 to erase it, 11 to
 * write it: W25Q32's data sheet): what is left to be shown of the wire is shown without those times.
 */
const fasterThanFlash = 921600
const firmwareAt = '0x1000'

/** Makes the program say at its end how much memory it held at most, KB. */
const sayMemory =
  "process.on('exit',()=>process.stderr.write('maxrss '+process.resourceUsage().maxRSS+'\\n'))"
const env = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(sayMemory)}`,
}

interface Flashed {
  ms: number
  wireBytes: number
  writeMs: number
  sectors: number
  sectorsWritten: number
  memoryMb: number
}

/** What all measurements share: the image, esptool where it is, and boards that are paced. */
interface Place {
  bench: Bench
  image: Uint8Array
  file: string
  esptool: PythonTools | undefined
  start(flashTimes?: boolean): Promise<VirtualBoard>
}

/**
 * Whole commands in processes of their own against boards that are paced as the wire and the flash
 * chip are; esptool in the same run, over the same kind of link. Some seven minutes.
 */
export const rows: Area = async (bench) => {
  const tools = pythonTools(['esptool==5.6.0'])
  if (isMissing(tools)) bench.say(`without esptool: ${tools.missing}`)
  const image = largeImage(appBytes)
  const file = join(bench.folder, 'firmware.bin')
  writeFileSync(file, image)
  const place: Place = {
    ...{ bench, image, file, esptool: isMissing(tools) ? undefined : tools },
    start: (flashTimes = true) =>
      startBoard(
        { startRuntime: async () => speaks, wiring: { pacing: true, flashTimes } },
        bench.system,
      ),
  }
  const found: Row[] = []
  for (const baud of rates) found.push(...(await atRate(place, baud)))
  found.push(...(await wireAlone(place)))
  found.push(...(await looks(place)))
  found.push(...(await linkKinds(place)))
  found.push(await four(place, found))
  return found
}

/** A full image, the same again, and one of which 5 % differ. */
async function atRate(place: Place, baud: (typeof rates)[number]): Promise<Row[]> {
  const { bench, file, start } = place
  const [board, other] = [await start(), await start()]
  const write = ['--baud', String(baud), 'write-flash']
  try {
    const full = await flash(bench, file, [board.rfc2217Url], baud)
    const theirs = await esptool(place, other.rfc2217Url, [...write, firmwareAt, file])
    const same = await flash(bench, file, [board.rfc2217Url], baud)
    const skipped = await esptool(place, other.rfc2217Url, [
      ...[...write, '--skip-flashed'],
      ...[firmwareAt, file],
    ])
    spoil(board, place.image.length)
    const few = await flash(bench, file, [board.rfc2217Url], baud)
    return [
      beside(`full image, start to banner (${baud})`, full.ms, theirs, share[baud]),
      beside(`identical reflash (${baud})`, same.ms, skipped, 0.7),
      ...onWire(few, full, baud, String(baud), baud < fasterThanFlash),
      ...(baud === 921600
        ? [
            row('flash', 'memory of a full write', {
              value: full.memoryMb,
              unit: 'MB',
              goal: 'value <= 150',
            }),
          ]
        : []),
    ]
  } finally {
    await Promise.all([board.stop(), other.stop()])
  }
}

/** The figures were taken on an emulator, whose flash takes no time of its own: so are these. */
async function wireAlone({ bench, file, image, start }: Place): Promise<Row[]> {
  const board = await start(false)
  const what = '921600, flash chip without times of its own'
  try {
    const full = await flash(bench, file, [board.rfc2217Url], 921600)
    spoil(board, image.length)
    const few = await flash(bench, file, [board.rfc2217Url], 921600)
    return onWire(few, full, 921600, what, true)
  } finally {
    await board.stop()
  }
}

/** What is asked before anything is written. */
async function looks(place: Place): Promise<Row[]> {
  const { bench, start } = place
  const board = await start()
  try {
    const startMs = bench.system.clock.monotonic()
    const quiet = { waitForButtons: false, report: () => {} }
    const session = await Session.open({ port: board.rfc2217Url, ...quiet }, bench.system)
    const connectMs = bench.system.clock.monotonic() - startMs
    await session.close()
    const argv = ['board', 'info', '--json', '--port', board.rfc2217Url]
    const info = whole('board info', await bench.wxstation(argv))
    const theirs = await esptool(place, board.rfc2217Url, ['flash-id'])
    return [
      row('flash', 'port open to chip facts', {
        value: connectMs / 1000,
        unit: 's',
        goal: 'value <= 2',
      }),
      row('flash', 'board info, whole command', {
        value: info.ms / 1000,
        unit: 's',
        ...(theirs && { peer: theirs }),
        goal: 'value <= 2',
      }),
    ]
  } finally {
    await board.stop()
  }
}

/**
 * The same full image over each kind of link at once: at 115200, the only rate that a socket and a
 * pseudo-terminal without control lines have. Such a board has to stand in its loader already.
 */
async function linkKinds(place: Place): Promise<Row[]> {
  const { bench, file, start } = place
  const boards = await Promise.all([start(), start(), start(), start()])
  const [remote, plain, direct, other] = boards as [
    VirtualBoard,
    VirtualBoard,
    VirtualBoard,
    VirtualBoard,
  ]
  for (const board of [plain, direct, other]) await holdInLoader(board, bench)
  const bridges = noBridge
    ? undefined
    : [await openBridge(direct.socketUrl), await openBridge(other.socketUrl)]
  const [ourPty, theirPty] = bridges?.map(({ path }) => path) ?? []
  const noReset = ['--before', 'no-reset', '--after', 'no-reset']
  const write = [...noReset, '--baud', '115200', 'write-flash', firmwareAt, file]
  try {
    const [over, raw, serial, theirs] = await Promise.all([
      flash(bench, file, [remote.rfc2217Url], 115200),
      flash(bench, file, [plain.socketUrl], 115200),
      ourPty === undefined ? undefined : flash(bench, file, [ourPty], 115200),
      theirPty === undefined ? undefined : esptool(place, theirPty, write),
    ])
    const rfc2217 = (name: string, value: number, peer: { name: string; value: number }): Row =>
      row('flash', name, { value: value / 1000, unit: 's', peer, goal: 'ratio <= 1.1' })
    return [
      rfc2217('data phase over rfc2217 (115200)', over.writeMs, {
        name: 'over a plain socket',
        value: raw.writeMs / 1000,
      }),
      ...(serial
        ? [
            rfc2217('full image over rfc2217 (115200)', over.ms, {
              name: 'over a pseudo-terminal',
              value: serial.ms / 1000,
            }),
            beside('full image over a pseudo-terminal (115200)', serial.ms, theirs, 1),
          ]
        : []),
    ]
  } finally {
    for (const bridge of bridges ?? []) bridge.close()
    await Promise.all(boards.map((board) => board.stop()))
  }
}

async function four({ bench, file, start }: Place, found: Row[]): Promise<Row> {
  const one = found.find(({ name }) => name === 'full image, start to banner (921600)')
  const boards = await Promise.all([start(), start(), start(), start()])
  try {
    const urls = boards.map(({ rfc2217Url }) => rfc2217Url)
    const all = await flash(bench, file, urls, 921600)
    return row('flash', 'four boards at once (921600)', {
      value: all.ms / 1000,
      unit: 's',
      peer: { name: 'one board', value: one?.value ?? Number.NaN },
      goal: 'ratio <= 1.15',
    })
  } finally {
    await Promise.all(boards.map((board) => board.stop()))
  }
}

/** A plain socket moves no lines: somebody else's have to bring the board into its loader. */
async function holdInLoader(board: VirtualBoard, { system }: Bench): Promise<void> {
  const link = await openLink(board.rfc2217Url, { baud: 115200 }, system)
  const [strategy] = downloadStrategies(link)
  if (strategy) await applyReset(link, strategy, system.clock)
  await system.clock.sleep(300)
  await link.close()
}

/** Changes every nineteenth sector of the app on the chip, some 5 %. */
function spoil(board: VirtualBoard, imageBytes: number): void {
  const from = Math.ceil(0x10000 / sectorBytes)
  const to = Math.floor((0x1000 + imageBytes) / sectorBytes)
  for (let sector = from + 3; sector < to; sector += 19)
    board.flash.program(sector * sectorBytes + 100, new Uint8Array(96))
}

async function flash(bench: Bench, file: string, ports: string[], baud: number): Promise<Flashed> {
  bench.say(`wxstation flash --baud ${baud}, ${ports.length} board(s)`)
  const named = ports.flatMap((port) => ['--port', port])
  const args = ['flash', file, '--json', '--discard-files', '--baud', String(baud), ...named]
  const run = whole('wxstation flash', await bench.wxstation(args, env))
  const result = JSON.parse(run.stdout) as Omit<Flashed, 'ms' | 'memoryMb'>
  const memoryMb = Number(/maxrss (\d+)/.exec(run.stderr)?.[1]) / 1024
  return { ...result, ms: run.ms, memoryMb }
}

/** esptool on a port: who it is and what it took, seconds; undefined where it is not here. */
async function esptool({ bench, esptool: tools }: Place, port: string, args: string[]) {
  if (!tools) return undefined
  bench.say(`esptool ${args.join(' ')}`)
  const run = whole('esptool', await bench.run(tools.command('esptool'), ['--port', port, ...args]))
  const kind = port.startsWith('rfc2217') ? 'rfc2217' : 'pseudo-terminal'
  return { name: `esptool 5.6 (${kind})`, value: run.ms / 1000 }
}

function beside(name: string, ms: number, peer: Awaited<ReturnType<typeof esptool>>, most: number) {
  const measured = { value: ms / 1000, unit: 's' }
  return row('flash', name, peer ? { ...measured, peer, goal: `ratio <= ${most}` } : measured)
}

/**
 * How close a write comes to what the wire allows: its data phase, and a write of few sectors. `isGoal`
 * where the wire is what limits it, not the flash chip.
 */
function onWire(few: Flashed, full: Flashed, baud: number, what: string, isGoal: boolean): Row[] {
  const name = `${few.sectorsWritten} of ${few.sectors} sectors differ, far apart (${what})`
  return [
    row('flash', `data phase of the wire (${what})`, {
      value: (full.wireBytes * 10_000) / baud / full.writeMs,
      unit: 'of the wire',
      ...(isGoal && { goal: 'value >= 0.97' as const }),
    }),
    row('flash', name, {
      value: few.ms / 1000,
      unit: 's',
      peer: { name: 'the full image', value: full.ms / 1000 },
      ...(isGoal && { goal: 'ratio <= 0.15' as const }),
    }),
  ]
}

/** A command that failed has no time. */
function whole(name: string, run: Run): Run {
  if (run.code === 0) return run
  throw new Error(`${name} ended with ${run.code}: ${run.stderr.slice(-400)}`)
}
