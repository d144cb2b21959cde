import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, it } from 'vitest'
import { hardware } from '../support/hardware.js'
import { type Bench, mainJob } from '../support/main-job.js'

const found = hardware(['PORT', 'FIRMWARE', 'SSID', 'TIMEBASE', 'USER', 'PASSWORD'])

describe.skipIf(found.missing)(`the main job on real things${found.reason}`, () => {
  const home = mkdtempSync(join(tmpdir(), 'wxstation-hw-'))
  const { env } = found
  const bench: Bench = {
    env: {
      WXSTATION_HOME: home,
      WXSTATION_PORT: env.PORT ?? '',
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
    stream: `wx_hw_${Date.now().toString(36)}`,
  }
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  // Ten minutes a case: erasing and writing 2 MB takes minutes at 115200, on a slow chip ten times that.
  for (const { name, run } of mainJob)
    it(name, { timeout: 600_000 * found.patience }, () => run(bench))
})
