import { PowerLost } from './flash.js'
import type { LoaderPins, Receiver } from './loader.js'
import { SlipReader, slipFrame } from './slip.js'
import { StubCommands, type StubOutcome, type StubVersion } from './stub-commands.js'
import { StubFlash } from './stub-flash.js'
import { stubError } from './stub-write.js'

const greeting = new TextEncoder().encode('OHAI')

/** The flasher stub that a host uploads and starts; it talks like the ROM, but faster and stricter. */
export class Stub implements Receiver {
  readonly #slip: SlipReader
  #frames: Uint8Array[] = []
  /** Two receive buffers take turns: a short frame lies on top of the last but one. */
  #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(64), new Uint8Array(64)]
  #working = false
  readonly #chip: StubFlash
  readonly #commands: StubCommands

  constructor(
    private readonly pins: LoaderPins,
    private readonly version: StubVersion,
  ) {
    this.#slip = new SlipReader(version === 1 ? 'skip' : 'spoil')
    this.#chip = new StubFlash(pins)
    this.#commands = new StubCommands(pins, this.#chip, version)
    pins.transmit(slipFrame(greeting))
  }

  receive(bytes: Uint8Array, atOnce: boolean): void {
    const frames = this.#slip.read(bytes)
    const { reading } = this.#commands
    if (reading && !reading.isDone) {
      for (const frame of frames) reading.acknowledge(frame)
      return
    }
    // Of frames without any time between them, only the first is seen (rom.jsonl "three commands").
    this.#frames.push(...(atOnce ? frames.slice(0, 1) : frames))
    // There is one buffer for what comes while a command is at work: a later frame overwrites it.
    if (this.#working) this.#frames.splice(0, this.#frames.length - 1)
    if (!this.#working) void this.#work()
  }

  async #work(): Promise<void> {
    this.#working = true
    try {
      for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) {
        if (frame.length > 0) await this.#serve(frame)
      }
    } catch (error) {
      if (!(error instanceof PowerLost)) throw error
    }
    this.#working = false
  }

  async #serve(frame: Uint8Array): Promise<void> {
    const [older, newer] = this.#buffers
    const buffer = new Uint8Array(Math.max(frame.length, 24))
    buffer.set(older.subarray(0, buffer.length))
    buffer.set(frame)
    this.#buffers = [newer, buffer]
    const view = new DataView(buffer.buffer)
    const op = buffer[1]!
    const isShort = frame.length < 8
    const size = isShort && this.version === 1 ? view.getUint16(2, true) : frame.length - 8
    const isCrooked = size !== view.getUint16(2, true) || size < 0
    const outcome = isCrooked
      ? { error: stubError.length }
      : this.#commands.execute(op, view, buffer.subarray(8, 8 + size))
    if (this.#commands.waitsForFlash(op)) await this.#chip.rest()
    if (!outcome.silent) this.#answer(op, outcome)
    await outcome.after?.()
  }

  #answer(
    op: number,
    { error = this.#takeLateError(), value = 0, data, times = 1 }: StubOutcome,
  ): void {
    const size = (data?.length ?? 0) + 2
    const answer = new Uint8Array(8 + size)
    const view = new DataView(answer.buffer)
    answer.set([1, op])
    view.setUint16(2, size, true)
    view.setUint32(4, value, true)
    if (data) answer.set(data, 8)
    answer[8 + size - 2] = error ?? 0
    for (let i = 0; i < times; i++) this.pins.transmit(slipFrame(answer))
  }

  /** What failed after an answer was sent comes with the next one. */
  #takeLateError(): number | undefined {
    const late = this.#commands.lateError
    this.#commands.lateError = undefined
    return late
  }
}
