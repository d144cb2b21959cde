import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, it } from 'vitest'
import { nodeSystem } from '../../src/system/node.js'
import {
  clearHome,
  dropStreams,
  hardware,
  hardwareClient,
  programEnv,
  skipReader,
  skipWhereNotShown,
} from '../support/hardware.js'
import { type Bench, mainJob, NotShown } from '../support/main-job.js'

const server = hardware(['TIMEBASE', 'USER', 'PASSWORD'])
// Twenty minutes a case: erasing and writing 2 MB takes minutes at 115200, on an emulator more.
const ceilingS = 1200 * server.patience

describe('the main job on real things', () => {
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const run = Date.now().toString(36)
  const streams = { stream: `wx_hw_${run}`, statusStream: `wx_hw_${run}_status` }
  const client = hardwareClient(server, nodeSystem())
  const bench: Bench = {
    env: programEnv(server, home),
    firmware: server.env.FIRMWARE ?? '',
    // A little less than the case's own, so that the command can say what it waited for. What a
    // new layout has no place for is saved, and put back where it can be.
    options: ['--yes', '--timeout', `${ceilingS - 60}s`],
    ...streams,
  }
  afterAll(async () => {
    clearHome(home)
    // The station goes on sending; what it sends from here on is refused and nobody's loss.
    if (!server.missing) await dropStreams(client, Object.values(streams))
  })

  /** The first case that did not succeed: what stands on it would only wait for its ceiling. */
  let failed: string | undefined
  for (const { name, needs, run } of mainJob) {
    const { missing, reason } = hardware(needs)
    it.skipIf(missing)(`${name}${reason}`, { timeout: ceilingS * 1000 }, async (context) => {
      if (failed) context.skip(`"${failed}" did not succeed before it`)
      if (needs.includes('TIMEBASE')) await skipReader(context, client)
      await skipWhereNotShown(context, () =>
        run(bench).catch((error: unknown) => {
          // A board that cannot be flashed from here may have its firmware already.
          if (!(error instanceof NotShown && needs.includes('FIRMWARE'))) failed = name
          throw error
        }),
      )
    })
  }
})
