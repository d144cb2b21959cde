import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { patienceOf } from '../../../src/cli/patience.js'
import { loadSettings, settingTable } from '../../../src/cli/settings.js'
import { Secret } from '../../../src/secret.js'
import { testSystem } from '../../support/system.js'

function put(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
}

it('has each setting and its variable in one row of the README', () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const rows = readme
    .split('\n')
    .map((line) => line.split('|').map((cell) => [...cell.matchAll(/`([^`]+)`/g)].map((m) => m[1])))
  // Names beside others of their kind are shortened from the left.
  const names = (cell: (string | undefined)[] = [], name: string): boolean =>
    cell.some((text) => text === name || (/^[.…]/.test(text ?? '') && name.endsWith(rest(text))))
  const rest = (text = ''): string => text.replace('…', '')
  const missing = Object.entries(settingTable)
    .filter(([key, { env }]) => !rows.some((row) => names(row[1], key) && names(row[2], env)))
    .map(([key]) => key)
  expect(missing).toEqual([])
})

describe('layers', () => {
  it('takes flags over environment over project file over user file over defaults', async () => {
    const system = testSystem({ env: { WXSTATION_TIMEBASE_USER: 'from-env' } })
    put(join(system.folders.config, 'settings.json'), {
      port: 'user-port',
      stream: 'user-stream',
      timebase: { user: 'from-user-file' },
    })
    put(join(system.cwd, 'wxstation.json'), { stream: 'project-stream' })
    const settings = (await loadSettings(system)).with({
      'timebase.url': 'http://flag',
      port: undefined,
    })
    const all = settings.all().filter(({ key }) => key !== 'statusStream' && key !== 'patience')
    expect(all.map(({ key, value, origin }) => [key, value, origin])).toEqual([
      ['port', 'user-port', 'user file'],
      ['timebase.url', 'http://flag', 'flag'],
      ['timebase.user', 'from-env', 'environment'],
      ['stream', 'project-stream', 'project file'],
    ])
  })

  it('searches the project file upwards', async () => {
    const system = testSystem()
    put(join(system.cwd, 'wxstation.json'), { port: 'P' })
    const below = { ...system, cwd: join(system.cwd, 'a', 'b') }
    expect((await loadSettings(below)).get('port')).toBe('P')
  })

  it('keeps passwords secret', async () => {
    const system = testSystem({ env: { WXSTATION_TIMEBASE_PASSWORD: 'hunter2' } })
    const settings = await loadSettings(system)
    expect(settings.secret('timebase.password')).toBeInstanceOf(Secret)
    expect(settings.get('timebase.password')).toBe('hunter2')
    expect(JSON.stringify(settings.all())).not.toContain('hunter2')
  })
})

describe('a bad file', () => {
  it.each([
    ['not JSON', '{', 'not valid JSON'],
    ['a list', '[]', 'one JSON object'],
    ['an unknown key', { timebase: { ulr: 'x' } }, 'unknown setting "timebase.ulr"'],
    ['a number', { port: 7 }, '"port" must be a text'],
  ])('%s is refused', async (_name, content, message) => {
    const system = testSystem()
    put(join(system.cwd, 'wxstation.json'), content)
    await expect(loadSettings(system)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining(message),
    })
  })

  it('suggests the nearest key', async () => {
    const system = testSystem()
    put(join(system.cwd, 'wxstation.json'), { 'timebase.ulr': 'x' })
    await expect(loadSettings(system)).rejects.toMatchObject({
      hint: 'Did you mean "timebase.url"?',
    })
  })

  it('must exist where it was named', async () => {
    await expect(loadSettings(testSystem(), '/nowhere/at/all.json')).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
    })
  })
})

describe('patience', () => {
  const given = async (text?: string): Promise<number> => {
    const env = text === undefined ? {} : { WXSTATION_PATIENCE: text }
    return patienceOf(await loadSettings(testSystem({ env })))
  }

  it.each([
    [undefined, 1],
    ['10', 10],
    ['2.5', 2.5],
    ['100', 100],
  ])('%s is the factor %d', async (text, factor) => {
    expect(await given(text)).toBe(factor)
  })

  it.each(['0', '-1', '101', 'ten', ' ', 'NaN'])('%j is refused', async (text) => {
    await expect(given(text)).rejects.toMatchObject({ code: 'SETTINGS_INVALID' })
  })
})
