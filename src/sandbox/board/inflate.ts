import { createInflate, type Inflate } from 'node:zlib'

/** Inflates a zlib stream that comes in blocks, as the loaders do it. */
export class BlockInflater {
  readonly #inflate: Inflate = createInflate()
  #output: Uint8Array[] = []
  #failed = false
  #ended = false
  #adler = 1
  #lastInput = 0

  constructor() {
    this.#inflate.on('data', (chunk: Uint8Array) => {
      this.#output.push(chunk)
      this.#adler = adler32(chunk, this.#adler)
    })
    this.#inflate.on('end', () => {
      this.#ended = true
    })
    this.#inflate.on('error', (error) => {
      if (isWrongChecksum(error)) this.#ended = true
      else this.#failed = true
    })
  }

  /**
   * Whether the stream's last byte has come. zlib says so only where more bytes follow: else it is
   * seen by the checksum that ends the stream (RFC 1950, section 2.2).
   */
  get isWhole(): boolean {
    return this.#ended || (!this.#failed && this.#lastInput === this.#adler)
  }

  /** What this block inflates to, or undefined when it is no zlib data. Bytes after the end are ignored. */
  async feed(block: Uint8Array): Promise<Uint8Array | undefined> {
    for (const byte of block.subarray(-4)) this.#lastInput = ((this.#lastInput << 8) | byte) >>> 0
    if (!this.#ended && !this.#failed) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#inflate.off('error', done).off('end', done)
          resolve()
        }
        this.#inflate.on('error', done).on('end', done)
        this.#inflate.write(block, done)
      })
    }
    if (this.#failed) return undefined
    const bytes = Buffer.concat(this.#output)
    this.#output = []
    return bytes
  }

  close(): void {
    this.#inflate.destroy()
  }
}

/** Of `bytes` behind those that `before` is the sum of. */
function adler32(bytes: Uint8Array, before: number): number {
  let low = before & 0xffff
  let high = before >>> 16
  for (const byte of bytes) {
    low = (low + byte) % 65_521
    high = (high + low) % 65_521
  }
  return ((high << 16) | low) >>> 0
}

/** A wrong Adler-32 comes after all data: the stream itself was whole. zlib tells it by words only. */
function isWrongChecksum(error: unknown): boolean {
  return error instanceof Error && error.message.includes('data check')
}
