import { readdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Column, table } from '../../src/cli/render/tables.js'
import { type Area, openBench } from './context.js'
import type { Row } from './row.js'

// `npm run bench [-- AREA…] [--json FILE]`. A missed goal is a figure, not a failure: exit 0.

const support = ['main.ts', 'context.ts', 'row.ts', 'tail-past.ts', 'tail-server.ts']
const areas = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.ts') && !support.includes(file))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort()

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' } },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !areas.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`Unknown area: ${unknown.join(', ')}. There are: ${areas.join(', ')}.\n`)
  process.exit(2)
}

const rows: Row[] = []
for (const area of positionals.length > 0 ? positionals : areas) {
  process.stderr.write(`${area}\n`)
  const bench = openBench()
  try {
    const { rows: measure } = (await import(`./${area}.ts`)) as { rows: Area }
    rows.push(...(await measure(bench)))
  } catch (error) {
    process.stderr.write(`  ${area} could not be measured: ${(error as Error).stack}\n`)
    process.exitCode = 1
  } finally {
    bench.close()
  }
}

const right: Column['align'] = 'right'
const lines = table(
  [
    { title: 'Area' },
    { title: 'Figure' },
    { title: 'Value', align: right },
    { title: 'Unit' },
    { title: 'Peer' },
    { title: 'Peer value', align: right },
    { title: 'Ratio', align: right },
    { title: 'Goal' },
    { title: '' },
  ],
  rows.map(({ area, name, value, unit, peer, peer_value, ratio, goal, holds }) => [
    area,
    name,
    String(value),
    unit,
    peer ?? '',
    peer_value === null ? '' : String(peer_value),
    ratio === null ? '' : String(ratio),
    goal ?? '',
    holds === null ? '' : holds ? 'holds' : 'MISSED',
  ]),
)
process.stdout.write(`${lines.join('\n')}\n`)
if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`)
