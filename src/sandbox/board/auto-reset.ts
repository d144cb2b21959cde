import type { Clock } from '../../system.js'

export interface AutoResetTimes {
  /** From the moment EN is let go until the chip runs: its capacitor charges through 10 kΩ. */
  enRiseMs: number
  /** How long IO0 stays low after it is let go. */
  io0RiseMs: number
}

/**
 * A board with generous capacitors (10 µF at EN). A host that reaches it over a network moves DTR
 * and RTS one after the other, some 50 ms apart: a board with less resets into the wrong mode then.
 */
export const generousCapacitors: AutoResetTimes = { enRiseMs: 130, io0RiseMs: 120 }

/** What the circuit does to the chip. */
export interface ResetPins {
  /** EN goes low. */
  hold(): void
  /** EN has risen. */
  release(): void
}

/** The two transistors between DTR, RTS and EN, IO0 (shared/serial-flash.md 3.8). */
export class AutoReset {
  #isHeld = false
  #io0IsLow = false
  #cancelEn: (() => void) | undefined
  #cancelIo0: (() => void) | undefined

  constructor(
    private readonly clock: Clock,
    private readonly times: AutoResetTimes,
    private readonly pins: ResetPins,
  ) {}

  /** IO0 as the chip latches it. */
  get io0IsLow(): boolean {
    return this.#io0IsLow
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** true = asserted = the line is low. */
  set(dtr: boolean, rts: boolean): void {
    this.#setIo0(dtr && !rts)
    this.#setEn(rts && !dtr)
  }

  stop(): void {
    this.#cancelEn?.()
    this.#cancelIo0?.()
  }

  #setEn(isLow: boolean): void {
    if (isLow) {
      this.#cancelEn?.()
      this.#cancelEn = undefined
      if (!this.#isHeld) this.pins.hold()
      this.#isHeld = true
    } else if (this.#isHeld && !this.#cancelEn) {
      this.#cancelEn = this.clock.timer(this.times.enRiseMs, () => {
        this.#cancelEn = undefined
        this.#isHeld = false
        this.pins.release()
      })
    }
  }

  #setIo0(isLow: boolean): void {
    if (isLow) {
      this.#cancelIo0?.()
      this.#cancelIo0 = undefined
      this.#io0IsLow = true
    } else if (this.#io0IsLow && !this.#cancelIo0) {
      this.#cancelIo0 = this.clock.timer(this.times.io0RiseMs, () => {
        this.#cancelIo0 = undefined
        this.#io0IsLow = false
      })
    }
  }
}
