import { describe, expect, it } from 'vitest'
import { waitForBanner } from '../../../src/device/banner.js'
import { Dialog } from '../../../src/device/dialog.js'
import { enterRawRepl } from '../../../src/device/raw-repl.js'
import { virtualLink } from '../../support/virtual-link.js'

describe('a board of another patience', () => {
  it.each([
    [undefined, 1000],
    [10, 10_000],
  ])('factor %s: a silence counts after %d ms', async (patience, ms) => {
    const { system, link, duration } = virtualLink({ patience })
    const dialog = new Dialog(link, system)
    expect(await duration(dialog.until('>', { silenceMs: 1000 }))).toBe(ms)
    expect(await duration(dialog.take(1, 1000))).toBe(ms)
    expect(await duration(dialog.until('>', { silenceMs: 9000, ceilingMs: 1000 }))).toBe(ms)
    expect(await duration(dialog.until('>', { silenceMs: 1000, exact: true }))).toBe(1000)
  })

  it.each([
    [undefined, false],
    [10, true],
  ])('factor %s: may take ten minutes to its banner: %s', async (patience, isHeard) => {
    const { clock, link, duration, say } = virtualLink({ patience })
    const heard = waitForBanner(link, { runtime: 'micropython', version: '1.27.0' }, clock, {
      restart: async () => {},
      waitForButtons: true,
      report: () => {},
    })
    say('rst:0x1 (POWERON_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)\r\nentry 0x400805cc\r\n')
    clock.timer(600_000, () => say('MicroPython v1.27.0 on 2025-12-09; ESP32\r\n>>> '))
    await duration(heard.catch(() => {}))
    if (isHeard) expect(await heard).toMatchObject({ answered: true, version: '1.27.0' })
    else await expect(heard).rejects.toMatchObject({ code: 'BOOT_FAILED' })
  })

  it('is given up at its prompt after that many times the usual wait', async () => {
    const waits = await Promise.all(
      [1, 3].map((patience) => {
        const { system, link, duration, say } = virtualLink({ patience })
        // It prints, so that it is no dead board; it never shows a prompt.
        say('busy\r\n')
        return duration(enterRawRepl(link, {}, system).catch(() => {}))
      }),
    )
    expect(waits[0]).toBeGreaterThan(45_000)
    expect(waits[1]).toBeGreaterThan(3 * 45_000)
  })
})
