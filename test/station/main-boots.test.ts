import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

describe.skipIf(missing)(`the station's boots in real MicroPython ${missing ?? ''}`, () => {
  it('end in safe mode after three failures of any kind, and not for the power', async () => {
    const { results, code, text } = await python('main_boots.py', { cwd: temporaryFolder() })
    expect(code, text).toBe(0)
    const rows = results.map(({ name, ended, safe, fails }) => [name, ended, safe, fails])
    const symbol = ['esp010203']
    expect(rows).toEqual([
      ['lives', 'silent', [], 0],
      ['crashes', 'reset', [], 1],
      ['crashes', 'reset', [], 2],
      ['crashes', 'reset', [], 3],
      ['is safe', 'prompt', symbol, 2],
      ['has one try', 'reset', [], 3],
      ['is safe again', 'prompt', symbol, 2],
      ['works at last', 'silent', [], 0],
      ['panics', 'silent', [], 1],
      ['panics', 'silent', [], 2],
      ['panics', 'silent', [], 3],
      ['is safe from panics', 'prompt', symbol, 2],
      ['power on behind it', 'silent', [], 0],
      ...Array.from({ length: 6 }, () => ['power flickers', 'silent', [], 1]),
      ['crashes after them', 'reset', [], 1],
      ['is interrupted', 'prompt', [], 0],
      ['is damaged', 'reset', [], 1],
      ['is damaged', 'reset', [], 2],
      ['is damaged', 'reset', [], 3],
      // A station that cannot even be imported: the access point needs nothing of it.
      ['is safe though damaged', 'prompt', symbol, 2],
      ['is interrupted there', 'prompt', [], 0],
      ['heap is full', 'reset', [], 1],
      ['update', 'reset', [], 1],
      ['update', 'reset', [], 2],
      ['update', 'reset', [], 3],
      ['update reverted', 'reset', [], 0],
      ['old files', 'silent', [], 0],
    ])
    // Its log is written on a heap that was full a moment before, with the collector off.
    expect(results.find(({ name }) => name === 'heap is full')?.error).toMatch(/^MemoryError/)
  })
})
