import type { Readable } from 'node:stream'
import type { Arrived } from '../system.js'

/** Two pages of 10,000 weather records. */
const mostBytes = 4_000_000
/** Small enough for code that is not compiled yet; as large as a socket is read. */
const [leastPiece, largestPiece] = [8192, 65_536]
/** A reader that holds the event loop longer than this gets smaller pieces: a few pages a second. */
const longMs = 1

/**
 * A body that is taken in as fast as it arrives, up to some megabytes, while its reader is at work
 * on earlier pieces or has not come yet: a server is not kept waiting.
 */
export class Inflow implements AsyncIterable<Uint8Array> {
  /** Resolves when the last byte has arrived; never where the body breaks. */
  readonly arrived: Promise<Arrived>
  readonly #body: Readable
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #bytes = 0
  #end: { error?: Error } | undefined
  #wake = (): void => {}

  constructor(body: Readable) {
    this.#body = body
    this.arrived = new Promise((resolve) => {
      body.once('end', () => resolve({ bytes: this.#bytes, rest: [...this.#waiting] }))
    })
    body.on('data', (piece: Uint8Array) => {
      this.#waiting.push(piece)
      this.#bytes += piece.length
      this.#waitingBytes += piece.length
      if (this.#waitingBytes >= mostBytes) body.pause()
      this.#wake()
    })
    const end = (error?: Error): void => {
      this.#end ??= error ? { error } : {}
      this.#wake()
    }
    body.once('end', end).once('error', end).once('close', end)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const body = this.#body
    let size = leastPiece
    try {
      while (true) {
        // One turn of the event loop: what has arrived meanwhile is taken in first.
        await new Promise<void>((resolve) => setImmediate(resolve))
        const piece = this.#take(size)
        if (piece) {
          if (this.#waitingBytes < mostBytes / 2) body.resume()
          const givenMs = performance.now()
          yield piece
          const isLong = performance.now() - givenMs > longMs
          size = isLong ? Math.max(leastPiece, size / 2) : Math.min(largestPiece, size * 2)
        } else if (this.#end?.error) throw this.#end.error
        else if (this.#end) return
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
      }
    } finally {
      if (!this.#end) body.destroy()
    }
  }

  #take(size: number): Uint8Array | undefined {
    const piece = this.#waiting.shift()
    if (!piece) return undefined
    const part = piece.subarray(0, size)
    if (part.length < piece.length) this.#waiting.unshift(piece.subarray(size))
    this.#waitingBytes -= part.length
    return part
  }
}
