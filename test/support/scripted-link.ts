import type { Link } from '../../src/device/link.js'
import { WxError } from '../../src/errors.js'

export type Step = { send: string } | { recv: string } | { wait_ms: number }

/**
 * A board as it was recorded: it answers what it answered then, and only when it gets the bytes it
 * got then. A character is a byte.
 */
export class ScriptedLink implements Link {
  readonly url = 'scripted'
  readonly kind = 'socket'
  readonly hasControlLines: boolean = false
  readonly usb = undefined
  readonly baud = 115_200
  /** What was sent and fits no step. */
  unexpected = ''
  #steps: Step[]
  #out = ''
  #in: Uint8Array[] = []
  #wake = (): void => {}

  constructor(steps: Step[]) {
    this.#steps = [...steps]
    this.#advance()
  }

  get isDone(): boolean {
    return this.#steps.length === 0 && this.unexpected === ''
  }

  async read(timeoutMs: number): Promise<Uint8Array> {
    if (this.#in.length === 0) {
      // A recorded board says nothing by itself: waiting longer than this changes nothing.
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, Math.min(timeoutMs, 20))
      })
    }
    const bytes = Buffer.concat(this.#in)
    this.#in = []
    return bytes
  }

  unread(bytes: Uint8Array): void {
    this.#in.unshift(bytes)
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#out += Buffer.from(bytes).toString('latin1')
    this.#advance()
  }

  #advance(): void {
    for (let next = this.#steps[0]; next; next = this.#steps[0]) {
      if ('send' in next) {
        const wanted = Buffer.from(next.send, 'latin1').toString('latin1')
        if (!this.#out.startsWith(wanted)) {
          if (!wanted.startsWith(this.#out)) this.unexpected += this.#out
          return
        }
        this.#out = this.#out.slice(wanted.length)
      } else if ('recv' in next && next.recv !== '') {
        this.#in.push(Buffer.from(next.recv, 'latin1'))
        this.#wake()
      }
      this.#steps.shift()
    }
    this.unexpected += this.#out
    this.#out = ''
  }

  async drain(): Promise<void> {}
  async setBaud(): Promise<void> {}
  async setLines(): Promise<void> {
    throw new WxError('FAULT', 'A recorded board has no control lines.')
  }
  discardInput(): void {
    this.#in = []
  }
  async close(): Promise<void> {}
}
