import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

const servers = ['pool.ntp.org', 'time.google.com', 'time.cloudflare.com']

describe.skipIf(missing)(`the board's settings in real MicroPython ${missing ?? ''}`, () => {
  it('are taken whole or not at all, each within its limits', async () => {
    const { results, code, text } = await python('settings.py', { cwd: temporaryFolder() })
    expect(code, text).toBe(0)
    const [cuts, ...rows] = results
    // Cut anywhere, also right behind an inner brace, it is damaged; only the last byte makes it whole.
    expect(cuts?.taken).toEqual([cuts?.size])
    expect(rows.map(({ is, ignored }) => [is, ignored])).toEqual([
      [22, ['scl']],
      [32, []],
      [-1, []],
      [2, ['sample_interval']],
      [60, ['watchdog']],
      [['b'], ['ntp_servers']],
      [servers, ['ntp_servers']],
      [servers, ['ntp_servers']],
      [[{ ssid: 'a' }], ['networks']],
      ['', ['symbol']],
      ['', ['symbol']],
      ['', ['symbol']],
      ['', ['symbol']],
      ['é'.repeat(32), []],
      [21600, ['ntp_refresh']],
      [null, ['nonsense']],
    ])
  })
})
