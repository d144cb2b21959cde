/**
 * A byte link to a board. It is the sole owner of baud, DTR and RTS: both lines are passed
 * together on every change, because half a change glitches the auto-reset circuit.
 */
export interface Link {
  /** The port as the user named it: a path, socket://… or rfc2217://… */
  readonly url: string
  readonly kind: 'serial' | 'socket' | 'rfc2217'
  /** False for socket://: no reset, no baud change from here. */
  readonly hasControlLines: boolean
  readonly usb: { vendorId: number; productId: number; serialNumber?: string } | undefined
  readonly baud: number
  /** How many times longer than a usual board the one behind it may take; 1 unless told. */
  readonly patience?: number | undefined
  /**
   * The bytes that have come in, at least one; waits up to `timeoutMs` for the first and
   * answers an empty array when none came. Throws PORT_LOST when the link is gone.
   */
  read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array>
  /** Puts bytes back in front of what read() answers next. */
  unread(bytes: Uint8Array): void
  /** Resolves when the operating system has taken all bytes. */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Resolves when everything written has left the computer, as far as the computer can know. */
  drain(): Promise<void>
  setBaud(baud: number): Promise<void>
  /** true = asserted = the pin is low. */
  setLines(lines: { dtr: boolean; rts: boolean }): Promise<void>
  /** Drops what has come in and was not read. */
  discardInput(): void
  /** Leaves both lines released; never throws. */
  close(): Promise<void>
}

/** A deadline for the board behind a link: what is enough for a usual one, times its patience. */
export function patient({ patience = 1 }: Pick<Link, 'patience'>, ms: number): number {
  return ms * patience
}

export interface OpenLinkOptions {
  baud: number
  /** Factor on every deadline of the board; 1 unless told. */
  patience?: number | undefined
  signal?: AbortSignal
}
