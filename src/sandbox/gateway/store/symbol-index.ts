/** Times and places of one symbol's messages, oldest first; equal times in the order they came. */
export class SymbolIndex {
  private times = new Float64Array(16)
  private offsets = new Float64Array(16)
  length = 0

  constructor(
    readonly id: number,
    readonly name: string,
  ) {}

  time(i: number): number {
    return this.times[i] ?? Number.NaN
  }

  offset(i: number): number {
    return this.offsets[i] ?? Number.NaN
  }

  get last(): number | undefined {
    return this.length > 0 ? this.times[this.length - 1] : undefined
  }

  get first(): number | undefined {
    return this.length > 0 ? this.times[0] : undefined
  }

  /** First position whose (time, place) is not before the given one. */
  position(time: number, offset: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = this.times[middle] ?? 0
      if (at < time || (at === time && (this.offsets[middle] ?? 0) < offset)) low = middle + 1
      else high = middle
    }
    return low
  }

  add(time: number, offset: number): void {
    if (this.length === this.times.length) this.grow()
    const at =
      this.length === 0 || time >= this.time(this.length - 1)
        ? this.length
        : this.position(time, Number.POSITIVE_INFINITY)
    if (at < this.length) {
      this.times.copyWithin(at + 1, at, this.length)
      this.offsets.copyWithin(at + 1, at, this.length)
    }
    this.times[at] = time
    this.offsets[at] = offset
    this.length++
  }

  /** Forgets everything from `time` on. */
  truncate(time: number): void {
    this.length = this.position(time, 0)
  }

  /** Forgets everything before `time`. */
  purge(time: number): void {
    const from = this.position(time, 0)
    this.times.copyWithin(0, from, this.length)
    this.offsets.copyWithin(0, from, this.length)
    this.length -= from
  }

  private grow(): void {
    const size = Math.ceil(this.length * 1.5)
    const times = new Float64Array(size)
    const offsets = new Float64Array(size)
    times.set(this.times)
    offsets.set(this.offsets)
    this.times = times
    this.offsets = offsets
  }
}
