import { describe, expect, it } from 'vitest'
import { missing, python } from './run.js'

const rtc = [2026, 8, 27, 13, 20, 0]

describe.skipIf(missing)(`the station's time in real MicroPython ${missing ?? ''}`, () => {
  it('comes from two servers, or from one that fits, and sets the clock that TLS looks at', async () => {
    const { results, code, text } = await python('ntp_servers.py')
    expect(code, text).toBe(0)
    const rows = results.map((row) => [row.servers, row.ok ? row.off : 'none'])
    expect(rows).toEqual([
      ['true true true', 0],
      ['true dead dead', 'none'],
      ['future dead', 'none'],
      ['future true near', 1],
      ['dead true past true', 0],
      ['true', 0],
      ['true dead dead', 0],
      ['true dead dead', 0],
      ['future dead dead', 'none'],
      ['past dead dead', 'none'],
      ['future true', 0],
      ['true near', 1],
      ['zero', 'none'],
      ['foreign', 'none'],
      ['unset', 'none'],
      ['kiss', 'none'],
      ['unknown true', 0],
    ])
    // Set before the clock hears of it, so nobody can speak TLS in the year 2000.
    for (const row of results.filter(({ ok }) => ok))
      expect(row.rtc, String(row.servers)).toEqual(row.off === 1 ? [...rtc.slice(0, 5), 1] : rtc)
  })
})
