import type { System } from '../../system.js'

/** What the ROM found in the app partition's descriptor. */
export interface AppImage {
  project: string
  /** As in the descriptor, for example `v1.27.0`. */
  version: string
  /** Build date as in the banner, for example `2025-12-09`. */
  date: string
  /** What the banner calls the board, where the image has a banner. */
  machine?: string
  /** ESP-IDF it was built with, for example `v5.0.4`, and how the sum of its ELF file begins. */
  idf?: string
  elf?: string
  partitionOffset: number
}

export type ResetCause =
  | 'power-on'
  | 'enable-pin'
  | 'software'
  | 'watchdog'
  | 'deep-sleep'
  | 'brown-out'

/** The chip as its firmware sees it: made by the chip at each reset, used by a runtime. */
export interface Machine {
  readonly system: System
  readonly mac: Uint8Array
  readonly resetCause: ResetCause
  readonly app: AppImage
  /** The whole flash, shared with workers: programs only clear bits, erases set 4 KB to ones. */
  readonly flash: SharedFlash
  /** What the CPU finds at an address, or undefined where there is no memory. */
  read(address: number): number | undefined
  /** False where nothing can be written. */
  write(address: number, value: number, mask: number): boolean
  /** UART0's TX pin: paced and garbled by the chip at the wrong baud. */
  transmit(bytes: Uint8Array): void
  /** machine.reset(), a watchdog, a brown-out: the chip restarts through its ROM. */
  reset(cause: ResetCause): void
  /** Words for the log of the sandbox (never for the board's own UART). */
  log(text: string): void
}

/** Flash memory that the chip and a worker look at together; see flash.ts for the operations on it. */
export interface SharedFlash {
  readonly memory: SharedArrayBuffer
  /**
   * Int32 cells: operations done, operation to cut the power at (0 = never), power is gone, how
   * much of that operation is done (256ths); then a bit a sector: changed since it was saved.
   */
  readonly control: SharedArrayBuffer
}

/** Firmware that runs since the ROM jumped into it. */
export interface Runtime {
  /** Bytes that arrive at UART0's RX pin. */
  receive(bytes: Uint8Array): void
  /** EN low or power gone: stops at once, in the middle of whatever it did. */
  halt(): Promise<void>
}

/** Starts firmware on a machine; one for MicroPython, one for images we know nothing about. */
export type StartRuntime = (machine: Machine) => Runtime
