import { expect, it } from 'vitest'
import { cells, clocks } from '../../../src/sandbox/board/micropython/cells.js'

it.each([
  ['cells', cells],
  ['clocks', clocks],
])('gives each of the %s a place of its own', (_what, { count, ...places }) => {
  const numbers = Object.values(places)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(Math.max(...numbers)).toBeLessThan(count)
})
