import type { Area } from './context.js'
import { median, row } from './row.js'

const runs = 10

/** How long the command line takes to say anything, against a bare start of node. */
export const rows: Area = async ({ run, wxstation, say }) => {
  const times = { bare: [] as number[], version: [] as number[], help: [] as number[] }
  say(`${runs} starts each of node, --version and --help, taking turns`)
  for (let i = 0; i < runs; i++) {
    times.bare.push((await run(process.execPath, ['-e', '0'])).ms)
    times.version.push((await wxstation(['--version'])).ms)
    times.help.push((await wxstation(['--help'])).ms)
  }
  const peer = { name: 'node -e 0', value: median(times.bare) }
  return [
    row('start', '--version', { value: median(times.version), unit: 'ms', peer }),
    row('start', '--help', { value: median(times.help), unit: 'ms', peer }),
  ]
}
