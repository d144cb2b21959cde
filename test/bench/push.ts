import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { isEmptyPlan, type LocalFile, planFiles, surveyFiles } from '../../src/device/files.js'
import { openLink } from '../../src/device/links/open.js'
import { applyFiles } from '../../src/device/push.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { dataNames, readBundle } from '../../src/station/bundle.js'
import { type Counts, counting } from '../support/counting-link.js'
import { flashedBoard } from '../support/flashed-board.js'
import { isMissing, pythonTools } from '../support/python.js'
import type { Area } from './context.js'
import { row } from './row.js'

/** Station code onto a virtual board whose wire is paced at 115200, mpremote beside it. */
export const rows: Area = async ({ system, folder, run, say }) => {
  const { files } = await readBundle(system)
  const source = files.reduce((sum, { data }) => sum + data.length, 0)
  const board = await flashedBoard({ wiring: { pacing: true } })
  // The first boot makes the file system: nobody's push should wait for it.
  await system.clock.sleep(3000)

  async function push(wanted: LocalFile[]): Promise<Counts & { seconds: number; files: number }> {
    const { link, counts } = counting(await openLink(board.rfc2217Url, { baud: 115_200 }, system))
    const started = performance.now()
    const repl = await enterRawRepl(link, {}, system)
    const plan = planFiles(wanted, await surveyFiles(repl, wanted), {
      retired: [],
      data: dataNames,
    })
    if (!isEmptyPlan(plan)) await applyFiles(repl, plan)
    await repl.leave()
    const seconds = (performance.now() - started) / 1000
    const measured = { ...counts, seconds, files: plan.add.length + plan.change.length }
    await link.close()
    // The station of the last push boots; the next one meets a board at its prompt.
    await system.clock.sleep(3000)
    return measured
  }

  try {
    say(`${files.length} files, ${source} bytes at 115200`)
    // A main.py that runs would be in mpremote's way, not in ours: both push beside it.
    const quiet = files.map((file) =>
      file.name === 'main.py' ? { ...file, name: 'main_.py' } : file,
    )
    const whole = await push(quiet)
    const unchanged = await push(quiet)
    const changed = await push(quiet.map((file, i) => (i === 3 ? twoKilobytes(file.name) : file)))
    const peer = await mpremote(quiet)
    return [
      row('push', 'whole station: wire bytes per source byte', {
        value: (whole.sent + whole.received) / source,
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
    const other = await flashedBoard({ wiring: { pacing: true } })
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
