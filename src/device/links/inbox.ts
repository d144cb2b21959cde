import type { WxError } from '../../errors.js'
import type { Clock } from '../../system.js'

/** Bytes that came in and were not read yet, and whoever waits for the next ones. */
export class Inbox {
  #chunks: Uint8Array[] = []
  #wake: (() => void) | undefined
  #failure: WxError | undefined
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#wake?.()
  }

  /** Everything already in is still read; after it, every read throws. */
  fail(error: WxError): void {
    this.#failure ??= error
    this.#wake?.()
  }

  get failure(): WxError | undefined {
    return this.#failure
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#chunks.unshift(bytes)
  }

  discard(): void {
    this.#chunks = []
  }

  async read(timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted()
    if (this.#chunks.length === 0) await this.#next(timeoutMs, signal)
    if (this.#chunks.length === 0) {
      if (this.#failure) throw this.#failure
      return new Uint8Array(0)
    }
    const chunks = this.#chunks
    this.#chunks = []
    return joined(chunks)
  }

  #next(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#failure) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        cancel()
        signal?.removeEventListener('abort', onAbort)
        this.#wake = undefined
      }
      const onAbort = (): void => {
        finish()
        reject(signal?.reason)
      }
      this.#wake = () => {
        finish()
        resolve()
      }
      const cancel = this.#clock.timer(timeoutMs, () => this.#wake?.())
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}

function joined(chunks: Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}
