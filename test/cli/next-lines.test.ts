import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.js'
import { type AddCommand, run } from '../../src/cli/main.js'
import { testSystem } from '../support/system.js'

const sources = fileURLToPath(new URL('../../src/', import.meta.url))

/** Where a command line begins that people are told to run next: in a line, or as a result's `next`. */
const tells = /(?:Next: |next: ['`]|planResult\(shown, `)wxstation (.*)$/gm

/** Every such command line in the sources, with something in each place left open. */
const texts = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(sources, name), 'utf8'))
const lines = texts.flatMap(told)

function told(text: string): string[] {
  return [...text.matchAll(tells)].flatMap(([, rest = '']) => {
    const command = /^((?:\$\{[^}]*\}|[^'`$])*)/.exec(rest)?.[1] ?? ''
    const open = /^\$\{(.+?)\}$/.exec(command)?.[1]
    if (open === undefined) return variantsOf(command)
    // The whole command is chosen in place, or in the statement that names it.
    const choice = open.includes('?')
      ? open
      : (new RegExp(`const ${open} = .*`).exec(text)?.[0] ?? '')
    return [...choice.matchAll(/[?:] '([^']+)'/g)].map(([, one]) => one as string)
  })
}

/** The line with each of the texts that a place in it chooses between. */
function variantsOf(command: string): string[] {
  const place = /\$\{[^}]*\? '([^']*)' : '([^']*)'\}/
  const found = place.exec(command)
  if (!found) return [command]
  return found.slice(1).flatMap((one) => variantsOf(command.replace(place, one)))
}

/** The real declarations, with nothing behind them. */
const parsed: AddCommand[] = commands.map(
  (add) => (program) => add(program, () => async () => undefined),
)

it('finds every line', () => {
  const there = texts.join('').split(/(?:Next: |next: ['`])wxstation /).length - 1
  expect(there).toBeGreaterThanOrEqual(10)
  expect(lines.length).toBeGreaterThanOrEqual(there)
  expect(lines).toContain('provision --retry-failed --wifi')
  expect(lines).toContain('tail')
})

it.each(lines)('"wxstation %s" is a command line', async (line) => {
  const argv = line
    .replace(/\$\{url\}/g, 'http://server:8099')
    .replace(/\$\{[^}]+\}|<\w+>/g, 'x')
    .split(' ')
  const system = testSystem()
  expect(await run(argv, system, parsed), system.err()).toBe(0)
})
