interface Timer {
  at: number
  every: number | undefined
  fn: () => void
}

/** machine.Timer: callbacks run between two bytecodes or while the code sleeps. */
export class Timers {
  readonly #timers = new Map<number, Timer>()
  #isRunning = false
  #isHeld = false
  #soon: (() => void)[] = []

  /** A callback runs, or all of them wait. */
  get isBusy(): boolean {
    return this.#isRunning || this.#isHeld
  }

  set(id: number, now: number, ms: number, repeats: boolean, fn: () => void): void {
    this.#timers.set(id, { at: now + ms, every: repeats ? Math.max(ms, 1) : undefined, fn })
  }

  clear(id: number): void {
    this.#timers.delete(id)
  }

  /** machine.disable_irq(): callbacks wait. Answers the state before. */
  hold(isHeld: boolean): number {
    const before = this.#isHeld
    this.#isHeld = isHeld
    return before ? 1 : 0
  }

  /** micropython.schedule(): as soon as the code lets it. */
  soon(fn: () => void): void {
    this.#soon.push(fn)
  }

  untilNext(now: number): number {
    let next = this.#soon.length > 0 ? 0 : Infinity
    for (const { at } of this.#timers.values()) next = Math.min(next, Math.max(0, at - now))
    return next
  }

  /** Runs what is due; a callback is not interrupted by another one. */
  run(now: number): void {
    if (this.#isRunning || this.#isHeld) return
    if (this.#timers.size === 0 && this.#soon.length === 0) return
    this.#isRunning = true
    try {
      for (const fn of this.#soon.splice(0)) fn()
      for (const [id, timer] of this.#timers) {
        if (timer.at > now) continue
        // What was missed while the code could not be interrupted is not made up for.
        if (timer.every === undefined) this.#timers.delete(id)
        else timer.at = Math.max(timer.at + timer.every, now)
        timer.fn()
      }
    } finally {
      this.#isRunning = false
    }
  }
}
