import type { Silicon } from './chips.js'
import type { Registers } from './registers.js'
import type { SharedFlash } from './runtime.js'

/** What a loader, in ROM or uploaded, has of the chip it runs on. */
export interface LoaderPins {
  readonly silicon: Silicon
  readonly flash: SharedFlash
  readonly registers: Registers
  /** UART0's TX pin. */
  transmit(bytes: Uint8Array): void
  /** Takes effect when what was transmitted before has left. */
  setBaud(baud: number): void
  /** Waits while the chip is busy; at once where flash times are not modelled. */
  busy(ms: number): Promise<void>
  /** Ends this loader. */
  leave(next: Leaving): void
}

export type Leaving =
  /** The ROM jumps into its flash boot without a reset. */
  | { to: 'flash' }
  /** A program in RAM: these pieces of it were uploaded. */
  | { to: 'program'; entry: number; pieces: { address: number; size: number }[] }
  /** Software reset of the chip: straps stay as they were latched. */
  | { to: 'reset' }
  /** The program returned to the ROM, which has nothing more to do. */
  | { to: 'nothing' }

/** Whatever listens at UART0's RX pin. `atOnce`: the bytes came without the wire's pace. */
export interface Receiver {
  receive(bytes: Uint8Array, atOnce: boolean): void
}

/** XOR of all bytes, seeded as the protocol wants it (esptool serial protocol, "Checksum"). */
export function xorChecksum(bytes: Uint8Array, seed = 0xef): number {
  return bytes.reduce((sum, byte) => sum ^ byte, seed)
}

export const ops = {
  flashBegin: 0x02,
  flashData: 0x03,
  flashEnd: 0x04,
  memBegin: 0x05,
  memEnd: 0x06,
  memData: 0x07,
  sync: 0x08,
  writeReg: 0x09,
  readReg: 0x0a,
  spiSetParams: 0x0b,
  spiAttach: 0x0d,
  readFlashSlow: 0x0e,
  changeBaud: 0x0f,
  deflBegin: 0x10,
  deflData: 0x11,
  deflEnd: 0x12,
  md5: 0x13,
  securityInfo: 0x14,
  eraseFlash: 0xd0,
  eraseRegion: 0xd1,
  readFlash: 0xd2,
  runUserCode: 0xd3,
} as const

/** Answer of GET_SECURITY_INFO: flags, counter of flash encryption, purposes, id, eco. */
export function securityInfo(silicon: Silicon): Uint8Array {
  const answer = new Uint8Array(20)
  if (silicon.isEncrypted) answer[4] = 1
  new DataView(answer.buffer).setUint32(12, silicon.imageId, true)
  return answer
}
