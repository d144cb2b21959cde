import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stationRules } from '../../src/station/rules.js'
import { firmware, missing, python } from './run.js'

describe.skipIf(missing)(`the station's parts in real MicroPython ${missing ?? ''}`, () => {
  it('agree with the vectors of sensors, codecs, clock and signing', async () => {
    const { results, code, text } = await python('parts.py')
    expect(code, text).toBe(0)
    for (const { name, got, want } of results) expect(got, String(name)).toEqual(want)
    expect(results.length).toBeGreaterThan(25)
  }, 120_000)
})

describe("the station's settings", () => {
  it('are the same table on the board and on the computer', () => {
    const source = readFileSync(join(firmware, 'config.py'), 'utf8')
    const table = source.slice(source.indexOf('TABLE = ('), source.indexOf('\n)\n'))
    const onBoard = [...table.matchAll(/^ {4}\("(\w+)", ("[^"]*"|\d+)/gm)].map(
      ([, name, value]) => [name, JSON.parse(value ?? '')],
    )
    expect(onBoard.length).toBeGreaterThan(25)
    for (const [name, value] of onBoard) {
      const rule = stationRules[name as string]
      expect(rule, String(name)).toBeDefined()
      expect(rule?.default, String(name)).toEqual(value)
    }
  })
})
