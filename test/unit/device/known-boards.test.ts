import { expect, it } from 'vitest'
import { boardOn, rememberBoard } from '../../../src/device/known-boards.js'
import type { System } from '../../../src/system.js'
import { testSystem } from '../../support/system.js'

it('writes a board down when something about it is new, and the last one on a port is the one on it', async () => {
  const real = testSystem()
  let writes = 0
  const write: System['files']['write'] = (...args) => {
    writes++
    return real.files.write(...args)
  }
  const system = { ...real, files: { ...real.files, write } }
  const first = { mac: '24:6f:28:00:00:01', port: 'socket://board:1', baud: 921_600 }
  const second = { mac: '24:6f:28:00:00:02', port: 'socket://board:1' }
  await rememberBoard(system, first)
  await rememberBoard(system, first)
  expect(writes).toBe(1)
  await rememberBoard(system, { ...first, cleanRuns: 1 })
  expect(writes).toBe(2)
  await rememberBoard(system, second)
  expect(await boardOn(first.port, undefined, system)).toMatchObject(second)
  // Nothing about it is new but that it is back.
  await rememberBoard(system, first)
  expect(await boardOn(first.port, undefined, system)).toEqual({ ...first, cleanRuns: 1 })
  expect(writes).toBe(4)
})
