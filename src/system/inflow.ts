import type { Readable } from 'node:stream'
import type { Arrived } from '../system.js'

/** Two pages of 10,000 weather records. */
const mostBytes = 4_000_000
/** As much as a socket is read at a time. */
const blockBytes = 65_536
/** The first pieces are small: a reader whose code is not compiled yet takes long for each. */
const leastPiece = 8192
/** A reader that holds the event loop longer than this gets smaller pieces, a faster one larger. */
const longMs = 1
/** Turns of the event loop that a reader waits at most for what arrives: a page of rows in blocks. */
const mostTurns = 32

/**
 * Blocks to be filled again. What waits longer than a moment would else be old to V8's garbage
 * collector, which gives such memory back some 50 MB late.
 */
const spare: Buffer[] = []

/** Pieces that any body took in so far. */
let arrivals = 0

interface Block {
  bytes: Buffer
  start: number
  end: number
}

/**
 * A body that is taken in as fast as it arrives, up to some megabytes, while its reader is at work
 * on earlier pieces or has not come yet: a server is not kept waiting. A piece holds until the next
 * one is asked for.
 */
export class Inflow implements AsyncIterable<Uint8Array> {
  /** Resolves when the last byte has arrived; never where the body breaks. */
  readonly arrived: Promise<Arrived>
  readonly #body: Readable
  readonly #waiting: Block[] = []
  #waitingBytes = 0
  #bytes = 0
  #end: { error?: Error } | undefined
  #wake = (): void => {}

  constructor(body: Readable) {
    this.#body = body
    this.arrived = new Promise((resolve) => {
      body.once('end', () => {
        const rest = this.#waiting.map(({ bytes, start, end }) => bytes.subarray(start, end))
        resolve({ bytes: this.#bytes, rest })
      })
    })
    body.on('data', (piece: Uint8Array) => {
      arrivals++
      this.#bytes += piece.length
      this.#waitingBytes += piece.length
      for (let at = 0; at < piece.length; ) at += this.#fill(piece.subarray(at))
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
        await intake()
        const block = this.#waiting[0]
        if (block) {
          const start = block.start
          block.start = Math.min(block.end, start + size)
          this.#waitingBytes -= block.start - start
          if (this.#waitingBytes < mostBytes / 2) body.resume()
          const givenMs = performance.now()
          yield block.bytes.subarray(start, block.start)
          const isLong = performance.now() - givenMs > longMs
          size = isLong ? Math.max(leastPiece, size / 2) : Math.min(blockBytes, size * 2)
          if (block.start === block.end) this.#release()
        } else if (this.#end?.error) throw this.#end.error
        else if (this.#end) return
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
      }
    } finally {
      if (!this.#end) body.destroy()
      while (this.#waiting.length > 0) this.#release()
    }
  }

  /** Puts as much of a piece into the last block as it takes, and answers how much. */
  #fill(piece: Uint8Array): number {
    let block = this.#waiting.at(-1)
    if (!block || block.end === blockBytes) {
      block = { bytes: spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes), start: 0, end: 0 }
      this.#waiting.push(block)
    }
    const part = piece.subarray(0, blockBytes - block.end)
    block.bytes.set(part, block.end)
    block.end += part.length
    return part.length
  }

  #release(): void {
    const block = this.#waiting.shift()
    if (block && spare.length * blockBytes < mostBytes) spare.push(block.bytes)
  }
}

/**
 * Waits until what has arrived is taken in, of whatever body: the sooner the end of the next page is
 * known, the sooner the server has the request for the one behind it.
 */
async function intake(): Promise<void> {
  let seen: number | undefined
  for (let turn = 0; turn < mostTurns && seen !== arrivals; turn++) {
    seen = arrivals
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}
