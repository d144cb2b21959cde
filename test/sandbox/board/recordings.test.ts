import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readRecording } from './recordings.js'
import { apiPlaces, bootReplays, talks, unreplayedTalk } from './replays.js'

const source = (file: string): string =>
  readFileSync(fileURLToPath(new URL(file, import.meta.url)), 'utf8')

const names = (file: Parameters<typeof readRecording>[0]): string[] =>
  readRecording(file)
    .map(({ name }) => name)
    .sort()

describe('nothing recorded is forgotten', () => {
  it('replays every recorded boot once', () => {
    expect(Object.values(bootReplays).flat().sort()).toEqual(names('boot'))
  })

  it.each(Object.keys(bootReplays))('has a test for the boots called %s', (key) => {
    const tests = ['../boot-contract', './boot-files', './boot-whole'].map((one) =>
      source(`${one}.test.ts`),
    )
    expect(tests.filter((text) => text.includes(`bootReplays.${key}`)).length).toBe(1)
  })

  it('gives every recorded call a suite', () => {
    expect(apiPlaces.filter(({ suite }) => suite === undefined)).toEqual([])
    expect(apiPlaces.map(({ call }) => call.name).sort()).toEqual(names('api'))
  })

  it.each([...new Set(apiPlaces.map(({ suite }) => suite))])(
    'has a test for the calls: %s',
    (suite) => {
      const tests = ['./api-contract', './network-contract', './api-apart'].map((one) =>
        source(`${one}.test.ts`),
      )
      const uses = [`title: '${suite}'`, `callsOf('${suite}'))`]
      expect(tests.filter((text) => uses.some((use) => text.includes(use))).length).toBe(1)
    },
  )

  it('replays every recorded conversation, or says why not', () => {
    const found = [...talks.map(({ name }) => name), ...Object.keys(unreplayedTalk)]
    expect(found.sort()).toEqual(names('repl'))
  })

  it('replays every exchange with ROM and stubs in the order of the file', () => {
    expect(source('../rom-contract.test.ts')).toContain('it.each(recorded.slice(1))')
    expect(readRecording<{ name: string; in_other?: string }>('rom')[0]?.in_other).toBeTruthy()
  })
})
