import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bytesText,
  cut,
  fact,
  secondsText,
  table,
  widthOf,
  wrapFact,
} from '../../../../src/cli/render/tables.js'

describe('table', () => {
  it('aligns columns and leaves nothing behind the last', () => {
    expect(
      table(
        [{ title: 'Name' }, { title: 'Size', align: 'right' }],
        [
          ['a', '1'],
          ['long name', '1000'],
        ],
      ),
    ).toEqual(['Name       Size', 'a             1', 'long name  1000'])
  })
  it('counts color codes as nothing', () => {
    const [, row] = table([{ title: 'A' }, { title: 'B' }], [['\u001b[31mx\u001b[39m', 'y']])
    expect(row).toBe('\u001b[31mx\u001b[39m  y')
  })
})

describe('cut', () => {
  it('keeps color codes whole and counts cells only', () => {
    expect(cut('\u001b[32mabcdef\u001b[39m', 3)).toBe('\u001b[32mabc\u001b[39m')
    expect(cut('abc', 3)).toBe('abc')
  })
  it.each([
    ['気象台', 5, '気象'],
    ['気象台', 6, '気象台'],
    ['e\u0301e\u0301', 1, 'e\u0301'],
    ['🌞 x', 2, '🌞'],
    ['a🌞', 2, 'a'],
  ])('%s in %i cells is %s', (text, width, shown) => expect(cut(text, width)).toBe(shown))
  it('is never wider than asked', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(40), (text, width) => {
        expect(widthOf(cut(text.replaceAll('\u001b', ''), width))).toBeLessThanOrEqual(width)
      }),
    )
  })
})

it.each([
  [12, '12 B'],
  [1234, '1.2 kB'],
  [38_000, '38 kB'],
  [1_790_544, '1.79 MB'],
])('%i bytes are %s', (bytes, text) => expect(bytesText(bytes)).toBe(text))

it.each([
  [17_400, '17.4 s'],
  [89_900, '89.9 s'],
  [125_000, '2 min 5 s'],
  [7_500_000, '2 h 5 min'],
  [119_600, '2 min 0 s'],
  [3_599_700, '1 h 0 min'],
  [7_199_000, '2 h 0 min'],
])('%i ms are %s', (ms, text) => expect(secondsText(ms)).toBe(text))

it('aligns facts in one column', () => expect(fact('Board', 'x')).toBe('Board     x'))

describe('a fact on a narrow terminal', () => {
  it('goes on under its text, broken between words and colored as before', () => {
    const line = fact('Plan', 'add \u001b[2m3 files\u001b[22m (12 kB), set station')
    expect(wrapFact(line, 24)).toEqual([
      'Plan      add \u001b[2m3 files\u001b[22m',
      '          (12 kB), set',
      '          station',
    ])
  })
  it.each([
    ['what fits', fact('Plan', 'add 3 files'), 80],
    ['one long word', fact('Port', '/dev/serial/by-id/usb-Silicon_Labs'), 20],
    ['what has no label', 'A sentence that is longer than the terminal', 20],
  ])('leaves %s alone', (_what, line, width) => expect(wrapFact(line, width)).toEqual([line]))
  it('is never wider than asked, and loses nothing', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,9}$/), { minLength: 1 })
    fc.assert(
      fc.property(words, fc.integer({ min: 19, max: 60 }), (given, width) => {
        const lines = wrapFact(fact('Plan', given.join(' ')), width)
        expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width)
        expect(lines.map((line) => line.slice(10)).join(' ')).toBe(given.join(' '))
      }),
    )
  })
})
