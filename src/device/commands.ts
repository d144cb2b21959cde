import { WxError } from '../errors.js'
import type { Clock } from '../system.js'
import { type Link, patient } from './link.js'
import { SlipReader, slipEncode } from './slip.js'

/** Opcodes of ROM and stub (esptool's serial protocol; shared/serial-flash.md 3.3). */
export const op = {
  FLASH_BEGIN: 0x02,
  FLASH_END: 0x04,
  MEM_BEGIN: 0x05,
  MEM_END: 0x06,
  MEM_DATA: 0x07,
  SYNC: 0x08,
  WRITE_REG: 0x09,
  READ_REG: 0x0a,
  SPI_SET_PARAMS: 0x0b,
  SPI_ATTACH: 0x0d,
  CHANGE_BAUDRATE: 0x0f,
  FLASH_DEFL_BEGIN: 0x10,
  FLASH_DEFL_DATA: 0x11,
  FLASH_DEFL_END: 0x12,
  SPI_FLASH_MD5: 0x13,
  GET_SECURITY_INFO: 0x14,
  ERASE_FLASH: 0xd0,
  ERASE_REGION: 0xd1,
  READ_FLASH: 0xd2,
} as const

/** What SYNC carries: the ROM measures the baud by it. */
export const syncPattern = Uint8Array.from([
  ...[0x07, 0x07, 0x12, 0x20],
  ...new Array<number>(32).fill(0x55),
])

const names = new Map<number, string>(Object.entries(op).map(([name, code]) => [code, name]))

export interface Answer {
  value: number
  data: Uint8Array
}

/** A ROM answers within milliseconds; the longest pause of a healthy one is a busy USB hub. */
export const answerTimeoutMs = 3000
/** After so long without an answer the loader is asked something small: has it heard us at all? */
export const nudgeAfterMs = 1500
/** A loader without work answers a probe sooner, a network's round trip included. */
const promptMs = 500
const repeats = 4
/** A word every chip has; reading it changes nothing. */
export const probeRegister = 0x40001000

export interface CommandOptions {
  /** What the checksum covers. */
  payload?: Uint8Array
  /** Ceiling for a dead board: work on a slow flash chip may take this long. */
  timeoutMs?: number
  /** Doing it twice does no harm: it is sent again when bytes were lost on the way. */
  repeatable?: boolean
}

/** Little-endian words, as every command's head is made of. */
export function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value >>> 0, true)
  return bytes
}

/** A command as it goes over the wire; `payload` is what the checksum covers. */
export function commandFrame(code: number, head: Uint8Array, payload?: Uint8Array): Uint8Array {
  const length = head.length + (payload?.length ?? 0)
  const packet = new Uint8Array(8 + length)
  const view = new DataView(packet.buffer)
  packet[1] = code
  view.setUint16(2, length, true)
  if (payload) view.setUint32(4, checksumOf(payload), true)
  packet.set(head, 8)
  if (payload) packet.set(payload, 8 + head.length)
  return slipEncode(packet)
}

function checksumOf(payload: Uint8Array): number {
  let sum = 0xef
  for (const byte of payload) sum ^= byte
  return sum
}

/** Commands and answers over a link: one command at a time, answers matched by opcode. */
export class CommandPort {
  readonly link: Link
  readonly #clock: Clock
  readonly #signal: AbortSignal | undefined
  #reader = new SlipReader()
  #packets: Uint8Array[] = []
  /** Status bytes at an answer's end: 4 from a ROM, 2 from a stub. */
  statusBytes = 4
  /** The most that whatever carries the bytes takes in one block. */
  blockLimit = Number.POSITIVE_INFINITY
  /** The longest work that a probe has come into. */
  #workMs = 0

  constructor(link: Link, clock: Clock, signal?: AbortSignal) {
    this.link = link
    this.#clock = clock
    this.#signal = signal
  }

  /** Text that came between frames, such as the boot log. */
  takeText(): Uint8Array {
    return this.#reader.takeOutside()
  }

  /** Forgets what has come in: before a sync, and after a change of baud. */
  clear(): void {
    this.link.discardInput()
    this.#reader = new SlipReader()
    this.#packets = []
  }

  /** The next packet, or undefined when none came in time, the link's patience counted in. */
  patientPacket(timeoutMs: number): Promise<Uint8Array | undefined> {
    return this.packet(patient(this.link, timeoutMs))
  }

