import { createHash } from 'node:crypto'
import type { Flash } from './flash.js'
import { slipFrame } from './slip.js'

export interface ReadRequest {
  address: number
  size: number
  block: number
  /** Bytes that may be on their way before the host acknowledges them. */
  inFlight: number
}

/** One READ_FLASH: data frames without a header, each acknowledged, then the MD5 of it all. */
export class StubRead {
  #sent = 0
  #acknowledged = 0
  #isDone = false

  constructor(
    private readonly flash: Flash,
    private readonly transmit: (bytes: Uint8Array) => void,
    private readonly request: ReadRequest,
  ) {
    this.#pump()
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** The host's word on how many bytes it has. */
  acknowledge(frame: Uint8Array): void {
    if (frame.length < 4 || this.#isDone) return
    this.#acknowledged = new DataView(frame.buffer, frame.byteOffset).getUint32(0, true)
    this.#pump()
  }

  #pump(): void {
    if (this.flash.powerIsGone) return
    const { address, size, block, inFlight } = this.request
    while (this.#sent < size && this.#sent - this.#acknowledged < Math.max(1, inFlight)) {
      const next = Math.min(block, size - this.#sent)
      this.transmit(slipFrame(this.flash.read(address + this.#sent, next)))
      this.#sent += next
    }
    if (this.#acknowledged < size) return
    this.#isDone = true
    const md5 = createHash('md5').update(this.flash.read(address, size)).digest()
    this.transmit(slipFrame(md5))
  }
}
