/** os.dupterm(): what is printed goes to a stream in Python too, and what comes there is typed. */
export class Terminal {
  #copy: ((size: number) => void) | undefined
  #printed: Uint8Array = new Uint8Array(0)
  #isCopying = false

  constructor(
    private readonly memory: (address: number, size: number) => Uint8Array,
    private readonly type: (bytes: Uint8Array) => void,
  ) {}

  get isCopying(): boolean {
    return this.#isCopying
  }

  readonly functions = {
    dupterm: (copy: (size: number) => void) => {
      this.#copy = copy
    },
    dupterm_off: () => {
      this.#copy = undefined
    },
    /** Hands the bytes over that the copy is called for. */
    printed: (address: number, size: number) => {
      this.memory(address, size).set(this.#printed)
    },
    typed: (address: number, size: number) => this.type(this.memory(address, size).slice()),
  }

  /** Text that has gone out by the UART; what the stream itself prints is not copied to it. */
  copy(bytes: Uint8Array): void {
    if (!this.#copy || this.#isCopying) return
    this.#isCopying = true
    this.#printed = bytes
    try {
      this.#copy(bytes.length)
    } finally {
      this.#isCopying = false
    }
  }
}
