import { describe, expect, it } from 'vitest'
import { errorLines } from '../../../../src/cli/render/errors.js'
import { harmless, harmlessLine } from '../../../../src/cli/render/harmless.js'
import { makePaint } from '../../../../src/cli/render/paint.js'
import { TailTable } from '../../../../src/cli/render/tail.js'
import { WxError } from '../../../../src/errors.js'

const paint = makePaint(true)

describe('text from outside', () => {
  it.each([
    ['station', 'station'],
    ['Dachgarten äöü ☀ 屋根', 'Dachgarten äöü ☀ 屋根'],
    ['ev\x1b[2Jil', 'ev\ufffd[2Jil'],
    ['a\rb\nc\td', 'a\ufffdb\ufffdc\ufffdd'],
    ['\x9b31m', '\ufffd31m'],
    ['a\x00\x07\x7f', 'a\ufffd\ufffd\ufffd'],
    ['abc\u202egnp.exe\u2069\u200f', 'abc\ufffdgnp.exe\ufffd\ufffd'],
  ])('%j is shown as %j', (text, shown) => expect(harmless(text)).toBe(shown))

  it('leaves our own colors, line ends and tabs where a line is painted already', () => {
    const line = `${paint.bad('bad')}\n\t${paint.dim('dim')}`
    expect(harmlessLine(line)).toBe(line)
    expect(harmlessLine(`${paint.bad('ev\x1b[2Jil\x1b]0;title\x07')}`)).toBe(
      paint.bad('ev\ufffd[2Jil\ufffd]0;title\ufffd'),
    )
  })

  it('cannot move the cursor from an error or a table', () => {
    const error = new WxError('TIMEBASE_REFUSED', 'The server says: \x1b[2J\x1b[H')
    const table = new TailTable({
      columns: [{ field: 'last_error', title: 'Last\x1b[2J', width: 24 }],
      nameWidth: 10,
      utc: true,
      paint: makePaint(false),
      width: () => 80,
    })
    const row = { last_error: 'x\x1b[1Ay' }
    const shown = [
      ...errorLines(error, makePaint(false), { debug: false }),
      ...table.record('ev\x1b[2Jil', 0, row, {}),
      table.silent('ev\x1b[2Jil', 31_000, 0),
    ]
    expect(shown.join('\n')).not.toMatch(/\x1b/)
    expect(shown.join('\n')).toContain('ev\ufffd[2Jil')
  })
})
