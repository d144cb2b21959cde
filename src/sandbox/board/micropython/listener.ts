/** A listening socket of the board on this computer: open while the board can be reached. */
export class Listener {
  #work: Promise<void> = Promise.resolve()
  #shut: (() => Promise<void>) | undefined

  constructor(private readonly listen: () => Promise<() => Promise<void>>) {}

  /** Done when it is so; calls are served one after the other. */
  open(isOpen: boolean): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (isOpen === (this.#shut !== undefined)) return
      const shut = this.#shut
      this.#shut = undefined
      if (shut) await shut()
      else this.#shut = await this.listen()
    })
    return this.#work
  }
}
