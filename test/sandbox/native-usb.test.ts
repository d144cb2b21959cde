import { describe, expect, it, onTestFinished } from 'vitest'
import { CommandPort, op, words } from '../../src/device/commands.js'
import { openLink } from '../../src/device/links/open.js'
import { describePort } from '../../src/device/ports.js'
import { chooseReturned } from '../../src/device/returned-port.js'
import type { Event } from '../../src/events.js'
import type { StartRuntime } from '../../src/sandbox/board/runtime.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import type { PortInfo } from '../../src/system.js'
import { testBoard } from '../support/board.js'
import { flash, holdInLoader, imageFile } from '../support/flashing.js'
import { facts, speaks } from '../support/large-image.js'
import { noBridge, openBridge } from '../support/pty-bridge.js'
import { testSystem } from '../support/system.js'

const serialNumber = '24:0A:C4:01:02:03'
const jtag = { vendorId: 0x303a, productId: 0x1001, serialNumber }
const otg = { vendorId: 0x303a, productId: 0x4001, serialNumber: '240ac4010203' }

/** An S3 in its loader on its own USB, whose firmware leaves the bus and, it may be, comes back. */
async function nativeBoard(comesBack: boolean) {
  let listed: PortInfo[] = []
  let asked = ''
  const speaks: StartRuntime = ({ app, transmit }) => {
    void leave()
    return {
      receive: (bytes) => {
        asked += Buffer.from(bytes).toString('latin1')
        if (asked.endsWith('\x02'))
          transmit(Buffer.from(`\r\nMicroPython ${app.version} on ${app.date}; S3\r\n>>> `))
      },
      halt: async () => {},
    }
  }
  const board = await testBoard({ chip: 'esp32s3', startRuntime: async () => speaks })
  await holdInLoader(board)
  const first = await openBridge(board.socketUrl)
  listed = [{ path: first.path, ...jtag }]
  const leave = async (): Promise<void> => {
    listed = []
    await first.close()
    if (!comesBack) return
    const second = await openBridge(board.socketUrl)
    onTestFinished(second.close)
    listed = [{ path: second.path, ...otg }]
  }
  const system = testSystem({ serial: { list: async () => listed } })
  return { port: first.path, system, asked: () => asked }
}

describe.skipIf(noBridge)(`firmware on a chip's own USB${noBridge}`, () => {
  it('is heard on the port that it comes back with', async () => {
    const { port, system, asked } = await nativeBoard(true)
    const result = await flash(port, imageFile(buildImage('esp32s3', facts)), system)
    expect(result).toMatchObject({ state: 'flashed', answered: true })
    // Its program, stopped to hear its name, starts anew.
    await expect.poll(asked).toMatch(/\x03\x02\x04$/)
  })

  it('that does not come back is flashed all the same', async () => {
    const { port, system } = await nativeBoard(false)
    const { clock } = system
    let skippedMs = 0
    // Ten seconds without a port pass at once.
    const quick: typeof clock = {
      ...clock,
      monotonic: () => clock.monotonic() + skippedMs,
      sleep: (ms, signal) => {
        if (ms === 250) skippedMs += 2500
        return clock.sleep(ms === 250 ? 1 : ms, signal)
      },
    }
    const done: Event[] = []
    const path = imageFile(buildImage('esp32s3', facts))
    const result = await flash(
      port,
      path,
      { ...system, clock: quick },
      {
        report: (event) => event.type === 'done' && done.push(event),
      },
    )
    expect(result).toMatchObject({ state: 'flashed', answered: false })
    expect(done.at(-1)).toMatchObject({ values: { answered: false, isGone: true } })
  })
})

it('an S3 over USB-OTG ends its loader by its watchdog, whatever lines the port has', async () => {
  const causes: unknown[] = []
  const startRuntime = async (): Promise<StartRuntime> => (machine) => {
    causes.push(machine.resetCause)
    return speaks(machine)
  }
  const board = await testBoard({ chip: 'esp32s3', startRuntime })
  await holdInLoader(board)
  const link = await openLink(board.socketUrl, { baud: 115_200 }, testSystem())
  // The ROM of a real one has this in its memory when USB-OTG carries it.
  const port = new CommandPort(link, testSystem().clock)
  await port.command(op.WRITE_REG, words(0x3fcef14c, 3, 0xffff_ffff, 0))
  await link.close()
  const path = imageFile(buildImage('esp32s3', facts))
  const result = await flash(board.rfc2217Url, path, testSystem())
  expect(result).toMatchObject({ state: 'flashed', answered: true })
  expect(causes).toEqual(['watchdog'])
})

describe('the port that came back', () => {
  const port = (path: string, ids: Partial<PortInfo>) => describePort({ path, ...ids }, [])
  const before = { url: '/dev/ttyACM0', usb: jtag }

  it.each([
    [
      'with the chip’s serial number',
      [port('/dev/ttyACM1', otg), port('/dev/ttyACM0', { vendorId: 0x303a })],
      '/dev/ttyACM1',
    ],
    [
      'in its old place',
      [port('/dev/ttyACM1', { vendorId: 0x303a }), port('/dev/ttyACM0', { vendorId: 0x303a })],
      '/dev/ttyACM0',
    ],
    [
      'as the only one of its maker',
      [port('/dev/ttyACM5', { vendorId: 0x303a }), port('/dev/ttyUSB0', { vendorId: 0x10c4 })],
      '/dev/ttyACM5',
    ],
    [
      'not among several others',
      [port('/dev/ttyACM5', { vendorId: 0x303a }), port('/dev/ttyACM6', { vendorId: 0x303a })],
      undefined,
    ],
    ['not as a bridge', [port('/dev/ttyACM0', { vendorId: 0x10c4 })], undefined],
  ])('is found %s', (_, ports, expected) => {
    expect(chooseReturned(ports, before)?.path).toBe(expected)
  })
})
