import {
  type BlockDevice,
  errno,
  FileSystemError,
  isPair,
  noPair,
  type Pair,
  pairBytes,
  pairOf,
  samePair,
} from './device.js'
import { GlobalState } from './global-state.js'
import type { Place } from './littlefs.js'
import {
  allTags,
  appendCommit,
  applyTag,
  compact,
  type Entry,
  emptyMetadata,
  entryTags,
  type Metadata,
  readMetadata,
  tailTag,
} from './metadata.js'
import { commitEnd, noId, type Tag, types } from './tags.js'

export interface Found {
  metadata: Metadata
  id: number
  entry: Entry
}

export type Store = MetadataStore

export function makeStore(
  device: BlockDevice,
  takeBlock: (other?: number) => number,
): MetadataStore {
  return new MetadataStore(device, takeBlock)
}

/** The folders' metadata pairs, threaded on one list, and the commits that change them. */
class MetadataStore {
  readonly #state = new GlobalState()

  constructor(
    private readonly device: BlockDevice,
    private readonly takeBlock: (other?: number) => number,
  ) {}

  read(pair: Pair): Metadata {
    return readMetadata(this.device, pair)
  }

  /** The pairs of one folder. */
  *chain(folder: Pair): Generator<Metadata> {
    for (let pair = folder; ; ) {
      const metadata = this.read(pair)
      yield metadata
      if (!metadata.isSplit) return
      pair = metadata.tail
    }
  }

  /** Every pair of the file system. Throws FileSystemError ECORRUPT where the list has a loop. */
  *all(): Generator<Metadata> {
    let left = this.device.blockCount
    for (let pair: Pair = [0, 1]; isPair(pair); ) {
      if (left-- === 0) throw new FileSystemError(errno.ECORRUPT)
      const metadata = this.read(pair)
      yield metadata
      pair = metadata.tail
    }
  }

  find({ folder, name }: Place): Found | undefined {
    const wanted = Buffer.from(name)
    for (const metadata of this.chain(folder)) {
      const id = metadata.entries.findIndex(
        (one) => one.type !== types.superblock && wanted.equals(one.name),
      )
      if (id >= 0) return { metadata, id, entry: metadata.entries[id]! }
    }
    return undefined
  }

  makeFile(place: Place): void {
    const { metadata, id } = this.#gap(place)
    const entry = { type: types.file, name: Buffer.from(place.name), struct: emptyStruct() }
    this.commit(metadata, createTags({ ...entry, attributes: new Map() }, id))
  }

