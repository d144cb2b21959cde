import { makeAir } from '../../../src/sandbox/board/air.js'
import { Chip } from '../../../src/sandbox/board/chip.js'
import { silicon } from '../../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../../src/sandbox/board/flash.js'
import { LittleFs } from '../../../src/sandbox/board/littlefs/littlefs.js'
import { flashDevice } from '../../../src/sandbox/board/micropython/file-bindings.js'
import { startMicroPython } from '../../../src/sandbox/board/micropython/runtime.js'
import { Uart } from '../../../src/sandbox/board/uart.js'
import { noFaults } from '../../../src/sandbox/faults.js'
import { buildImage } from '../../../src/sandbox/image-builder.js'
import { makeWeather } from '../../../src/sandbox/weather.js'
import { nodeSystem } from '../../../src/system/node.js'
import { makeScreen, type Screen } from './screen.js'
import { mac, workerUrl } from './support.js'

const vfsOffset = 0x200000

export interface BootedBoard extends Screen {
  send(text: string): void
  halt(): Promise<void>
}

/** A whole board on an unpaced wire, from the first word of its ROM on: MicroPython 1.23 is flashed. */
export function powerOn(content: (flash: Flash) => void = () => {}): BootedBoard {
  const system = nodeSystem()
  const shared = makeSharedFlash(4 << 20)
  const flash = new Flash(shared)
  flash.program(0x1000, buildImage('esp32', { version: 'v1.23.0', date: '2024-06-02' }))
  content(flash)
  const faults = noFaults()
  const uart = new Uart({ clock: system.clock, isPaced: false, faults })
  const screen = makeScreen(system.clock)
  uart.onHostReceive = (bytes) => screen.show(Buffer.from(bytes).toString('latin1'))
  const parts = { faults, air: makeAir(system), weather: makeWeather(), workerUrl, isPaced: false }
  const chip = new Chip({
    system,
    silicon: silicon.esp32,
    flash: shared,
    mac,
    uart,
    isPaced: false,
    hasFlashTimes: false,
    straps: silicon.esp32.straps,
    io0IsLow: () => false,
    startRuntime: async () => (machine) => startMicroPython(machine, parts),
    log: (text) => screen.show(`LOG ${text}`),
  })
  chip.release('power-on')
  return {
    ...screen,
    send: (text) => uart.sendFromHost(Buffer.from(text, 'latin1')),
    halt: () => chip.hold(),
  }
}

/** Puts files on the board before it starts; none make an empty file system. */
export function withFiles(files: Record<string, string>): (flash: Flash) => void {
  return (flash) => {
    const device = flashDevice(flash, vfsOffset, flash.size - vfsOffset)
    LittleFs.format(device)
    const system = LittleFs.mount(device)
    for (const [name, text] of Object.entries(files)) {
      const file = system.open(name, {
        create: true,
        truncate: true,
        append: false,
        exclusive: false,
      })
      file.write(Buffer.from(text))
      file.close()
    }
  }
}

/** Overwrites the beginning of the file system. */
export function withRuins(bytes: Uint8Array): (flash: Flash) => void {
  return (flash) => flash.program(vfsOffset, bytes)
}
