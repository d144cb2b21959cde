import type { Clock } from '../../system.js'
import type { BoardFaults } from '../faults.js'

export const consoleBaud = 115_200
/** One start bit, eight data bits, one stop bit. */
const bitsPerByte = 10
/** A receiver still reads right when the clocks differ by this much: half a bit over ten bits. */
const tolerance = 0.035
/** How long bytes are gathered before they are handed on; a USB bridge polls in this order too. */
const sliceMs = 4
/**
 * A computer that was busy is late; the wire never was. What it owes follows in pieces that the chip
 * can take one by one, or its input buffer would overflow as no wire makes it.
 */
const lateMs = 2 * sliceMs
/** Timers come a millisecond apart: what ends within half of one ends now, so that no lateness adds up. */
const grainMs = 0.5

interface Sending {
  bytes: Uint8Array
  baud: number
  startsAt: number
  sent: number
}

/** One wire of the serial line: takes bytes at the sender's pace. */
class Wire {
  readonly #queue: Sending[] = []
  #freeAt = 0
  #cancel: (() => void) | undefined
  #backlog = 0

  constructor(
    private readonly clock: Clock,
    private readonly isPaced: boolean,
    private readonly deliver: (bytes: Uint8Array, baud: number) => void,
  ) {}

  /** Bytes that have not left yet. */
  get backlog(): number {
    return this.#backlog
  }

  send(bytes: Uint8Array, baud: number): void {
    if (bytes.length === 0) return
    if (!this.isPaced) {
      this.deliver(bytes, baud)
      return
    }
    const startsAt = Math.max(this.clock.monotonic(), this.#freeAt)
    this.#freeAt = startsAt + duration(bytes.length, baud)
    this.#queue.push({ bytes: bytes.slice(), baud, startsAt, sent: 0 })
    this.#backlog += bytes.length
    if (this.#freeAt - this.clock.monotonic() <= grainMs) this.#advance()
    this.#schedule()
  }

  clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#queue.length = 0
    this.#backlog = 0
    this.#freeAt = 0
  }

  #schedule(): void {
    const next = this.#queue[0]
    if (!next || this.#cancel) return
    const endsIn = next.startsAt + duration(next.bytes.length, next.baud) - this.clock.monotonic()
    this.#cancel = this.clock.timer(Math.max(1, Math.min(endsIn, sliceMs)), () => {
      this.#cancel = undefined
      this.#advance()
      this.#schedule()
    })
  }

  #advance(): void {
    const now = this.clock.monotonic()
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const endsIn = next.startsAt + duration(next.bytes.length, next.baud) - now
      // A timer is allowed to be early by the clock's own grain.
      const passed = Math.floor((now - next.startsAt + 0.05) / duration(1, next.baud))
      const due =
        endsIn <= grainMs
          ? next.bytes.length
          : Math.min(next.bytes.length, Math.max(passed, next.sent))
      const until = Math.min(due, next.sent + Math.ceil(lateMs / duration(1, next.baud)))
      if (until === next.sent) return
      const bytes = next.bytes.subarray(next.sent, until)
      next.sent = until
      const isDone = until === next.bytes.length
      if (isDone) this.#queue.shift()
      this.#backlog -= bytes.length
      this.deliver(bytes, next.baud)
      if (!isDone) return
    }
  }
}

function duration(bytes: number, baud: number): number {
  return (bytes * bitsPerByte * 1000) / baud
}

/**
 * What a receiver at `to` baud makes of bytes sent at `from` baud: the line is sampled in the middle
 * of what the receiver takes for a bit. Equal rates give the same bytes, others give garbage.
 */
export function resample(bytes: Uint8Array, from: number, to: number): Uint8Array {
  if (Math.abs(from / to - 1) <= tolerance) return bytes
  const bits = new Uint8Array(bytes.length * bitsPerByte).fill(1)
  for (const [i, byte] of bytes.entries()) {
    bits[i * bitsPerByte] = 0
    for (let bit = 0; bit < 8; bit++) bits[i * bitsPerByte + 1 + bit] = (byte >> bit) & 1
  }
  const level = (at: number): number => bits[Math.floor(at)] ?? 1
  const step = from / to
  const seen: number[] = []
  for (let at = 0; at < bits.length; ) {
    // An idle line is high: a byte begins where it falls.
    if (level(at) === 1) {
      at = Math.floor(at) + 1
      continue
    }
    let byte = 0
    for (let bit = 0; bit < 8; bit++) byte |= level(at + step * (1.5 + bit)) << bit
    seen.push(byte)
    at += step * 9.5
    while (at < bits.length && level(at) === 0) at = Math.floor(at) + 1
  }
  return Uint8Array.from(seen)
}

export interface UartOptions {
  clock: Clock
  /** Bytes take the time they take at the baud rate. */
  isPaced: boolean
  faults: Pick<BoardFaults, 'loseOneByteIn'>
}

/** UART0 between the chip and its USB bridge; each end has its own baud rate. */
export class Uart {
  hostBaud = consoleBaud
  chipBaud = consoleBaud
  onHostReceive: (bytes: Uint8Array) => void = () => {}
  onChipReceive: (bytes: Uint8Array, atOnce: boolean) => void = () => {}
  /** The host's output has nearly left: it may write more. */
  onHostDrain: () => void = () => {}
  readonly #toChip: Wire
  readonly #toHost: Wire
  #random = 1

  constructor(private readonly options: UartOptions) {
    const { clock, isPaced } = options
    this.#toChip = new Wire(clock, isPaced, (bytes, baud) => {
      this.onChipReceive(this.#damage(bytes, baud, this.chipBaud), !isPaced)
      if (this.#toChip.backlog < 4096) this.onHostDrain()
    })
    this.#toHost = new Wire(clock, isPaced, (bytes, baud) =>
      this.onHostReceive(this.#damage(bytes, baud, this.hostBaud)),
    )
  }

  get hostBacklog(): number {
    return this.#toChip.backlog
  }

  sendFromHost(bytes: Uint8Array): void {
    this.#toChip.send(bytes, this.hostBaud)
  }

  sendFromChip(bytes: Uint8Array): void {
    this.#toHost.send(bytes, this.chipBaud)
  }

  /** The chip lost power or was reset: what it was sending stops in the middle. */
  resetChip(): void {
    this.#toHost.clear()
    this.chipBaud = consoleBaud
  }

  /** The host drops what it has written (`toChip`) or not yet read (`toHost`). */
  purge({ toChip = false, toHost = false }): void {
    if (toChip) this.#toChip.clear()
    if (toHost) this.#toHost.clear()
  }

  #damage(bytes: Uint8Array, from: number, to: number): Uint8Array {
    const { loseOneByteIn } = this.options.faults
    const received = resample(bytes, from, to)
    if (loseOneByteIn <= 0) return received
    return received.filter(() => {
      // Numerical Recipes' generator: the same losses in every run.
      this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
      return this.#random % loseOneByteIn !== 0
    })
  }
}