  /** The next packet, or undefined when none came in time. */
  async packet(timeoutMs: number): Promise<Uint8Array | undefined> {
    const deadline = this.#clock.monotonic() + timeoutMs
    while (this.#packets.length === 0) {
      const left = deadline - this.#clock.monotonic()
      if (left <= 0) return undefined
      this.#packets.push(...this.#reader.push(await this.link.read(left, this.#signal)))
    }
    return this.#packets.shift()
  }

  async send(packet: Uint8Array): Promise<void> {
    await this.sendFrame(slipEncode(packet))
  }

  /** Sends what `commandFrame` has made. */
  async sendFrame(frame: Uint8Array): Promise<void> {
    await this.link.write(frame, this.#signal)
  }

  /** Sends a command; `payload` is what the checksum covers. */
  async sendCommand(code: number, head: Uint8Array, payload?: Uint8Array): Promise<void> {
    await this.sendFrame(commandFrame(code, head, payload))
  }

  /**
   * Sends a command and waits for its answer. Throws BOARD_SILENT when none comes, FLASH_FAILED
   * with the loader's error number when it refuses.
   */
  async command(
    code: number,
    head: Uint8Array,
    { payload, timeoutMs = answerTimeoutMs, repeatable = false }: CommandOptions = {},
  ): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.sendCommand(code, head, payload)
        return await this.answer(code, timeoutMs)
      } catch (error) {
        if (!repeatable || attempt >= repeats || !isSpoiled(error)) throw error
        this.#reader = new SlipReader()
      }
    }
  }

  /** Waits for an answer; a silence is looked into, so that a lost byte does not cost the whole ceiling. */
  async answer(code: number, timeoutMs: number, leastNudgeMs = nudgeAfterMs): Promise<Answer> {
    const startMs = this.#clock.monotonic()
    const ceilingMs = patient(this.link, timeoutMs)
    const deadline = startMs + ceilingMs
    const nudgeMs = Math.max(leastNudgeMs, 2 * this.#workMs)
    let heardProbe = false
    let wasBusy = false
    let probedMs: number | undefined
    while (true) {
      const left = deadline - this.#clock.monotonic()
      const packet = await this.packet(Math.min(left, nudgeMs))
      if (!packet) {
        // It answered the probe and not us: our command, or its answer, was lost.
        if (heardProbe || left <= nudgeMs) throw silence(code, ceilingMs, wasBusy)
        // A loader at work answers this after its work; one that waits for the end of a frame gets it.
        probedMs ??= this.#clock.monotonic()
        await this.sendCommand(op.READ_REG, words(probeRegister))
        continue
      }
      // Late answers of earlier commands, and what is no answer at all, are passed over.
      if (packet.length < 8 + this.statusBytes || packet[0] !== 1) continue
      if (packet[1] === op.READ_REG && code !== op.READ_REG && !heardProbe) {
        heardProbe = true
        const now = this.#clock.monotonic()
        wasBusy = now - (probedMs ?? now) > promptMs
        // The probe came while the chip was at work and took our command's place in its buffer:
        // it is no loss, and such a chip is left alone for longer from now on.
        if (wasBusy) this.#workMs = Math.max(this.#workMs, now - startMs)
      }
      if (packet[1] !== code) continue
      const view = new DataView(packet.buffer, packet.byteOffset)
      const status = packet.length - this.statusBytes
      if (packet[status] !== 0) throw refusal(code, packet.subarray(status))
      return { value: view.getUint32(4, true), data: packet.slice(8, status) }
    }
  }
}

/** A failure of a chip that was slower than was waited for; its wire is sound. */
export function isSlowness(error: unknown): boolean {
  return error instanceof WxError && error.details.wasBusy === true
}

function silence(code: number, timeoutMs: number, wasBusy: boolean): WxError {
  const seconds = Math.round(timeoutMs / 1000)
  return new WxError('BOARD_SILENT', `The board did not answer ${nameOf(code)} in ${seconds} s.`, {
    details: { command: nameOf(code), ...(wasBusy && { wasBusy }) },
  })
}

function refusal(code: number, status: Uint8Array): WxError {
  const number = hex(status[0] ?? 0) + hex(status[1] ?? 0)
  return new WxError('FLASH_FAILED', `The board refused ${nameOf(code)} (error ${number}).`, {
    details: { command: nameOf(code), error: number },
  })
}

/** A failure that lost or changed bytes explain: worth another try. */
export function isSpoiled(error: unknown): boolean {
  return (
    error instanceof WxError && (error.code === 'BOARD_SILENT' || error.code === 'FLASH_FAILED')
  )
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function nameOf(code: number): string {
  return names.get(code) ?? `command 0x${hex(code)}`
}
