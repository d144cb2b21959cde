import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { type Link, patient } from './link.js'

const utf8 = new TextEncoder()

/** Bytes kept of what the board last said; an error quotes its last lines. */
const tailSize = 2048

/** A talk with a board over a link: send, wait for a marker, remember what was said last. */
export class Dialog {
  readonly link: Link
  readonly #system: System
  #pending = ''
  #tail = ''
  /** Bytes that have come in since the beginning. */
  heardBytes = 0

  constructor(link: Link, system: System) {
    this.link = link
    this.#system = system
  }

  send(bytes: string | Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.link.write(typeof bytes === 'string' ? utf8.encode(bytes) : bytes, signal)
  }

  /**
   * Text (a character is a byte) up to and with the first of `markers`, or undefined when the
   * board was silent for `silenceMs` or said nothing that fits within `ceilingMs`: both times the
   * patience of the link, but for waits that are `exact`.
   */
  async until(
    markers: string | string[],
    wait: {
      silenceMs: number
      ceilingMs?: number
      exact?: boolean
      signal?: AbortSignal | undefined
      onText?: (text: string) => void
    },
  ): Promise<string | undefined> {
    const wanted = typeof markers === 'string' ? [markers] : markers
    const factor = wait.exact ? 1 : (this.link.patience ?? 1)
    const silenceMs = wait.silenceMs * factor
    const ceilingMs = (wait.ceilingMs ?? Number.POSITIVE_INFINITY) * factor
    const longest = Math.max(...wanted.map((marker) => marker.length))
    const started = this.#system.clock.monotonic()
    let searched = 0
    let told = 0
    while (true) {
      const ends = wanted
        .map((marker) => ({ at: this.#pending.indexOf(marker, searched), length: marker.length }))
        .filter(({ at }) => at >= 0)
        .map(({ at, length }) => at + length)
      if (ends.length > 0) {
        const end = Math.min(...ends)
        const found = this.#pending.slice(0, end)
        this.#pending = this.#pending.slice(end)
        return found
      }
      searched = Math.max(0, this.#pending.length - longest + 1)
      if (wait.onText && searched > told) {
        wait.onText(this.#pending.slice(told, searched))
        told = searched
      }
      const left = ceilingMs - (this.#system.clock.monotonic() - started)
      if (left <= 0) return undefined
      if (!(await this.#fill(Math.min(silenceMs, left), wait.signal))) return undefined
    }
  }

  /** Exactly `count` bytes, or undefined when they did not come. */
  async take(
    count: number,
    silenceMs: number,
    signal?: AbortSignal | undefined,
  ): Promise<string | undefined> {
    while (this.#pending.length < count) {
      if (!(await this.#fill(patient(this.link, silenceMs), signal))) return undefined
    }
    const taken = this.#pending.slice(0, count)
    this.#pending = this.#pending.slice(count)
    return taken
  }

  /** Drops what has come in until the board has been quiet for `quietMs`, at most `ceilingMs`. */
  async drain(quietMs: number, ceilingMs: number, signal?: AbortSignal): Promise<void> {
    const end = this.#system.clock.monotonic() + ceilingMs
    while (this.#system.clock.monotonic() < end && (await this.#fill(quietMs, signal))) {
      // Read on: whatever it is, nobody waits for it.
    }
    this.#pending = ''
  }

  /** What was received and not taken goes back to the link, for whoever reads it next. */
  giveBack(): void {
    if (this.#pending !== '') {
      this.link.unread(Buffer.from(this.#pending, 'latin1'))
    }
    this.#pending = ''
  }

  /** The last lines the board printed, without control characters; empty when it was silent. */
  lastWords(lines = 3): string {
    return this.#tail
      .replace(/\x1b\[[0-9;]*[A-Za-z]/g, '')
      .replace(/[^\x20-\x7e\n]/g, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && line !== '>')
      .slice(-lines)
      .join('\n')
  }

  /** How often this text stands in what the board last said. */
  said(text: string): number {
    return this.#tail.split(text).length - 1
  }

  forget(): void {
    this.#tail = ''
  }

  async #fill(waitMs: number, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) throw signal.reason ?? new WxError('INTERRUPTED', 'Interrupted.')
    const bytes = await this.link.read(waitMs, signal)
    if (bytes.length === 0) return false
    const text = Buffer.from(bytes).toString('latin1')
    this.heardBytes += bytes.length
    this.#pending += text
    this.#tail = (this.#tail + text).slice(-tailSize)
    return true
  }
}

export function silent(dialog: Dialog, message: string, hint?: string): WxError {
  const last = dialog.lastWords()
  const said =
    last === '' ? 'It has printed nothing.' : `It last printed:\n  ${last.replaceAll('\n', '\n  ')}`
  return new WxError('BOARD_SILENT', `${message} ${said}`, {
    details: { port: dialog.link.url, lastPrinted: last },
    ...(hint && { hint }),
  })
}
