import { describe, expect, it } from 'vitest'
import { asRows } from '../../../src/timebase/row.js'

const floats = new Map([['weather_record', ['temperature', 'humidity']]])
const head = { $type: 'weather_record', symbol: 'a', timestamp: '2026-11-23T00:00:00.000Z' }

describe('rows', () => {
  it.each([
    [
      { temperature: '21.5', humidity: '0' },
      { temperature: 21.5, humidity: 0 },
    ],
    [{ temperature: '1.2345678E7' }, { temperature: 12_345_678 }],
    [{ temperature: 'NaN', humidity: 'x' }, {}],
    [
      { temperature: 5, note: '12' },
      { temperature: 5, note: '12' },
    ],
  ])('%j -> %j', (fields, expected) => {
    expect(asRows([{ ...head, ...fields }], floats)).toEqual([{ ...head, ...expected }])
  })

  it('of a class nobody described have their numbers read by their looks', () => {
    const foreign = { ...head, $type: 'other', symbol: '7', level: '1.50', name: 'x1' }
    expect(asRows([foreign], floats)).toEqual([
      { ...head, $type: 'other', symbol: '7', level: 1.5, name: 'x1' },
    ])
  })

  it.each([
    [null],
    [1],
    ['text'],
    [{}],
    [{ ...head, symbol: 1 }],
    [{ ...head, timestamp: '2026-11-23' }],
    [{ ...head, timestamp: 0 }],
  ])('%j is none', (value) => {
    expect(() => asRows([value], floats)).toThrow(
      expect.objectContaining({ code: 'ANSWER_INVALID' }),
    )
  })
})
