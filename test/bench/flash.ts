import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openLink } from '../../src/device/links/open.js'
import { applyReset, downloadStrategies } from '../../src/device/reset.js'
import { startBoard, type VirtualBoard } from '../../src/sandbox/board/board.js'
import { largeImage, speaks } from '../support/large-image.js'
import { isMissing, pythonTools } from '../support/python.js'
import type { Area, Bench, Run } from './context.js'
import { type Row, row } from './row.js'

/** As large as MicroPython 1.23, of which the figures of issue 5 were taken. */
const appBytes = 1_664_400
const sectorBytes = 4096
const share = { 115200: 1, 460800: 0.8, 921600: 0.8 } as const
const rates = [921600, 460800, 115200] as const
const peer = 'esptool 5.6 (rfc2217)'

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
  memoryMb: number
}

/**
 * Whole commands in processes of their own against boards that are paced as the wire and the flash
 * chip are; esptool in the same run, over the same kind of link. Some ten minutes.
 */
export const rows: Area = async (bench) => {
  const found: Row[] = []
  const esptool = pythonTools(['esptool==5.6.0'])
  if (isMissing(esptool)) bench.say(`without esptool: ${esptool.missing}`)
  const image = largeImage(appBytes)
  const file = join(bench.folder, 'firmware.bin')
  writeFileSync(file, image)
  const start = (): Promise<VirtualBoard> =>
    startBoard({ startRuntime: async () => speaks, wiring: { pacing: true } }, bench.system)
  const theirs = async (board: VirtualBoard, args: string[]): Promise<number | undefined> => {
    if (isMissing(esptool)) return undefined
    bench.say(`esptool ${args.join(' ')}`)
    const run = await bench.run(esptool.command('esptool'), ['--port', board.rfc2217Url, ...args])
    return whole('esptool', run).ms
  }
  const beside = (ms: number | undefined) =>
    ms === undefined ? {} : { peer: { name: peer, value: ms / 1000 } }
  const goal = (ms: number | undefined, limit: number) =>
    ms === undefined ? {} : { goal: `ratio <= ${limit}` as const }

  let fullMs = 0
  for (const baud of rates) {
    const [board, other] = [await start(), await start()]
    try {
      const ours = await flash(bench, file, [board.rfc2217Url], baud)
      if (baud === 921600) fullMs = ours.ms
      const write = ['--baud', String(baud), 'write-flash']
      const ms = await theirs(other, [...write, '0x1000', file])
      const wireMs = (ours.wireBytes * 10_000) / baud
      found.push(
        row('flash', `full image, start to banner (${baud})`, {
          value: ours.ms / 1000,
          unit: 's',
          ...beside(ms),
          ...goal(ms, share[baud]),
        }),
        row('flash', `data phase of the wire (${baud})`, {
          value: wireMs / ours.writeMs,
          unit: 'of the wire',
          goal: 'value >= 0.97',
        }),
      )
      if (baud !== 921600) continue
      found.push(
        row('flash', 'memory of a full write', {
          value: ours.memoryMb,
          unit: 'MB',
          goal: 'value <= 150',
        }),
      )
      const same = await flash(bench, file, [board.rfc2217Url], baud)
      const skipped = await theirs(other, [...write, '--skip-flashed', '0x1000', file])
      found.push(
        row('flash', `identical reflash (${baud})`, {
          value: same.ms / 1000,
          unit: 's',
          ...beside(skipped),
          ...goal(skipped, 0.7),
        }),
      )
      const changed = spoil(board, image.length)
      const few = await flash(bench, file, [board.rfc2217Url], baud)
      found.push(
        row('flash', `${changed} of ${few.sectors} sectors differ (${baud})`, {
          value: few.ms / 1000,
          unit: 's',
          peer: { name: 'the full image', value: fullMs / 1000 },
          goal: 'ratio <= 0.15',
        }),
      )
      const infoMs = whole(
        'board info',
        await bench.wxstation(['board', 'info', '--json', '--port', board.rfc2217Url]),
      ).ms
      const idMs = await theirs(other, ['flash-id'])
      found.push(
        row('flash', 'board info, whole command', {
          value: infoMs / 1000,
          unit: 's',
          ...beside(idMs),
          goal: 'value <= 2',
        }),
      )
    } finally {
      await Promise.all([board.stop(), other.stop()])
    }
  }
  found.push(await linkKinds(bench, file, start))
  const boards = await Promise.all([start(), start(), start(), start()])
  try {
    const urls = boards.map(({ rfc2217Url }) => rfc2217Url)
    const four = await flash(bench, file, urls, 921600)
    found.push(
      row('flash', 'four boards at once (921600)', {
        value: four.ms / 1000,
        unit: 's',
        peer: { name: 'one board', value: fullMs / 1000 },
        goal: 'ratio <= 1.15',
      }),
    )
  } finally {
    await Promise.all(boards.map((board) => board.stop()))
  }
  return found
}

/** The data phase at the only rate that a socket without control lines has. */
async function linkKinds(
  bench: Bench,
  file: string,
  start: () => Promise<VirtualBoard>,
): Promise<Row> {
  const [remote, plain] = [await start(), await start()]
  try {
    const over = await flash(bench, file, [remote.rfc2217Url], 115200)
    await holdInLoader(plain, bench)
    const raw = await flash(bench, file, [plain.socketUrl], 115200)
    return row('flash', 'data phase over rfc2217 (115200)', {
      value: over.writeMs / 1000,
      unit: 's',
      peer: { name: 'over a plain socket', value: raw.writeMs / 1000 },
      goal: 'ratio <= 1.1',
    })
  } finally {
    await Promise.all([remote.stop(), plain.stop()])
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

/** Changes every nineteenth sector of the app on the chip, some 5 %; answers how many. */
function spoil(board: VirtualBoard, imageBytes: number): number {
  let count = 0
  const from = Math.ceil(0x10000 / sectorBytes)
  const to = Math.floor((0x1000 + imageBytes) / sectorBytes)
  for (let sector = from + 3; sector < to; sector += 19, count++)
    board.flash.program(sector * sectorBytes + 100, new Uint8Array(16))
  return count
}

async function flash(bench: Bench, file: string, urls: string[], baud: number): Promise<Flashed> {
  bench.say(`wxstation flash --baud ${baud}, ${urls.length} board(s)`)
  const ports = urls.flatMap((url) => ['--port', url])
  const args = ['flash', file, '--json', '--discard-files', '--baud', String(baud), ...ports]
  const run = whole('wxstation flash', await bench.wxstation(args, env))
  const result = JSON.parse(run.stdout) as Omit<Flashed, 'ms' | 'memoryMb'>
  const memoryMb = Number(/maxrss (\d+)/.exec(run.stderr)?.[1]) / 1024
  return { ...result, ms: run.ms, memoryMb }
}

/** A command that failed has no time. */
function whole(name: string, run: Run): Run {
  if (run.code === 0) return run
  throw new Error(`${name} ended with ${run.code}: ${run.stderr.slice(-400)}`)
}
