import type { SymbolIndex } from './symbol-index.js'

export interface Range {
  symbols: SymbolIndex[]
  /** Milliseconds, both inclusive. */
  from: number
  to: number
  reverse: boolean
  /** Messages that were stored at this place of the log or behind it are not seen. */
  before: number
}

/**
 * Walks the messages of many symbols in order of time, and of arrival where times are equal. It
 * looks every symbol's position up anew for each page, so that writes in between do no harm.
 */
export class Cursor {
  private time: number
  private offset: number

  constructor(private readonly range: Range) {
    this.time = range.from
    this.offset = range.reverse ? Number.POSITIVE_INFINITY : 0
  }

  /** Places of the next messages, at most `limit`; fewer mean that the range is used up. */
  next(limit: number): number[] {
    const { symbols, reverse, to, before } = this.range
    const step = reverse ? -1 : 1
    const places: number[] = []
    const heap = new Heap(reverse)
    for (const index of symbols) {
      const found = index.position(this.time, this.offset)
      const at = reverse ? found - 1 : found
      if (at >= 0 && at < index.length) heap.push({ index, at })
    }
    while (places.length < limit) {
      const top = heap.top
      if (!top) break
      const time = top.index.time(top.at)
      const offset = top.index.offset(top.at)
      if (reverse ? time < to : time > to) break
      if (offset < before) places.push(offset)
      this.time = time
      this.offset = reverse ? offset : offset + 1
      top.at += step
      if (top.at < 0 || top.at >= top.index.length) heap.pop()
      else heap.sink()
    }
    return places
  }
}

interface Position {
  index: SymbolIndex
  at: number
}

class Heap {
  private readonly items: Position[] = []

  constructor(private readonly reverse: boolean) {}

  get top(): Position | undefined {
    return this.items[0]
  }

  private isBefore(a: Position, b: Position): boolean {
    const byTime = a.index.time(a.at) - b.index.time(b.at)
    const order = byTime === 0 ? a.index.offset(a.at) - b.index.offset(b.at) : byTime
    return this.reverse ? order > 0 : order < 0
  }

  push(item: Position): void {
    const { items } = this
    let child = items.push(item) - 1
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!this.isBefore(item, items[parent] as Position)) break
      items[child] = items[parent] as Position
      child = parent
    }
    items[child] = item
  }

  pop(): void {
    const last = this.items.pop()
    if (last && this.items.length > 0) {
      this.items[0] = last
      this.sink()
    }
  }

  /** Puts the top, which has moved on, where it belongs. */
  sink(): void {
    const { items } = this
    const item = items[0] as Position
    let parent = 0
    while (true) {
      let child = parent * 2 + 1
      if (child >= items.length) break
      if (
        child + 1 < items.length &&
        this.isBefore(items[child + 1] as Position, items[child] as Position)
      ) {
        child++
      }
      if (!this.isBefore(items[child] as Position, item)) break
      items[parent] = items[child] as Position
      parent = child
    }
    items[parent] = item
  }
}
