import { describe, expect, it } from 'vitest'
import { type Gateway, startGateway } from '../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../src/system/node.js'
import { temporaryFolder } from '../support/system.js'
import { cuttingProxy, sweep } from './cutting-proxy.js'
import { ask, gatewayWithStreams, password } from './gateway.js'
import { missing, python } from './run.js'

async function pressures(gateway: Gateway): Promise<number[]> {
  const rows = (await ask(gateway, 'weather_record/select', { rows: 10_000 })) as {
    pressure: string
  }[]
  return rows.map((row) => Math.round(Number(row.pressure) * 100))
}

const numbered = (count: number): number[] => Array.from({ length: count }, (_, i) => 90_001 + i)

describe.skipIf(missing)(`the station's uploads in real MicroPython ${missing ?? ''}`, () => {
  it('loses and doubles nothing when a connection breaks at any byte, by an end or a reset', async () => {
    const gateway = await gatewayWithStreams(temporaryFolder(), ['weather_record'])
    const { stages, judge } = sweep()
    const url = await cuttingProxy(() => gateway.port, judge)
    const count = 2400
    const { results, text } = await python('upload_cuts.py', {
      args: [url, password, String(count)],
    })
    expect(results[0], text).toMatchObject({ taken: count, queued: 0, refused: 0 })
    expect(await pressures(gateway)).toEqual(numbered(count))
    // Every byte of all eight had its turn.
    for (const stage of stages) {
      expect(stage.size, JSON.stringify(stage)).toBeGreaterThan(100)
      expect(stage.visited, JSON.stringify(stage)).toBe(stage.size)
    }
  }, 300_000)

  it('loses and doubles nothing when the server restarts within a batch', async () => {
    const folder = temporaryFolder()
    let gateway = await gatewayWithStreams(folder, ['weather_record'])
    let writes = 0
    const restart = async (): Promise<void> => {
      await gateway.stop()
      gateway = await startGateway({ folder, password }, nodeSystem())
    }
    const url = await cuttingProxy(
      () => gateway.port,
      async (phase, part, size) => {
        if (phase !== 'write') return undefined
        if (part === 'request') writes++
        // The fifth is lost with the old server, the tenth is stored there and its answer lost.
        if (!(writes === 5 && part === 'request') && !(writes === 10 && part === 'answer'))
          return undefined
        await restart()
        return { after: part === 'request' ? size - 1 : 0, how: 'reset' }
      },
    )
    const { results, text } = await python('upload_cuts.py', { args: [url, password, '60'] })
    expect(results[0], text).toMatchObject({ taken: 60, queued: 0, refused: 0 })
    expect(writes).toBeGreaterThan(20)
    expect(await pressures(gateway)).toEqual(numbered(60))
    await gateway.stop()
  }, 60_000)
})
