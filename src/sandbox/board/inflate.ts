import { createInflate, type Inflate, inflateSync } from 'node:zlib'

/** Inflates a zlib stream that comes in blocks, as the loaders do it. */
export class BlockInflater {
  readonly #inflate: Inflate = createInflate()
  #output: Uint8Array[] = []
  #failed = false
  #ended = false
  readonly #input: Uint8Array[] = []

  constructor() {
    this.#inflate.on('data', (chunk: Uint8Array) => this.#output.push(chunk))
    this.#inflate.on('end', () => {
      this.#ended = true
    })
    this.#inflate.on('error', (error) => {
      if (isWrongChecksum(error)) this.#ended = true
      else this.#failed = true
    })
  }

  /** Whether the stream's last byte has come. */
  isWhole(): boolean {
    try {
      inflateSync(Buffer.concat(this.#input))
      return true
    } catch (error) {
      return isWrongChecksum(error)
    }
  }

  /** What this block inflates to, or undefined when it is no zlib data. Bytes after the end are ignored. */
  async feed(block: Uint8Array): Promise<Uint8Array | undefined> {
    this.#input.push(block)
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

/** A wrong Adler-32 comes after all data: the stream itself was whole. zlib tells it by words only. */
function isWrongChecksum(error: unknown): boolean {
  return error instanceof Error && error.message.includes('data check')
}
