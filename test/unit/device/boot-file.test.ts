import { expect, it } from 'vitest'
import { Dialog } from '../../../src/device/dialog.js'
import { RawRepl } from '../../../src/device/raw-repl.js'
import { rawBanner } from '../../../src/device/wake.js'
import { virtualLink } from '../../support/virtual-link.js'

/** A board at its raw prompt; `boot` is what its boot.py does after a soft reset. */
function board(boot: (say: (text: string) => void, every: (fn: () => void) => void) => void) {
  let stop = (): void => {}
  const bench = virtualLink({
    onWrite(text) {
      if (text === '\x04') {
        bench.say('OK\r\nMPY: soft reboot\r\n')
        boot(bench.say, (fn) => {
          const again = (): void => {
            fn()
            stop = bench.clock.timer(1000, again)
          }
          again()
        })
      }
      if (text === '\x03') {
        stop()
        bench.say(`KeyboardInterrupt: \r\n${rawBanner}`)
      }
    },
  })
  const repl = new RawRepl(new Dialog(bench.link, bench.system), bench.system, {})
  return { ...bench, repl }
}

it('takes a board back from a boot.py that prints for ever', async () => {
  const { repl, duration } = board((say, every) => every(() => say('busy\r\n')))
  const restarted = repl.restart()
  expect(await duration(restarted)).toBeGreaterThan(35_000)
  expect(await restarted).toBe(true)
})

it('sees that boot.py has reset the chip', async () => {
  const { repl, duration } = board((say, every) =>
    every(() => say('rst:0xc (SW_CPU_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)\r\n')),
  )
  const restarted = repl.restart()
  expect(await duration(restarted)).toBeLessThan(1000)
  expect(await restarted).toBe(false)
})

it('lets go of a board without control lines whose program resets the chip at once', async () => {
  const bench = virtualLink({
    onWrite(text) {
      const loop = (): void => {
        bench.say('rst:0xc (SW_CPU_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)\r\nbusy\r\n')
        bench.clock.timer(500, loop)
      }
      if (text.includes('machine.reset()')) loop()
      else bench.say(rawBanner)
    },
  })
  const repl = new RawRepl(new Dialog(bench.link, bench.system), bench.system, {})
  expect(await bench.duration(repl.leave())).toBeLessThan(5000)
})
