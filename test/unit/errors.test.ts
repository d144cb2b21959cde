import { expect, it } from 'vitest'
import { type ErrorCode, errnoOf, errorTable, isAbort, WxError } from '../../src/errors.js'

const codes = Object.keys(errorTable) as ErrorCode[]

it.each(codes)('%s has a documented exit code and a hint that is a sentence', (code) => {
  const error = new WxError(code, 'It happened.')
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130]).toContain(error.exitCode)
  expect(error.hint).toMatch(/[.;:…]$|[a-z0-9/]$/)
  expect(error.hint.length).toBeLessThan(120)
})

it('keeps the cause and the details', () => {
  const cause = new Error('deep')
  const error = new WxError('PORT_BUSY', 'Busy.', {
    cause,
    details: { port: 'COM3' },
    hint: 'Close it.',
  })
  expect(error).toMatchObject({ cause, details: { port: 'COM3' }, hint: 'Close it.', exitCode: 5 })
})

it('knows an abort by its name or code', () => {
  expect(isAbort(AbortSignal.abort().reason)).toBe(true)
  expect(isAbort(new WxError('INTERRUPTED', 'x'))).toBe(true)
  expect(isAbort(new Error('x'))).toBe(false)
  expect(isAbort(undefined)).toBe(false)
})

it('reads an errno', () => {
  expect(errnoOf(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe('ENOENT')
  expect(errnoOf(new Error('x'))).toBeUndefined()
  expect(errnoOf(null)).toBeUndefined()
})
