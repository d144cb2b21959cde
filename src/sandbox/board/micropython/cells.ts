/** Int32 cells that the board's thread and the interpreter's worker look at together. */
export const cells = {
  /** Counts events the worker may sleep through; it waits on this one. */
  wake: 0,
  /** Ctrl-C has arrived and was not yet delivered. */
  interrupt: 1,
  /** The byte that interrupts, or -1. */
  interruptChar: 2,
  /** Code runs: what does not fit in the input buffer is lost. */
  isRunning: 3,
  /** Bytes put into and taken from the input ring since the start. */
  received: 4,
  taken: 5,
  /** 1 when the answer of a call lies in the answer buffer; its size, and that of its bytes. */
  isAnswered: 6,
  answerSize: 7,
  answerBytes: 8,
  /** Bytes the worker has printed and the board has sent on. */
  printed: 9,
  sent: 10,
  /** 1 when the board hands on what arrives: from then on a Ctrl-C counts. */
  isListening: 12,
  /** Counts what has happened to sockets. */
  network: 11,
  count: 16,
} as const

/** Float64 cells. */
export const clocks = {
  /** Absolute milliseconds (performance.timeOrigin + now) at which the CPU was started. */
  startedAt: 0,
  /** What the RTC shows minus absolute time, microseconds since 2000. */
  rtcOffset: 1,
  count: 4,
} as const

/** ESP32 port: `stdin_ringbuf_array[260]`, one place of which stays empty. */
export const inputBufferSize = 259

const ringSize = 65_536
const answerSize = 262_144

/** Bytes on their way to the UART before the interpreter is made to wait. */
export const outputAhead = 4096

export interface Shared {
  cells: SharedArrayBuffer
  clocks: SharedArrayBuffer
  input: SharedArrayBuffer
  answer: SharedArrayBuffer
}

export function makeShared(): Shared {
  const shared = {
    cells: new SharedArrayBuffer(4 * cells.count),
    clocks: new SharedArrayBuffer(8 * clocks.count),
    input: new SharedArrayBuffer(ringSize),
    answer: new SharedArrayBuffer(answerSize),
  }
  new Int32Array(shared.cells)[cells.interruptChar] = -1
  return shared
}

/** Milliseconds on one clock for all threads of this process. */
export function absoluteMs(): number {
  return performance.timeOrigin + performance.now()
}

/** The board's side of the input: bytes that came over the wire. */
export class Input {
  readonly #cells: Int32Array
  readonly #ring: Uint8Array

  constructor(shared: Shared) {
    this.#cells = new Int32Array(shared.cells)
    this.#ring = new Uint8Array(shared.input)
  }

  /** Takes what fits; an armed Ctrl-C is not stored but interrupts. */
  receive(bytes: Uint8Array): void {
    const isRunning = Atomics.load(this.#cells, cells.isRunning) === 1
    const limit = isRunning ? inputBufferSize : ringSize
    for (const byte of bytes) {
      if (byte === Atomics.load(this.#cells, cells.interruptChar)) {
        Atomics.store(this.#cells, cells.interrupt, 1)
        continue
      }
      const received = Atomics.load(this.#cells, cells.received)
      if (received - Atomics.load(this.#cells, cells.taken) >= limit) continue
      this.#ring[received % ringSize] = byte
      Atomics.store(this.#cells, cells.received, received + 1)
    }
    this.wake()
  }

  wake(): void {
    Atomics.add(this.#cells, cells.wake, 1)
    Atomics.notify(this.#cells, cells.wake)
  }
}

/** The worker's side. */
export class Line {
  readonly cells: Int32Array
  readonly clocks: Float64Array
  readonly #ring: Uint8Array

  constructor(readonly shared: Shared) {
    this.cells = new Int32Array(shared.cells)
    this.clocks = new Float64Array(shared.clocks)
    this.#ring = new Uint8Array(shared.input)
  }

  get available(): number {
    return Atomics.load(this.cells, cells.received) - Atomics.load(this.cells, cells.taken)
  }

  /** The next byte, or undefined where there is none. */
  take(): number | undefined {
    const taken = Atomics.load(this.cells, cells.taken)
    if (taken === Atomics.load(this.cells, cells.received)) return undefined
    const byte = this.#ring[taken % ringSize]
    Atomics.store(this.cells, cells.taken, taken + 1)
    return byte
  }

  get isInterrupted(): boolean {
    return Atomics.load(this.cells, cells.interrupt) === 1
  }

  /** Takes the interrupt back: whoever calls this delivers it. */
  takeInterrupt(): boolean {
    return Atomics.exchange(this.cells, cells.interrupt, 0) === 1
  }

  /** Sleeps until the board hands on what arrives. */
  waitForListener(): void {
    for (;;) {
      const seen = this.events
      if (Atomics.load(this.cells, cells.isListening) === 1) return
      this.wait(seen)
    }
  }

  arm(char: number): void {
    Atomics.store(this.cells, cells.interruptChar, char)
  }

  setRunning(value: boolean): void {
    Atomics.store(this.cells, cells.isRunning, value ? 1 : 0)
  }

  /** Sleeps until something happens or `ms` are over; `seen` is wake's value before one looked. */
  wait(seen: number, ms = Infinity): void {
    Atomics.wait(this.cells, cells.wake, seen, ms)
  }

  get events(): number {
    return Atomics.load(this.cells, cells.wake)
  }
}
