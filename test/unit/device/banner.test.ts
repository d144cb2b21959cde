import { expect, it } from 'vitest'
import { waitForBanner } from '../../../src/device/banner.js'
import { virtualLink } from '../../support/virtual-link.js'

const start = 'rst:0x1 (POWERON_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)\r\nentry 0x400805cc\r\n'

/** How the wait for firmware of which nothing is known ends, where it prints this every second. */
async function unknownFirmware(text: string, hasStarted = false) {
  const { clock, link, duration, say } = virtualLink()
  const heard = waitForBanner(link, { runtime: undefined, version: undefined }, clock, {
    restart: async () => {},
    canReset: () => true,
    waitForButtons: true,
    hasStarted,
    report: () => {},
  })
  const talk = (): void => {
    say(text)
    clock.timer(1000, talk)
  }
  if (!hasStarted) say(start)
  if (text !== '') talk()
  const ms = await duration(heard.catch(() => {}))
  return { heard, ms }
}

it.each([
  ['falls silent', ''],
  ['logs a line a second', 'I (1000) app: still here\r\n'],
  ['logs so much that its start is soon forgotten', 'x'.repeat(9000)],
])('other firmware that %s has started', async (_, text) => {
  const { heard, ms } = await unknownFirmware(text)
  expect(await heard).toMatchObject({ answered: true, runtime: '' })
  expect(ms).toBeLessThan(15_000)
})

it('other firmware that restarts every second has not', async () => {
  const { heard } = await unknownFirmware(start)
  await expect(heard).rejects.toMatchObject({ message: expect.stringContaining('again and again') })
})

it('other firmware whose start was on a port that is gone need not say anything', async () => {
  const { heard } = await unknownFirmware('', true)
  expect(await heard).toMatchObject({ answered: true })
})
