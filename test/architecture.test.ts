import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')

interface Import {
  from: string
  to: string
  typeOnly: boolean
  /** Loaded when a function runs, not with the file. */
  isDynamic: boolean
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))

/** Every import, static or dynamic, of every file; local ones as paths below src without an ending. */
const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(join(source, from), 'utf8')
  const found = [
    ...[...text.matchAll(/(?:import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'/g)].map(
      (match) => ({ match, isDynamic: false }),
    ),
    ...[...text.matchAll(/^import ()'([^']+)'/gm)].map((match) => ({ match, isDynamic: false })),
    ...[...text.matchAll(/(?<!typeof )import\(()'([^']+)'\)/g)].map((match) => ({
      match,
      isDynamic: true,
    })),
  ]
  return found.map(({ match: [all, type, to], isDynamic }) => {
    const named = /\{([^}]*)\}/.exec(all ?? '')?.[1]
    const everyNameIsType = named
      ?.split(',')
      .every((name) => name.trim() === '' || name.trim().startsWith('type '))
    return {
      from,
      to: local(from, to ?? ''),
      typeOnly: !isDynamic && Boolean(type?.trim() || everyNameIsType),
      isDynamic,
    }
  })
})

function local(from: string, to: string): string {
  if (!to.startsWith('.')) return to
  const path = relative(source, resolve(source, dirname(from), to)).replaceAll('\\', '/')
  return `src/${path.replace(/\.js$/, '')}`
}

const leaves = ['src/errors', 'src/events', 'src/system', 'src/secret']
const isLocal = ({ to }: Import): boolean => to.startsWith('src/')
const inRoom =
  (room: string) =>
  ({ from }: Import): boolean =>
    from.startsWith(`${room}/`)
const describeImport = ({ from, to }: Import): string => `${from} -> ${to}`
const wrong = (list: Import[]): string[] => list.map(describeImport)

