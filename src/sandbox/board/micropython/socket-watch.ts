/** A call for a socket that stays readable comes again after this long: the chip asks as often. */
const againMs = 20

export interface SocketWatchOptions {
  /** Changes with whatever happens to any socket. */
  events(): number
  isReadable(id: number): boolean
  /** Calls as soon as the code lets it, as micropython.schedule() does. */
  soon(fn: () => void): void
}

/** Functions to be called while their sockets have something to read or accept (option 20). */
export class SocketWatch {
  readonly #watched = new Map<number, () => void>()
  #seen = -1
  #lookAt = Infinity

  constructor(private readonly options: SocketWatchOptions) {}

  readonly functions = {
    watch: (id: number, fn: () => void) => {
      this.#watched.set(id, fn)
      this.#seen = -1
    },
    unwatch: (id: number) => {
      this.#watched.delete(id)
    },
  }

  untilNext(now: number): number {
    return this.#watched.size > 0 ? Math.max(0, this.#lookAt - now) : Infinity
  }

  look(now: number): void {
    if (this.#watched.size === 0) return
    const events = this.options.events()
    if (events === this.#seen && now < this.#lookAt) return
    this.#seen = events
    this.#lookAt = Infinity
    for (const [id, fn] of this.#watched) {
      if (!this.options.isReadable(id)) continue
      this.#lookAt = now + againMs
      this.options.soon(fn)
    }
  }
}