  makeFolder(place: Place): void {
    const pair = this.#takePair()
    let last = this.read(place.folder)
    while (last.isSplit) last = this.read(last.tail)
    const fresh = emptyMetadata(pair, 0)
    const tags = isPair(last.tail) ? [tailTag(last.tail, false)] : []
    this.commit(fresh, tags)
    const { metadata, id } = this.#gap(place)
    const struct = { type: types.folderStruct, data: pairBytes(pair) }
    const entry = { type: types.folder, name: Buffer.from(place.name), struct }
    const create = createTags({ ...entry, attributes: new Map() }, id)
    if (samePair(metadata.pair, last.pair)) {
      this.commit(metadata, [...create, tailTag(pair, false)])
      return
    }
    // Two commits: between them the new folder is on the list and in no folder, an orphan.
    this.#state.setOrphans(true)
    this.commit(last, [tailTag(pair, false)])
    this.#state.setOrphans(false)
    this.commit(this.#gap(place).metadata, create)
  }

  update(place: Place, tagsFor: (entry: Entry, id: number) => Tag[]): void {
    const found = this.find(place)
    if (!found) throw new FileSystemError(errno.ENOENT)
    this.commit(found.metadata, tagsFor(found.entry, found.id))
  }

  remove(place: Place): void {
    const { metadata, id, entry } = this.#must(place)
    if (entry.type !== types.folder) {
      this.commit(metadata, [deleteTag(id)])
      return
    }
    const gone = pairOf(entry.struct.data)
    this.#state.setOrphans(true)
    this.commit(metadata, [deleteTag(id)])
    this.#state.setOrphans(false)
    this.#unlink(gone)
  }

  rename(source: Place, target: Place): void {
    const old = this.find(target)
    const gone = old?.entry.type === types.folder ? pairOf(old.entry.struct.data) : undefined
    const from = this.#must(source)
    const moved = { ...from.entry, name: Buffer.from(target.name) }
    const to = old ?? this.#gap(target)
    const create = [...(old ? [deleteTag(old.id)] : []), ...createTags(moved, to.id)]
    if (gone) this.#state.setOrphans(true)
    if (samePair(to.metadata.pair, from.metadata.pair)) {
      const shifted = from.id + (!old && to.id <= from.id ? 1 : 0)
      this.commit(to.metadata, [...create, deleteTag(shifted)])
    } else {
      // The move is noted in the commit that makes the copy; whoever mounts next finishes it.
      this.#state.setMove({ pair: from.metadata.pair, id: from.id })
      this.commit(to.metadata, create)
      const rest = this.#must(source)
      this.#state.setMove(undefined)
      this.commit(rest.metadata, [deleteTag(rest.id)])
    }
    if (gone) {
      this.#state.setOrphans(false)
      this.#unlink(gone)
    }
  }

  /** Finishes what a power cut broke off: a move half done, folders on the list without a name. */
  repair(): void {
    this.#state.read([...this.all()].map(({ moveState }) => moveState))
    const move = this.#state.move
    if (move) {
      const metadata = this.read(move.pair)
      this.#state.setMove(undefined)
      this.commit(metadata, [deleteTag(move.id)])
    }
    if (this.#state.hasOrphans) this.#removeOrphans()
  }

  /** Appends the tags, or writes the pair anew, or splits it where it has become too full. */
  commit(metadata: Metadata, tags: Tag[]): Metadata {
    for (const tag of tags) applyTag(metadata, tag)
    const all = [...tags]
    const change = this.#state.changeFor(metadata.moveState)
    if (change) {
      metadata.moveState = change
      all.push({ type: types.moveState, id: noId, data: change })
    }
    if (!appendCommit(this.device, metadata, all)) this.rewrite(metadata)
    this.#state.committed()
    return metadata
  }

  rewrite(metadata: Metadata): void {
    const isFull = commitEnd(4, allTags(metadata)) > this.device.blockSize / 2
    if (isFull && metadata.entries.length > 1 && this.#couldSplit(metadata)) return
    if (!compact(this.device, metadata)) throw new FileSystemError(errno.ENOSPC)
  }

  /** Moves the second half of the entries into a new pair behind this one. */
  #split(metadata: Metadata): void {
    const half = Math.ceil(metadata.entries.length / 2)
    const tail = emptyMetadata(this.#takePair(), 0)
    tail.entries = metadata.entries.slice(half)
    tail.tail = metadata.tail
    tail.isSplit = metadata.isSplit
    this.#rewriteWhole(tail)
    metadata.entries = metadata.entries.slice(0, half)
    metadata.tail = tail.pair
    metadata.isSplit = true
    this.#rewriteWhole(metadata)
  }

  /** A full device has no blocks for a split, but may still take the pair as it is. */
  #couldSplit(metadata: Metadata): boolean {
    try {
      this.#split(metadata)
      return true
    } catch (error) {
      if (error instanceof FileSystemError && error.errno === errno.ENOSPC) return false
      throw error
    }
  }

  #takePair(): Pair {
    const first = this.takeBlock()
    return [first, this.takeBlock(first)]
  }

  #rewriteWhole(metadata: Metadata): void {
    if (!compact(this.device, metadata)) throw new FileSystemError(errno.ENOSPC)
  }

  #must(place: Place): Found {
    const found = this.find(place)
    if (!found) throw new FileSystemError(errno.ENOENT)
    return found
  }

  /** Where a new name goes: entries are kept in the order of their names. */
  #gap({ folder, name }: Place): { metadata: Metadata; id: number } {
    const wanted = Buffer.from(name)
    let last: Metadata | undefined
    for (const metadata of this.chain(folder)) {
      last = metadata
      const id = metadata.entries.findIndex(
        (one) => one.type !== types.superblock && Buffer.compare(one.name, wanted) > 0,
      )
      if (id >= 0) return { metadata, id }
    }
    return { metadata: last!, id: last!.entries.length }
  }

  /** Takes a folder's pairs off the list. */
  #unlink(folder: Pair): void {
    let end = this.read(folder)
    const dropped = [end]
    while (end.isSplit) {
      end = this.read(end.tail)
      dropped.push(end)
    }
    const before = [...this.all()].find(({ tail }) => isPair(tail) && samePair(tail, folder))
    if (!before) throw new FileSystemError(errno.ECORRUPT)
    for (const { moveState } of dropped) this.#state.inherit(moveState)
    // A tail of all ones ends the list.
    this.commit(before, [tailTag(isPair(end.tail) ? end.tail : noPair, before.isSplit)])
  }

  #removeOrphans(): void {
    for (let again = true; again; ) {
      again = false
      const pairs = [...this.all()]
      const named = pairs.flatMap(({ entries }) =>
        entries
          .filter(({ type }) => type === types.folder)
          .map(({ struct }) => pairOf(struct.data)),
      )
      for (let i = 1; i < pairs.length && !again; i++) {
        const { pair } = pairs[i]!
        if (pairs[i - 1]!.isSplit || named.some((one) => samePair(one, pair))) continue
        this.#unlink(pair)
        again = true
      }
    }
    this.#state.setOrphans(false)
    this.commit(this.read([0, 1]), [])
  }
}

function emptyStruct(): Entry['struct'] {
  return { type: types.inlineStruct, data: new Uint8Array(0) }
}

function createTags(entry: Entry, id: number): Tag[] {
  return [{ type: types.create, id, data: new Uint8Array(0) }, ...entryTags(entry, id)]
}

function deleteTag(id: number): Tag {
  return { type: types.delete, id, data: new Uint8Array(0) }
}