describe('doors', () => {
  it('1: leaves import nothing from the rooms', () => {
    const bad = imports.filter(
      (one) =>
        /^(errors|events|secret|system)\.ts$|^system\//.test(one.from) &&
        isLocal(one) &&
        !leaves.includes(one.to) &&
        !one.to.startsWith('src/system/'),
    )
    expect(wrong(bad)).toEqual([])
  })

  it.each(['device', 'timebase'])('2: %s imports the leaves and itself only', (room) => {
    const bad = imports
      .filter(inRoom(room))
      .filter(
        (one) => isLocal(one) && !leaves.includes(one.to) && !one.to.startsWith(`src/${room}/`),
      )
    expect(wrong(bad)).toEqual([])
  })

  it('3: station imports device, the leaves, and types of timebase/schema', () => {
    const bad = imports
      .filter(inRoom('station'))
      .filter(isLocal)
      .filter(
        (one) =>
          !leaves.includes(one.to) &&
          !/^src\/(station|device)\//.test(one.to) &&
          !(one.to === 'src/timebase/schema' && one.typeOnly),
      )
    expect(wrong(bad)).toEqual([])
  })

  it('4: sandbox imports data and types only, and only its own commands import it', () => {
    const outward = imports
      .filter(inRoom('sandbox'))
      .filter(isLocal)
      .filter(
        (one) =>
          !leaves.includes(one.to) &&
          !one.to.startsWith('src/sandbox/') &&
          !/^src\/(device\/boards|timebase\/schema)$/.test(one.to) &&
          !one.typeOnly,
      )
    const inward = imports.filter(
      (one) =>
        one.to.startsWith('src/sandbox/') &&
        !inRoom('sandbox')(one) &&
        !/^cli\/commands\/(sandbox|demo)\.ts$/.test(one.from),
    )
    expect(wrong([...outward, ...inward])).toEqual([])
  })

  it('5: commands never import each other; render imports events, errors and types', () => {
    const between = imports.filter(
      (one) =>
        one.from.startsWith('cli/commands/') &&
        one.from !== 'cli/commands/index.ts' &&
        one.to.startsWith('src/cli/commands/'),
    )
    const render = imports
      .filter((one) => one.from.startsWith('cli/render/'))
      .filter(isLocal)
      .filter(
        (one) =>
          !/^src\/(errors|events|secret)$/.test(one.to) &&
          !one.to.startsWith('src/cli/render/') &&
          !one.typeOnly,
      )
    expect(wrong([...between, ...render])).toEqual([])
  })

  it.each([
    ['serialport', /^device\/links\/serial\.ts$/],
    ['esptool-js', /^device\/(flasher|loader)\.ts$/],
    ['undici', /^system\//],
    ['commander', /^cli\/[a-z-]+\.ts$|^cli\/commands\//],
    ['@inquirer/prompts', /^cli\/prompts\.ts$/],
    ['chalk', /^cli\/render\//],
    ['ora', /^cli\/render\//],
  ])('6: %s has one doorkeeper', (name, allowed) => {
    const users = imports.filter(
      (one) => one.to === name && !(name === 'commander' && one.typeOnly),
    )
    expect(users.filter((one) => !allowed.test(one.from)).map(describeImport)).toEqual([])
  })

  it('7: side effects enter through system, links and bin only', () => {
    const allowed = /^system\.ts$|^system\/|^device\/links\//
    const modules =
      /^node:(fs|fs\/promises|net|child_process|http|https|tls|dgram|os|timers|timers\/promises)$/
    const byImport = imports.filter(
      (one) => modules.test(one.to) && !one.typeOnly && !allowed.test(one.from),
    )
    const globals =
      /\b(process\.|new Date\(\)|Date\.now|setTimeout|setInterval|setImmediate|console\.)/
    const byUse = files
      .filter((path) => !allowed.test(path))
      .filter((path) => globals.test(withoutComments(readFileSync(join(source, path), 'utf8'))))
    expect([...wrong(byImport), ...byUse]).toEqual([])
  })
})

describe('size', () => {
  it('keeps every file one noun: 350 lines at the very most', () => {
    const long = files
      .map((path) => ({ path, lines: readFileSync(join(source, path), 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 350)
    expect(long).toEqual([])
  })

  it.each(['utils', 'helpers', 'common', 'manager', 'service'])('has no file called %s', (word) => {
    expect(files.filter((path) => path.includes(word))).toEqual([])
  })
})

describe.skipIf(!existsSync(join(root, '.git')))('the top level', () => {
  it('holds its rooms and the files of its tools, nothing that was left there', () => {
    const names = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean)
      .map((path) => path.split('/')[0] ?? '')
    const rooms = ['.ci', 'bin', 'firmware', 'src', 'templates', 'test']
    const papers = ['CHANGELOG.md', 'LICENSE', 'README.md']
    const tools =
      /^(\.gitignore|(package|package-lock|tsconfig(\.test)?|biome|knip)\.json|vitest(\.\w+)?\.config\.ts)$/
    expect(
      [...new Set(names)].filter(
        (name) => !rooms.includes(name) && !papers.includes(name) && !tools.test(name),
      ),
    ).toEqual([])
  })
})

describe('start-up', () => {
  it('loads none of the heavy packages before a command runs', () => {
    const heavy = ['serialport', 'esptool-js', 'undici', '@inquirer/prompts', 'ora', 'zod']
    const seen = new Set<string>()
    const reach = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      for (const one of imports.filter(({ from, typeOnly }) => from === file && !typeOnly)) {
        if (one.isDynamic) continue
        if (isLocal(one)) reach(`${one.to.slice('src/'.length)}.ts`)
        else seen.add(one.to)
      }
    }
    reach('cli/main.ts')
    expect(heavy.filter((name) => seen.has(name))).toEqual([])
    expect([...seen].filter((file) => file.startsWith('sandbox/'))).toEqual([])
  })
})

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
}
