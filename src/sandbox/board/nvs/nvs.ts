import type { Flash } from '../flash.js'
import {
  anyChunk,
  blobData,
  encodeItem,
  entriesInPage,
  entryOffset,
  type Item,
  itemTypes,
  lowered,
  pageHeader,
  pageSize,
  readPage,
  sequenceOf,
  spanOf,
} from './page.js'

/** ESP_ERR_NVS_*, negative as MicroPython raises them. */
export const nvsErrors = { notFound: -4354, notEnoughSpace: -4357, invalidLength: -4364 } as const

/** What one page takes: its first entry is the item's own. */
const chunkMax = (entriesInPage - 1) * 32

interface Place {
  page: number
  index: number
  item: Item
}

/** Key-value storage in the `nvs` partition, in ESP-IDF's format, so that it outlasts everything. */
export class Nvs {
  readonly #pages: number
  #places: Place[] = []
  /** Sequence number, next free entry and erased entries of each page in use. */
  readonly #used = new Map<number, { sequence: number; next: number; erased: number }>()

  constructor(
    private readonly flash: Flash,
    private readonly offset: number,
    size: number,
  ) {
    this.#pages = Math.floor(size / pageSize)
    const order = []
    for (let page = 0; page < this.#pages; page++) {
      const sequence = sequenceOf(this.#read(page))
      if (sequence !== undefined) order.push({ page, sequence })
    }
    for (const { page, sequence } of order.sort((a, b) => a.sequence - b.sequence)) {
      const { items, next, erased } = readPage(this.#read(page))
      this.#used.set(page, { sequence, next, erased })
      // A change writes the new item before it erases the old one: of two, the later counts.
      for (const { item, index } of items) {
        const old = this.#find(item)
        if (old) this.#erase(old)
        this.#places.push({ page, index, item })
      }
    }
  }

  /** The number of a namespace, made where it is new. */
  namespace(name: string): number {
    const all = this.#places.filter(({ item }) => item.namespace === 0)
    const known = all.find(({ item }) => item.key === name)
    if (known) return known.item.data[0]!
    const next = Math.max(0, ...all.map(({ item }) => item.data[0]!)) + 1
    const data = new Uint8Array(8).fill(0xff)
    data[0] = next
    this.#write({ namespace: 0, type: itemTypes.u8, key: name, chunk: anyChunk, data, extra: none })
    return next
  }

  getNumber(namespace: number, key: string): number | undefined {
    const found = this.#find({ namespace, key, type: itemTypes.i32, chunk: anyChunk })
    return found && new DataView(found.item.data.buffer).getInt32(0, true)
  }

  /** 0, or an error's number. */
  setNumber(namespace: number, key: string, value: number): number {
    const data = new Uint8Array(8).fill(0xff)
    new DataView(data.buffer).setInt32(0, value, true)
    return this.#replace([
      { namespace, type: itemTypes.i32, key, chunk: anyChunk, data, extra: none },
    ])
  }

  getBlob(namespace: number, key: string): Uint8Array | undefined {
    const index = this.#find({ namespace, key, type: itemTypes.blobIndex, chunk: anyChunk })
    if (!index) return undefined
    const parts = this.#chunks(namespace, key).sort((a, b) => a.item.chunk - b.item.chunk)
    return new Uint8Array(Buffer.concat(parts.map(({ item }) => item.extra)))
  }

  /** 0, or an error's number. */
  setBlob(namespace: number, key: string, bytes: Uint8Array): number {
    const items: Item[] = []
    // Old and new chunks lie side by side until the index is written: they are counted apart.
    const old = this.#chunks(namespace, key)
    const start = old.some(({ item }) => item.chunk < 128) ? 128 : 0
    for (let at = 0; at < bytes.length; at += chunkMax) {
      const extra = bytes.slice(at, at + chunkMax)
      const chunk = start + items.length
      items.push({ namespace, type: itemTypes.blobData, key, chunk, data: blobData(extra), extra })
    }
    const data = new Uint8Array(8).fill(0xff)
    const view = new DataView(data.buffer)
    view.setUint32(0, bytes.length, true)
    data.set([items.length, start], 4)
    items.push({ namespace, type: itemTypes.blobIndex, key, chunk: anyChunk, data, extra: none })
    const error = this.#replace(items)
    if (error === 0) for (const place of old) this.#erase(place)
    return error
  }

