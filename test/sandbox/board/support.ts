import { fileURLToPath } from 'node:url'
import { type Air, makeAir } from '../../../src/sandbox/board/air.js'
import { Flash, makeSharedFlash } from '../../../src/sandbox/board/flash.js'
import { startMicroPython } from '../../../src/sandbox/board/micropython/runtime.js'
import type { Machine, ResetCause, SharedFlash } from '../../../src/sandbox/board/runtime.js'
import { type BoardFaults, noFaults } from '../../../src/sandbox/faults.js'
import { makeWeather } from '../../../src/sandbox/weather.js'
import { nodeSystem } from '../../../src/system/node.js'

const workerUrl = new URL(
  'dist/sandbox/board/micropython/worker.js',
  `file://${fileURLToPath(new URL('../../../', import.meta.url))}`,
)

export interface TestBoard {
  readonly faults: BoardFaults
  readonly flash: SharedFlash
  readonly air: Air
  readonly resets: ResetCause[]
  send(text: string): void
  /** Everything printed since the last take or clear. */
  text(): string
  clear(): void
  waitFor(text: string): Promise<string>
  /** The next `length` characters, and at most some 50 ms more of silence behind them. */
  take(length: number): Promise<string>
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
  const resets: ResetCause[] = []
  let text = ''
  let changed = (): void => {}
  const machine: Machine = {
    system,
    mac: Uint8Array.of(0x24, 0x0a, 0xc4, 1, 2, 3),
    resetCause: options.resetCause ?? 'power-on',
    app: {
      project: 'micropython',
      version: 'v1.23.0',
      date: '2024-06-02',
      partitionOffset: 0x10000,
    },
    flash,
    transmit(bytes) {
      text += Buffer.from(bytes).toString('latin1')
      changed()
    },
    reset: (cause) => void resets.push(cause),
    log(line) {
      text += `LOG ${line}`
      changed()
    },
  }
  const runtime = startMicroPython(machine, { faults, air, weather: makeWeather(), workerUrl })
  const { clock } = system
  const until = async (isThere: () => boolean, ms = 15_000): Promise<void> => {
    const end = clock.monotonic() + ms
    while (!isThere() && clock.monotonic() < end) {
      await new Promise<void>((resolve) => {
        const cancel = clock.timer(100, resolve)
        changed = () => {
          cancel()
          resolve()
        }
      })
    }
  }
  const board: TestBoard = {
    faults,
    flash,
    air,
    resets,
    send: (typed) => runtime.receive(Buffer.from(typed, 'latin1')),
    text: () => text,
    clear() {
      text = ''
    },
    async waitFor(wanted) {
      await until(() => text.includes(wanted))
      if (!text.includes(wanted)) throw new Error(`no ${JSON.stringify(wanted)} in ${text}`)
      const end = text.indexOf(wanted) + wanted.length
      const found = text.slice(0, end)
      text = text.slice(end)
      return found
    },
    async take(length) {
      await until(() => text.length >= length, 8000)
      if (length === 0 || text.length < length) await clock.sleep(50)
      const found = text.slice(0, Math.max(length, length === 0 ? text.length : 0))
      text = text.slice(found.length)
      return found
    },
    async exec(code) {
      text = ''
      for (let i = 0; i < code.length; i += 200) board.send(code.slice(i, i + 200))
      board.send('\x04')
      const answer = await board.waitFor('\x04>')
      const [out = '', err = ''] = answer.replace(/^OK/, '').split('\x04')
      return { out: out.replaceAll('\r\n', '\n'), err: err.replaceAll('\r\n', '\n') }
    },
    sleep: (ms) => clock.sleep(ms),
    halt: () => runtime.halt(),
  }
  return board
}
