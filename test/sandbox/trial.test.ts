import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dialog } from '../../src/device/dialog.js'
import { openLink } from '../../src/device/links/open.js'
import { enterRawRepl } from '../../src/device/raw-repl.js'
import { readFacts } from '../../src/station/board.js'
import { parseStation, type StationSettings, stationText } from '../../src/station/config.js'
import { storeCandidate } from '../../src/station/trial.js'
import { nodeSystem } from '../../src/system/node.js'
import { type Bench, provisionBench } from '../support/bench.js'

/** The station's own half of a change over the air, on a board that runs its real code. */
describe('settings on trial', () => {
  const system = nodeSystem()
  let bench: Bench

  beforeAll(async () => {
    bench = await provisionBench()
    const ran = await bench.wxstation('provision', '--wifi')
    expect(ran.code, ran.err).toBe(0)
  })
  afterAll(() => bench?.stop())

  /** Tries settings, waits for a line on the console, and gives station.json before and after. */
  async function tried(
    change: StationSettings,
    line: string,
  ): Promise<{ candidate: string; after: string }> {
    const link = await openLink(
      bench.sandbox.boards[0]?.rfc2217Url ?? '',
      { baud: 115_200 },
      system,
    )
    const settings = async (candidate?: StationSettings): Promise<string> => {
      const repl = await enterRawRepl(link, {}, system)
      const { stationJson = '' } = await readFacts(repl, { scl: 22, sda: 21 })
      const wish = candidate && { ...parseStation(stationJson, 'board'), ...candidate }
      if (wish) await storeCandidate(repl, wish)
      await repl.leave()
      return stationJson.trim()
    }
    try {
      const before = await settings(change)
      const candidate = stationText({ ...parseStation(before, 'board'), ...change }).trim()
      const said = await new Dialog(link, system).until(line, {
        silenceMs: 30_000,
        ceilingMs: 50_000,
      })
      expect(said ?? 'nothing').toContain(line)
      return { candidate, after: await settings() }
    } finally {
      await link.close()
    }
  }

  it('are kept, byte by byte, after the first upload', async () => {
    const { candidate, after } = await tried({ trial_time: 30 }, 'wx upload ok')
    expect(after).toBe(candidate)
  })
})
