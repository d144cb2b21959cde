import type { Conditions } from '../../weather.js'
import type { Slave } from './bus.js'

/** Calibration of the data sheet's example (section 3.5): AC1-3 signed, AC4-6 unsigned, B1 … MD signed. */
const calibration = {
  ac1: 408,
  ac2: -72,
  ac3: -14_383,
  ac4: 32_741,
  ac5: 32_757,
  ac6: 23_153,
  b1: 6190,
  b2: 4,
  mb: -32_768,
  mc: -8711,
  md: 2868,
}

const registers = {
  calibration: 0xaa,
  id: 0xd0,
  version: 0xd1,
  reset: 0xe0,
  control: 0xf4,
  out: 0xf6,
}
const chipId = 0x55
const chipVersion = 0x02
const resetCommand = 0xb6
const resetMs = 10
const temperatureCommand = 0x2e
const pressureCommand = 0x34
const temperatureMs = 4.5
/** Conversion time by oversampling 0 to 3. */
const pressureMs = [4.5, 7.5, 13.5, 25.5] as const
/** The start-of-conversion bit: set while it measures. */
const busyBit = 0x20

/** Bosch BMP180: pressure and the temperature of the board it sits on. */
export class Bmp180 implements Slave {
  readonly name = 'bmp180'
  readonly address = 0x77
  #register = 0
  #control = 0
  #readyAt = -Infinity
  #result = 0
  #next = 0
  #resetUntil = -Infinity

  constructor(private readonly outside: { now(): number; weather(): Conditions }) {}

  addressed(): boolean {
    return this.outside.now() >= this.#resetUntil
  }

  write(bytes: Uint8Array): void {
    const [register, ...values] = bytes
    if (register === undefined) return
    this.#register = register
    for (const value of values) {
      if (this.#register === registers.control) this.#start(value)
      if (this.#register === registers.reset && value === resetCommand) this.#reset()
      this.#register = (this.#register + 1) & 255
    }
  }

  read(size: number): Uint8Array {
    this.#settle()
    const bytes = Uint8Array.from({ length: size }, (_, i) => this.#at((this.#register + i) & 255))
    this.#register = (this.#register + size) & 255
    return bytes
  }

  #at(register: number): number {
    if (register >= registers.calibration && register < registers.calibration + 22) {
      const word = Object.values(calibration)[(register - registers.calibration) >> 1]!
      return (register & 1 ? word : word >> 8) & 255
    }
    if (register === registers.id) return chipId
    if (register === registers.version) return chipVersion
    if (register === registers.control) return this.#control
    if (register >= registers.out && register <= registers.out + 2) {
      return (this.#result >> (8 * (registers.out + 2 - register))) & 255
    }
    return 0
  }

  #start(command: number): void {
    this.#settle()
    const now = this.outside.now()
    const { caseTemperature, pressure } = this.outside.weather()
    const raw = rawTemperature(caseTemperature)
    const oversampling = command >> 6
    if ((command & 0x3f) === temperatureCommand) {
      this.#next = raw << 8
      this.#readyAt = now + temperatureMs
    } else if ((command & 0x3f) === pressureCommand) {
      const value = rawPressure(raw, pressure, oversampling)
      this.#next = value << (8 - oversampling)
      this.#readyAt = now + pressureMs[oversampling]!
    } else {
      return
    }
    this.#control = command
  }

  #settle(): void {
    if (this.#control & busyBit && this.outside.now() >= this.#readyAt) {
      this.#control &= ~busyBit
      this.#result = this.#next
    }
  }

  #reset(): void {
    this.#resetUntil = this.outside.now() + resetMs
    this.#control = 0
    this.#result = 0
  }
}

/** B5 of the data sheet: what temperature and pressure share. */
function shared(raw: number): number {
  const { ac5, ac6, mc, md } = calibration
  const x1 = ((raw - ac6) * ac5) >> 15
  const x2 = Math.trunc((mc * 2048) / (x1 + md))
  return x1 + x2
}

/** The raw value whose compensated temperature is nearest to `celsius`. */
function rawTemperature(celsius: number): number {
  const wanted = Math.round(celsius * 10)
  return search(0, 65_535, (raw) => ((shared(raw) + 8) >> 4) - wanted)
}

/** The raw value whose compensated pressure is nearest to `hectopascal`. */
function rawPressure(rawTemperature: number, hectopascal: number, oversampling: number): number {
  const wanted = Math.round(hectopascal * 100)
  const b5 = shared(rawTemperature)
  return search(
    0,
    (1 << (16 + oversampling)) - 1,
    (raw) => compensated(raw, b5, oversampling) - wanted,
  )
}

/** Data sheet, section 3.5: pascals out of a raw pressure. */
function compensated(raw: number, b5: number, oversampling: number): number {
  const { ac1, ac2, ac3, ac4, b1, b2 } = calibration
  const b6 = b5 - 4000
  const x3 = ((b2 * ((b6 * b6) >> 12)) >> 11) + ((ac2 * b6) >> 11)
  const b3 = (((ac1 * 4 + x3) << oversampling) + 2) >> 2
  const x6 = (((ac3 * b6) >> 13) + ((b1 * ((b6 * b6) >> 12)) >> 16) + 2) >> 2
  const b4 = Math.floor((ac4 * (x6 + 32_768)) / 32_768)
  const b7 = (raw - b3) * (50_000 >> oversampling)
  const p = Math.trunc((b7 * 2) / b4)
  const square = (p >> 8) * (p >> 8)
  return p + ((((square * 3038) >> 16) + ((-7357 * p) >> 16) + 3791) >> 4)
}

/** The least value for which a rising function is no longer negative. */
function search(low: number, high: number, fn: (value: number) => number): number {
  let from = low
  let to = high
  while (from < to) {
    const middle = (from + to) >> 1
    if (fn(middle) < 0) from = middle + 1
    else to = middle
  }
  return from
}
