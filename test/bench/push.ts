import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { LocalFile } from '../../src/device/files.js'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { readFacts } from '../../src/station/board.js'
import { type Bundle, readBundle } from '../../src/station/bundle.js'
import { compilerFor } from '../../src/station/compile.js'
import { parseStation } from '../../src/station/config.js'
import { applyProvision, planProvision, settingsOnBoard } from '../../src/station/provision.js'
import { type Counts, counting } from '../support/counting-link.js'
import { flashedBoard } from '../support/flashed-board.js'
import { isMissing, pythonTools } from '../support/python.js'
import type { Area } from './context.js'
import { row } from './row.js'

// What a station in use has: what provision --wifi asks, and a certificate's place stays empty.
const settings = parseStation(
  JSON.stringify({
    stream: 'weather_record',
    status_stream: 'station_status',
    timebase_url: 'http://192.168.178.20:8099',
    username: 'station',
    password: 'seven words nobody says',
    networks: [{ ssid: 'Rooftop', password: 'correct horse battery' }],
    webrepl_password: 'another1',
  }),
  'station.json',
)

/** The station onto a virtual board whose wire is paced at 115200, mpremote beside it. */
export const rows: Area = async ({ system, folder, run, say }) => {
  const source = (await readBundle(system)).files
  const sourceBytes = source.reduce((sum, { data }) => sum + data.length, 0)
  const bundle = await readBundle(system, await compilerFor(6, system))
  const board = await flashedBoard({ wiring: { pacing: true }, hasQueue: true })
  // The first boot makes the file system: nobody's push should wait for it.
  await system.clock.sleep(3000)

  /** All that `provision` says to a board: getting in, its facts, what differs, the push, leaving. */
  async function push(code: Bundle): Promise<Counts & { seconds: number; files: number }> {
    const { link, counts } = counting(await openLink(board.rfc2217Url, { baud: 115_200 }, system))
    const started = performance.now()
    const repl = await enterRawRepl(link, {}, system)
    const before = settingsOnBoard(await readFacts(repl, { scl: 22, sda: 21 })).settings
    const plan = await planProvision(repl, code, before, settings, undefined)
    if (!plan.isEmpty) await applyProvision(repl, plan, {})
    await repl.leave()
    const seconds = (performance.now() - started) / 1000
    const { add, change } = plan.files
    const measured = { ...counts, seconds, files: add.length + change.length }
    await link.close()
    // The station of the last push starts; the next one meets a board that runs it.
    await system.clock.sleep(5000)
    return measured
  }

  try {
    say(`${source.length} files, ${sourceBytes} bytes of source, compiled, at 115200`)
    const whole = await push(bundle)
    const unchanged = await push(bundle)
    const files = bundle.files.map((file, i) => (i === 3 ? twoKilobytes(file.name) : file))
    const changed = await push({ ...bundle, files })
    // A main.py that runs would be in mpremote's way.
    const quiet = bundle.files.map((file) =>
      file.name === 'main.py' ? { ...file, name: 'main_.py' } : file,
    )
    const peer = await mpremote(quiet)
    return [
      row('push', 'whole station: wire bytes per source byte', {
        value: (whole.sent + whole.received) / sourceBytes,
        unit: 'bytes',
        goal: 'value <= 0.45',
      }),
      row('push', 'whole station: turnarounds', {
        value: whole.turnarounds,
        unit: 'turnarounds',
        goal: 'value <= 120',
      }),
      row('push', 'whole station: time', {
        value: whole.seconds,
        unit: 's',
        ...(peer && { peer: { name: 'mpremote cp', value: peer.whole }, goal: 'ratio <= 0.5' }),
      }),
      row('push', 'unchanged: wire bytes', {
        value: unchanged.sent + unchanged.received,
        unit: 'bytes',
        goal: 'value <= 1024',
      }),
      row('push', 'unchanged: turnarounds', {
        value: unchanged.turnarounds,
        unit: 'turnarounds',
        goal: 'value <= 12',
      }),
      row('push', 'unchanged: time', {
        value: unchanged.seconds,
        unit: 's',
        goal: 'value <= 2',
        ...(peer && { peer: { name: 'mpremote cp', value: peer.unchanged } }),
      }),
      row('push', 'one changed file of 2 KB: time', {
        value: changed.seconds,
        unit: 's',
        goal: 'value <= 3',
      }),
    ]
  } finally {
    await board.stop()
  }

  async function mpremote(
    wanted: LocalFile[],
  ): Promise<{ whole: number; unchanged: number } | undefined> {
    const tools = pythonTools(['mpremote==1.29.0'])
    if (isMissing(tools)) {
      say(`no mpremote beside it: ${tools.missing}`)
      return undefined
    }
    const other = await flashedBoard({ wiring: { pacing: true }, hasQueue: true })
    try {
      await system.clock.sleep(3000)
      mkdirSync(join(folder, 'push'))
      const paths = wanted.map(({ name, data }) => {
        const path = join(folder, 'push', name)
        writeFileSync(path, data)
        return path
      })
      const copy = ['connect', other.rfc2217Url, 'fs', 'cp', ...paths, ':']
      const times: number[] = []
      for (const what of ['whole', 'unchanged']) {
        say(`mpremote, ${what}`)
        const { code, ms, stderr } = await run(tools.command('mpremote'), copy)
        if (code !== 0) throw new Error(`mpremote: ${stderr}`)
        times.push(ms / 1000)
      }
      return { whole: times[0] as number, unchanged: times[1] as number }
    } finally {
      await other.stop()
    }
  }
}

function twoKilobytes(name: string): LocalFile {
  const lines = Array.from({ length: 64 }, (_, i) => `value_${i} = ${(i * 7919) % 65_537}  # line`)
  return { name, data: Buffer.from(`${lines.join('\n')}\n`.slice(0, 2048)) }
}
