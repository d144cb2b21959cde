import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { nodeSystem } from '../../../src/system/node.js'
import type { Files } from '../../../src/system.js'
import { bench, weatherCsv } from '../../support/stream-bench.js'
import { cli } from '../../support/system.js'

it('an export that another took over while the computer slept leaves the file to that one', async () => {
  const { run, folder, system } = await bench()
  writeFileSync(join(folder, 'in.csv'), weatherCsv(5000, 3))
  await run(['stream', 'import', 'in.csv', 'garden'])
  const { files, fetch } = nodeSystem()
  const lost = new AbortController()
  const locked: Files['locked'] = (path, fn) =>
    path.endsWith('.part') ? fn(lost.signal) : files.locked(path, fn)
  const part = join(folder, 'out.csv.part')
  let pages = 0
  const sleeper = system({
    files: { ...files, locked },
    fetch: (url, options) => {
      if (url.endsWith('/select') && ++pages === 2) {
        writeFileSync(part, 'theirs')
        lost.abort(Object.assign(new Error('stale'), { code: 'ECOMPROMISED' }))
      }
      return fetch(url, options)
    },
  })
  const { code, err } = await cli(['stream', 'export', 'garden', '-o', 'out.csv'], sleeper)
  expect(err).toMatch(/out\.csv cannot be written: another wxstation took it over/)
  expect(code).toBe(2)
  expect(readFileSync(part, 'utf8')).toBe('theirs')
  expect(existsSync(join(folder, 'out.csv'))).toBe(false)
  expect(existsSync(`${part}.json`)).toBe(false)
})
