import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readInventory, rememberStation, type Station } from '../../../src/station/inventory.js'
import { testSystem } from '../../support/system.js'

const built = (path: string): string => new URL(`../../../dist/${path}`, import.meta.url).href

it('keeps what processes write at the same time, and what each knew before', async () => {
  const system = testSystem()
  const { data } = system.folders
  const home = join(data, '..')
  const old: Station = { mac: '00:00', symbol: 'old', stream: 's', name: 'Roof', heightM: 120 }
  await rememberStation(system, old)
  const each = 4
  const script = `
    const { nodeSystem } = await import(${JSON.stringify(built('system/node.js'))})
    const { rememberStation } = await import(${JSON.stringify(built('station/inventory.js'))})
    const system = nodeSystem()
    const [n] = process.argv.slice(1)
    for (let i = 0; i < ${each}; i++)
      await rememberStation(system, { mac: n + ':' + i, symbol: 'p' + n + i, stream: 's' })
    await rememberStation(system, { mac: '00:00', symbol: 'old', stream: 's', ['from' + n]: n })`
  const numbers = ['1', '2', '3', '4', '5']
  const ended = numbers.map(async (n) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, n], {
      env: { ...process.env, WXSTATION_HOME: home },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const [code] = await once(child, 'exit')
    return code as number
  })
  expect(await Promise.all(ended)).toEqual(numbers.map(() => 0))
  const stations = await readInventory(system)
  expect(stations).toHaveLength(numbers.length * each + 1)
  // Five wrote into one entry: nobody's part is lost.
  expect(stations[0]).toEqual({
    ...old,
    ...Object.fromEntries(numbers.map((n) => [`from${n}`, n])),
  })
  expect(readFileSync(join(data, 'inventory.json'), 'utf8')).toMatch(/\}\n$/)
})
