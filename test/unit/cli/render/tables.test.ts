import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bytesText,
  cut,
  fact,
  secondsText,
  table,
  widthOf,
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
])('%i ms are %s', (ms, text) => expect(secondsText(ms)).toBe(text))

it('aligns facts in one column', () => expect(fact('Board', 'x')).toBe('Board     x'))
