import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  collect,
  parseCount,
  parseDuration,
  parseSize,
  parseTime,
} from '../../../src/cli/options.js'

describe('parseDuration', () => {
  it.each([
    ['30', 30_000],
    ['1.5', 1500],
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['2min', 120_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', 's', '10x', '-5s', '1h 30m', '1hh', 'soon'])('refuses %j', (text) =>
    expect(() => parseDuration(text)).toThrow('duration'),
  )

  it('never answers a number that is not one', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(Number.isFinite(parseDuration(text))).toBe(true)
        } catch (error) {
          expect(String(error)).toContain('duration')
        }
      }),
    )
  })
})

describe('parseSize', () => {
  it.each([
    ['4096', 4096],
    ['0x1000', 4096],
    ['256K', 262_144],
    ['4MB', 4_194_304],
    ['1 MiB', 1_048_576],
  ])('%s is %i bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))
  it.each(['', 'x', '4G', '-1'])('refuses %j', (text) =>
    expect(() => parseSize(text)).toThrow('size'),
  )
})

describe('parseTime', () => {
  const now = Date.UTC(2026, 10, 23, 21, 0, 0)
  it.each([
    ['now', now],
    ['2h', now - 7_200_000],
    ['2026-11-23', Date.UTC(2026, 10, 23)],
    ['2026-11-23T20:00:00', Date.UTC(2026, 10, 23, 20)],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['2026-11-23 20:00', Date.UTC(2026, 10, 23, 20)],
    ['2026-11-23T20:00:00+02:00', Date.UTC(2026, 10, 23, 18)],
  ])('%s', (text, ms) => expect(parseTime(text, now)).toBe(ms))
  it.each([
    '2026-13-45',
    '2026-11-31',
    '2026-02-29T10:00',
    'yesterday',
    '',
    '1000000d',
    '99999999999d',
    '9999-12-31T23:59:59-10:00',
  ])('refuses %j', (text) => expect(() => parseTime(text, now)).toThrow())
})

describe('parseCount', () => {
  it('takes whole numbers from 1 up', () => expect(parseCount('10')).toBe(10))
  it.each(['0', '-1', '1.5', 'ten', ''])('refuses %j', (text) =>
    expect(() => parseCount(text)).toThrow(),
  )
})

it('collects a repeated option in order', () =>
  expect(collect('b', collect('a', undefined))).toEqual(['a', 'b']))
