import { describe, expect, it } from 'vitest'
import { checkSymbols, type Listed } from '../../../src/station/list.js'

const usual = { symbol: '', stream: 'weather_record' }
const board = (more: Partial<Listed> = {}): Listed => ({ port: 'p', set: [], ...more })

describe('symbols of boards side by side', () => {
  it.each<[string, Listed[], typeof usual]>([
    ['of their own MACs', [board(), board()], usual],
    ['of their own MACs, the old way', [board(), board()], { ...usual, symbol: 'mac4' }],
    ['one for one board', [board()], { ...usual, symbol: 'roof' }],
    [
      'of their own',
      [board({ symbol: 'a' }), board({ symbol: 'b' })],
      { ...usual, symbol: 'roof' },
    ],
    [
      'the same in two streams',
      [board({ symbol: 'a' }), board({ symbol: 'a', set: ['stream=garden'] })],
      usual,
    ],
  ])('may be %s', (_what, boards, shared) => {
    expect(() => checkSymbols(boards, shared)).not.toThrow()
  })

  it.each<[string, Listed[], typeof usual]>([
    ['twice the same', [board({ symbol: 'a' }), board({ symbol: 'a' })], usual],
    ['one for all', [board(), board()], { ...usual, symbol: 'roof' }],
    ['as a setting', [board({ set: ['symbol=a'] }), board({ symbol: 'a' })], usual],
    [
      'in one stream, said twice',
      [board({ symbol: 'a' }), board({ symbol: 'a', set: ['stream=weather_record'] })],
      usual,
    ],
  ])('are refused: %s', (_what, boards, shared) => {
    expect(() => checkSymbols(boards, shared)).toThrow(/cannot both be/)
  })
})
