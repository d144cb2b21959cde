import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

describe.skipIf(missing)(`a crash of the station in real MicroPython ${missing ?? ''}`, () => {
  it('is reported until the server had it, and then no more', async () => {
    const { results, text } = await python('crash_report.py', { cwd: temporaryFolder() })
    expect(results[0]?.rows, text).toEqual([
      ['first', ''],
      ['after a crash', 'OSError: 28'],
      ['after a power cut before the report', 'OSError: 28'],
      ['after the report', ''],
      ['after another crash', 'ValueError: pin'],
      ['with a damaged file', ''],
    ])
  })
})
