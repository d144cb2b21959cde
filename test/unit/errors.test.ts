import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  type ErrorCode,
  errnoOf,
  errorTable,
  fileError,
  isAbort,
  WxError,
} from '../../src/errors.js'

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

it('says what a file system refuses in words, and leaves other errors alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-errors-'))
  mkdirSync(join(folder, 'sub'))
  const thrown = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error)
  const words = async (work: Promise<unknown>, path?: string): Promise<unknown> =>
    fileError(await thrown(work), path)?.message
  try {
    expect(await words(open(join(folder, 'sub'), 'w'), 'sub')).toBe(
      'sub cannot be written: it is a folder.',
    )
    expect(await words(readFile(folder), 'it')).toBe('it cannot be read: it is a folder.')
    const absent = join(folder, 'absent')
    expect(await words(rename(absent, `${absent}2`))).toBe(
      `${absent} cannot be written: there is no such place.`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
  const port = Object.assign(new Error('listen EACCES'), { code: 'EACCES', syscall: 'listen' })
  for (const other of [port, new Error('x'), new WxError('PORT_BUSY', 'x'), undefined])
    expect(fileError(other)).toBeUndefined()
})
