import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, it } from 'vitest'
import { nodeSystem } from '../../src/system/node.js'
import { hardware, hardwareClient } from '../support/hardware.js'
import { type Bench, mainJob } from '../support/main-job.js'

const found = hardware(['PORT', 'FIRMWARE', 'SSID', 'TIMEBASE', 'USER', 'PASSWORD'])

describe.skipIf(found.missing)(`the main job on real things${found.reason}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const { env } = found
  const run = Date.now().toString(36)
  const streams = { stream: `wx_hw_${run}`, statusStream: `wx_hw_${run}_status` }
  const bench: Bench = {
    env: {
      WXSTATION_HOME: home,
      WXSTATION_PORT: env.PORT ?? '',
      WXSTATION_PATIENCE: String(found.patience),
      WXSTATION_WIFI_SSID: env.SSID ?? '',
      WXSTATION_WIFI_PASSWORD: env.WIFI_PASSWORD ?? '',
      WXSTATION_TIMEBASE_URL: env.TIMEBASE ?? '',
      WXSTATION_TIMEBASE_BOARD_URL: env.TIMEBASE_FROM_BOARD ?? env.TIMEBASE ?? '',
      WXSTATION_TIMEBASE_USER: env.USER ?? '',
      WXSTATION_TIMEBASE_PASSWORD: env.PASSWORD ?? '',
      ...(env.NTP && { WXSTATION_NTP: env.NTP }),
    },
    firmware: env.FIRMWARE ?? '',
    // A little less than the case's own ceiling, so that the command can say what it waited for.
    timeoutS: 540 * found.patience,
    ...streams,
  }
  afterAll(async () => {
    rmSync(home, { recursive: true, force: true })
    if (found.missing) return
    // The station goes on sending; what it sends from here on is refused and nobody's loss.
    const client = hardwareClient(found, nodeSystem())
    for (const stream of Object.values(streams))
      await client.post([stream, 'delete'], { stream }).catch(() => undefined)
  })

  // Ten minutes a case: erasing and writing 2 MB takes minutes at 115200, on a slow chip ten times that.
  for (const { name, skip, run } of mainJob) {
    const why = found.missing ? undefined : skip?.(bench)
    const title = why ? `${name} (skipped: ${why})` : name
    it.skipIf(why)(title, { timeout: 600_000 * found.patience }, () => run(bench))
  }
})
