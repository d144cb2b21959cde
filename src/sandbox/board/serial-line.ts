import type { AutoReset } from './auto-reset.js'
import { consoleBaud, type Uart } from './uart.js'

/** The board's USB bridge, as one client has it. */
export class SerialLine {
  constructor(
    private readonly uart: Uart,
    private readonly reset: AutoReset,
  ) {}

  get baud(): number {
    return this.uart.hostBaud
  }

  /** Bytes that were written and have not left the bridge. */
  get backlog(): number {
    return this.uart.hostBacklog
  }

  write(bytes: Uint8Array): void {
    this.uart.sendFromHost(bytes)
  }

  setBaud(baud: number): void {
    this.uart.hostBaud = baud
  }

  /** true = asserted = low. */
  setLines(dtr: boolean, rts: boolean): void {
    this.reset.set(dtr, rts)
  }

  /** A break is one long start bit: the chip reads it as a zero. */
  setBreak(isOn: boolean): void {
    if (isOn) this.write(Uint8Array.of(0))
  }

  purge(which: { toChip?: boolean; toHost?: boolean }): void {
    this.uart.purge(which)
  }

  /** The client has gone: both lines are let go together, the rate goes back. */
  close(): void {
    this.uart.onHostReceive = () => {}
    this.uart.onHostDrain = () => {}
    this.uart.hostBaud = consoleBaud
    this.reset.set(false, false)
  }
}
