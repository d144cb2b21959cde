import type { Clock } from '../../../system.js'
import type { BoardFaults } from '../../faults.js'
import type { Weather } from '../../weather.js'
import { Am2320 } from '../sensors/am2320.js'
import { Bmp180 } from '../sensors/bmp180.js'
import { Bus } from '../sensors/bus.js'
import type { Answer } from './messages.js'

const EIO = 5
const ENODEV = 19

/** Where the sensors are soldered to: the generic ESP32's default pins. */
const wiring = { scl: 22, sda: 21 }

/** Pins and the I2C bus. The sensors have their own power: no reset of the chip reaches them. */
export class Peripherals {
  readonly #bus: Bus
  #rtcMemory: Uint8Array = new Uint8Array(0)
  /** Level each pin drives, undefined where it is an input. */
  readonly #driven = new Map<number, 0 | 1 | undefined>()

  constructor(options: { faults: BoardFaults; weather: Weather; clock: Clock }) {
    const { faults, weather, clock } = options
    const now = (): number => clock.monotonic()
    this.#bus = new Bus(faults, [
      new Am2320({ now, weather: () => weather.at(clock.now()) }),
      new Bmp180({ now, weather: () => weather.at(clock.now()) }),
    ])
  }

  readonly operations = {
    i2c: ([scl, sda, address, readSize]: [number, number, number, number], bytes?: Uint8Array) =>
      this.#transfer(scl, sda, address, bytes, readSize),
    pin_drive: ([pin, level]: [number, 0 | 1 | null]): Answer => {
      this.#drive(pin, level ?? undefined)
      return {}
    },
    rtc_memory: (): Answer => ({ bytes: this.#rtcMemory }),
    rtc_memory_set: (_: [], bytes: Uint8Array = new Uint8Array(0)): Answer => {
      this.#rtcMemory = bytes
      return {}
    },
    pin_read: ([pin, pull]: [number, number]): Answer => ({ value: this.#level(pin, pull) }),
  }

  /** A write, a read, or a write and a read with a repeated start. */
  #transfer(
    scl: number,
    sda: number,
    address: number,
    written: Uint8Array | undefined,
    readSize: number,
  ): Answer {
    if (scl !== wiring.scl || sda !== wiring.sda) return { error: ENODEV }
    // The driver sees SDA low where it wants to send a start, and gives up.
    if (this.#bus.isStuck) return { error: 116 }
    if (written || readSize < 0) {
      const acknowledged = this.#bus.write(address, written ?? new Uint8Array(0))
      if (acknowledged === undefined) return { error: ENODEV }
      if (!acknowledged) return { error: EIO }
    }
    if (readSize < 0) return {}
    const bytes = this.#bus.read(address, readSize)
    return bytes ? { bytes } : { error: ENODEV }
  }

  #drive(pin: number, level: 0 | 1 | undefined): void {
    const before = this.#level(pin, 1)
    this.#driven.set(pin, level)
    if (pin === wiring.scl && before === 0 && this.#level(pin, 1) === 1) this.#bus.clock()
  }

  #level(pin: number, pull: number): 0 | 1 {
    if (pin === wiring.sda && this.#bus.isStuck) return 0
    const driven = this.#driven.get(pin)
    if (driven !== undefined) return driven
    // The bus has pull-ups of its own.
    if (pin === wiring.sda || pin === wiring.scl) return 1
    return pull === 1 ? 1 : 0
  }
}
