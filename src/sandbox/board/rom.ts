import { Flash, PowerLost } from './flash.js'
import { type LoaderPins, ops, type Receiver } from './loader.js'
import { RomCommands, type RomOutcome, romError } from './rom-commands.js'
import { SlipReader, slipFrame } from './slip.js'

/** Data of READ_FLASH_SLOW. */
const largestAnswer = 64
/** A UART's hardware FIFO: what comes while the ROM is busy waits here, the rest is lost. */
const fifoSize = 128

/**
 * The serial loader in the chip's ROM, with its oddities as rom.jsonl recorded them: one request
 * buffer and one answer buffer that are never cleared, so that short frames act on what was there
 * before and status bytes 3 and 4 are leftovers.
 */
export class RomLoader implements Receiver {
  readonly #slip = new SlipReader('deaf')
  readonly #request = new Uint8Array(0x1_0000)
  readonly #answer = new Uint8Array(8 + largestAnswer + 4)
  readonly #commands: RomCommands
  #times = 1
  #downloadError = 0
  #busyMs = 0
  #waiting: Uint8Array[] = []
  #working = false

  constructor(private readonly pins: LoaderPins) {
    const flash = new Flash(pins.flash, { spend: (ms) => (this.#busyMs += ms) })
    this.#commands = new RomCommands(pins, flash, this.#request, (value) =>
      new DataView(this.#answer.buffer).setUint32(4, value >>> 0, true),
    )
  }

  receive(bytes: Uint8Array, atOnce: boolean): void {
    const room = fifoSize - this.#waiting.reduce((sum, one) => sum + one.length, 0)
    const overflows = this.#working && this.#busyMs > 0 && !atOnce
    this.#waiting.push(overflows ? bytes.subarray(0, Math.max(0, room)) : bytes)
    if (!this.#working) void this.#work()
  }

  async #work(): Promise<void> {
    this.#working = true
    try {
      for (let bytes = this.#waiting.shift(); bytes; bytes = this.#waiting.shift()) {
        for (const frame of this.#slip.read(bytes)) await this.#serve(frame)
      }
    } catch (error) {
      if (!(error instanceof PowerLost)) throw error
    }
    this.#working = false
  }

  async #serve(frame: Uint8Array): Promise<void> {
    this.#request.set(frame)
    const view = new DataView(this.#request.buffer)
    const op = this.#request[1]!
    const size = Math.max(0, frame.length - 8)
    const word = (index: number): number => view.getUint32(8 + 4 * index, true)
    const outcome =
      this.#request[0] === 0 ? await this.#commands.execute(op, size, word) : ('unknown' as const)
    await this.pins.busy(this.#busyMs)
    this.#busyMs = 0
    if (outcome === 'unknown') {
      // The ROM repeats its last answer, as often as it was sent, as a format error.
      this.#setStatus(0, { error: romError.format })
      this.#send(4)
      return
    }
    this.#answer[0] = 1
    this.#answer[1] = op
    if (outcome.data) this.#answer.set(outcome.data, 8)
    const at = op === ops.md5 ? 32 : (outcome.data?.length ?? 0)
    this.#setStatus(at, outcome)
    this.#times = outcome.times ?? 1
    this.#send(at + 4)
    outcome.after?.()
  }

  #setStatus(at: number, { error: code, keepsError }: RomOutcome): void {
    if (code !== undefined && keepsError) this.#downloadError = code
    this.#answer[8 + at] = code === undefined ? 0 : 1
    this.#answer[8 + at + 1] = code ?? (keepsError ? this.#downloadError : 0)
  }

  #send(size: number): void {
    this.#answer[2] = size
    this.#answer[3] = 0
    const frame = slipFrame(this.#answer.subarray(0, 8 + size))
    for (let i = 0; i < this.#times; i++) this.pins.transmit(frame)
  }
}
