import { fileURLToPath } from 'node:url'
import { type Air, makeAir } from '../../../src/sandbox/board/air.js'
import { silicon } from '../../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../../src/sandbox/board/flash.js'
import { startMicroPython } from '../../../src/sandbox/board/micropython/runtime.js'
import { Registers } from '../../../src/sandbox/board/registers.js'
import type { Machine, ResetCause, SharedFlash } from '../../../src/sandbox/board/runtime.js'
import { type BoardFaults, noFaults } from '../../../src/sandbox/faults.js'
import { makeWeather, type Weather } from '../../../src/sandbox/weather.js'
import { nodeSystem } from '../../../src/system/node.js'
import { makeScreen, type Screen } from './screen.js'

/** The MAC of the recordings. */
export const mac = Uint8Array.of(0x24, 0x0a, 0xc4, 1, 2, 3)

export const workerUrl = new URL(
  'dist/sandbox/board/micropython/worker.js',
  `file://${fileURLToPath(new URL('../../../', import.meta.url))}`,
)

export interface TestBoard extends Screen {
  readonly faults: BoardFaults
  readonly flash: SharedFlash
  readonly air: Air
  readonly resets: ResetCause[]
  send(text: string): void
  /** Runs code in raw mode (entered before): output and error. */
  exec(code: string): Promise<{ out: string; err: string }>
  sleep(ms: number): Promise<void>
  halt(): Promise<void>
}

export interface TestBoardOptions {
  faults?: BoardFaults
  flash?: SharedFlash
  air?: Air
  resetCause?: ResetCause
  weather?: Weather
  partitions?: Partition[]
}

type Partition = [type: number, subtype: number, offset: number, size: number, label: string]

const usualPartitions: Partition[] = [
  [1, 2, 0x9000, 0x6000, 'nvs'],
  [1, 1, 0xf000, 0x1000, 'phy_init'],
  [0, 0, 0x10000, 0x1f0000, 'factory'],
  [1, 0x81, 0x200000, 0x200000, 'vfs'],
]

export const queuePartitions: Partition[] = [
  ...usualPartitions.slice(0, 3),
  [1, 0x81, 0x200000, 0x40000, 'vfs'],
  [1, 0x40, 0x240000, 0x1c0000, 'wxqueue'],
]

/** Flash as `wxstation flash` leaves it, without the code that no sandbox runs. */
export function flashedChip(partitions: Partition[] = usualPartitions): SharedFlash {
  const shared = makeSharedFlash(4 << 20)
  const table = Buffer.concat(partitions.map(entry))
  new Flash(shared).program(0x8000, table)
  return shared
}

function entry([type, subtype, offset, size, label]: Partition): Buffer {
  const bytes = Buffer.alloc(32)
  bytes.set([0xaa, 0x50, type, subtype])
  bytes.writeUInt32LE(offset, 4)
  bytes.writeUInt32LE(size, 8)
  bytes.write(label, 12)
  return bytes
}

/** A MicroPython board without its ROM: the runtime on a machine of the test's own. */
export async function startTestBoard(options: TestBoardOptions = {}): Promise<TestBoard> {
  const system = nodeSystem()
  const faults = options.faults ?? noFaults()
  const flash = options.flash ?? flashedChip(options.partitions)
  const air = options.air ?? makeAir(system)
  const weather = options.weather ?? makeWeather()
  const resets: ResetCause[] = []
  const screen = makeScreen(system.clock)
  const registers = new Registers(silicon.esp32, new Flash(flash), mac)
  const machine: Machine = {
    system,
    mac,
    resetCause: options.resetCause ?? 'power-on',
    app: {
      project: 'micropython',
      version: 'v1.23.0',
      date: '2024-06-02',
      partitionOffset: 0x10000,
    },
    flash,
    read: (address) => registers.load(address),
    write: (address, value, mask) => registers.store(address, value, mask),
    transmit: (bytes) => screen.show(Buffer.from(bytes).toString('latin1')),
    reset: (cause) => void resets.push(cause),
    log: (line) => screen.show(`LOG ${line}`),
  }
  const runtime = startMicroPython(machine, { faults, air, weather, workerUrl })
  const board: TestBoard = {
    faults,
    flash,
    air,
    resets,
    send: (typed) => runtime.receive(Buffer.from(typed, 'latin1')),
    ...screen,
    async exec(code) {
      screen.clear()
      for (let i = 0; i < code.length; i += 200) board.send(code.slice(i, i + 200))
      board.send('\x04')
      const answer = await board.waitFor('\x04>')
      const [out = '', err = ''] = answer.replace(/^OK/, '').split('\x04')
      return { out: out.replaceAll('\r\n', '\n'), err: err.replaceAll('\r\n', '\n') }
    },
    sleep: (ms) => system.clock.sleep(ms),
    halt: () => runtime.halt(),
  }
  return board
}