  /** Undefined, or an error's number. */
  erase(namespace: number, key: string): number {
    const found = this.#places.filter(
      ({ item }) => item.namespace === namespace && item.key === key && namespace > 0,
    )
    if (found.length === 0) return nvsErrors.notFound
    for (const place of found) this.#erase(place)
    return 0
  }

  /** The type of what is stored under a key. */
  typeOf(namespace: number, key: string): number | undefined {
    const found = this.#places.find(
      ({ item }) => item.namespace === namespace && item.key === key && item.chunk === anyChunk,
    )
    return found?.item.type
  }

  #replace(items: Item[]): number {
    const needed = items.reduce((sum, item) => sum + spanOf(item), 0)
    const old = items.map((item) => this.#find(item)).filter((place) => place !== undefined)
    if (needed > this.#free()) return nvsErrors.notEnoughSpace
    const written: Place[] = []
    for (const item of items) {
      const place = this.#write(item)
      if (!place) {
        for (const one of written) this.#erase(one)
        return nvsErrors.notEnoughSpace
      }
      written.push(place)
    }
    for (const place of old) this.#erase(place)
    return 0
  }

  /** Entries that are or could be made free; one page always stays in reserve. */
  #free(): number {
    const live = this.#places.reduce((sum, { item }) => sum + spanOf(item), 0)
    return (this.#pages - 1) * entriesInPage - live
  }

  #write(item: Item): Place | undefined {
    const page = this.#pageFor(spanOf(item))
    if (page === undefined) return undefined
    const state = this.#used.get(page)!
    const index = state.next
    const at = this.offset + page * pageSize
    this.flash.program(at + entryOffset(index), encodeItem(item))
    for (let i = index; i < index + spanOf(item); i++) this.#mark(page, i, 2)
    state.next += spanOf(item)
    const place = { page, index, item }
    this.#places.push(place)
    return place
  }

  /** A page with that many free entries; makes room by moving what a page still holds. */
  #pageFor(span: number): number | undefined {
    const latest = [...this.#used].sort((a, b) => b[1].sequence - a[1].sequence)[0]
    if (latest && latest[1].next + span <= entriesInPage) return latest[0]
    const blank = this.#blankPages()
    if (blank.length > 1) return this.#open(blank[0]!)
    const candidates = [...this.#used].sort((a, b) => this.#live(a[0]) - this.#live(b[0]))
    for (const [page] of candidates) {
      if (this.#live(page) + span > entriesInPage) return undefined
      const fresh = this.#open(blank[0] ?? page)
      this.#move(page, fresh)
      return fresh
    }
    return this.#open(blank[0]!)
  }

  #move(from: number, to: number): void {
    const at = this.offset + to * pageSize
    const state = this.#used.get(to)!
    for (const place of this.#places.filter(({ page }) => page === from)) {
      this.flash.program(at + entryOffset(state.next), encodeItem(place.item))
      const span = spanOf(place.item)
      for (let i = state.next; i < state.next + span; i++) this.#mark(to, i, 2)
      Object.assign(place, { page: to, index: state.next })
      state.next += span
    }
    this.flash.eraseSector(this.offset + from * pageSize)
    this.#used.delete(from)
  }

  #open(page: number): number {
    const sequence = Math.max(-1, ...[...this.#used.values()].map((one) => one.sequence)) + 1
    const at = this.offset + page * pageSize
    if (!this.#read(page).every((byte) => byte === 0xff)) this.flash.eraseSector(at)
    this.flash.program(at, pageHeader(sequence))
    this.#used.set(page, { sequence, next: 0, erased: 0 })
    return page
  }

  #blankPages(): number[] {
    return Array.from({ length: this.#pages }, (_, i) => i).filter((page) => !this.#used.has(page))
  }

  #live(page: number): number {
    return this.#places
      .filter((place) => place.page === page)
      .reduce((sum, { item }) => sum + spanOf(item), 0)
  }

  #erase(place: Place): void {
    this.#places = this.#places.filter((one) => one !== place)
    for (let i = 0; i < spanOf(place.item); i++) this.#mark(place.page, place.index + i, 0)
  }

  #mark(page: number, index: number, state: 0 | 2): void {
    const { offset, byte } = lowered(index, state)
    this.flash.program(this.offset + page * pageSize + offset, Uint8Array.of(byte))
  }

  #find(wanted: Pick<Item, 'namespace' | 'key' | 'type' | 'chunk'>): Place | undefined {
    return this.#places.find(
      ({ item }) =>
        item.namespace === wanted.namespace &&
        item.key === wanted.key &&
        item.type === wanted.type &&
        item.chunk === wanted.chunk,
    )
  }

  #chunks(namespace: number, key: string): Place[] {
    const found = this.#places.filter(
      ({ item }) =>
        item.namespace === namespace && item.key === key && item.type === itemTypes.blobData,
    )
    const index = this.#find({ namespace, key, type: itemTypes.blobIndex, chunk: anyChunk })
    const start = index?.item.data[5]
    return found.filter(({ item }) => start === undefined || item.chunk >= 128 === start >= 128)
  }

  #read(page: number): Uint8Array {
    return this.flash.read(this.offset + page * pageSize, pageSize)
  }
}

const none = new Uint8Array(0)
