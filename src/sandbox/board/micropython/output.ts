/** Begins the file name of every Python module that stands in for C code of the chip. */
export const builtinFolder = '/\x01/'

const marker = Buffer.from(`  File "${builtinFolder}`)
const cr = 13
const lf = 10

/**
 * What the interpreter prints, as the chip's UART shows it: LF becomes CR LF, and the lines of a
 * traceback that lie in modules which are C code on the chip are left out.
 */
export class Output {
  /** Bytes of the current line that match the marker so far; -1 = they do not, -2 = dropped line. */
  #matched = 0
  #previous = 0
  #pending: number[] = []
  #captured: number[] | undefined
  #skipped = 0

  #copy: (bytes: Uint8Array) => void = () => {}

  constructor(private readonly send: (bytes: Uint8Array) => void) {}

  /** Gives everything that goes out to somebody else as well. */
  copyTo(copy: (bytes: Uint8Array) => void): void {
    this.#copy = copy
  }

  write(bytes: Uint8Array): void {
    if (this.#captured) {
      this.#captured.push(...bytes)
      return
    }
    const skipped = Math.min(this.#skipped, bytes.length)
    this.#skipped -= skipped
    for (const byte of bytes.subarray(skipped)) this.#put(byte)
    if (this.#pending.length > 1024) this.flush()
  }

  /** sys.stdout: every LF gets a CR, whatever stands before it. */
  writeText(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1').replaceAll('\n', '\r\n')
    this.writeRaw(Buffer.from(text, 'latin1'))
  }

  /** Bytes that reach the wire as they are. */
  writeRaw(bytes: Uint8Array): void {
    this.#release()
    this.#pending.push(...bytes)
    this.#previous = bytes.at(-1) ?? this.#previous
    this.#matched = this.#previous === lf ? 0 : -1
    if (this.#pending.length > 1024) this.flush()
  }

  /** Leaves out the next bytes the interpreter prints. */
  skip(bytes: number): void {
    this.#skipped = bytes
  }

  /** What `fn` prints, a character a byte; nothing of it reaches the wire. */
  capture(fn: () => void): string {
    this.#captured = []
    try {
      fn()
      return Buffer.from(this.#captured).toString('latin1')
    } finally {
      this.#captured = undefined
    }
  }

  /** Also gives away what could have become a marker: whoever waits for a prompt must see it. */
  flush(): void {
    this.#release()
    if (this.#pending.length === 0) return
    const bytes = Uint8Array.from(this.#pending)
    this.#pending = []
    this.send(bytes)
    this.#copy(bytes)
  }

  #put(byte: number): void {
    if (this.#matched === -2) {
      if (byte === lf) this.#matched = 0
      return
    }
    if (this.#matched >= 0) {
      if (byte === marker[this.#matched]) {
        this.#matched++
        if (this.#matched === marker.length) this.#matched = -2
        return
      }
      this.#release()
      this.#matched = -1
    }
    this.#emit(byte)
    if (byte === lf) this.#matched = 0
  }

  #release(): void {
    if (this.#matched <= 0) return
    this.#pending.push(...marker.subarray(0, this.#matched))
    this.#previous = marker[this.#matched - 1]!
    this.#matched = -1
  }

  #emit(byte: number): void {
    if (byte === lf && this.#previous !== cr) this.#pending.push(cr)
    this.#pending.push(byte)
    this.#previous = byte
  }
}
