import { Blocks } from './blocks.js'
import {
  type BlockDevice,
  errno,
  FileSystemError,
  nameMax,
  type Pair,
  pairOf,
  samePair,
} from './device.js'
import { OpenFile } from './file.js'
import { blocksOf } from './list.js'
import { type Entry, emptyMetadata } from './metadata.js'
import { makeStore, type Store } from './store.js'
import { superblockOf, superblockTags } from './superblock.js'
import { types } from './tags.js'

/** A name in a folder, given by the folder's first metadata pair. */
export interface Place {
  folder: Pair
  name: string
}

export interface Stat {
  isFolder: boolean
  size: number
  attributes: Map<number, Uint8Array>
}

const rootPair: Pair = [0, 1]

/**
 * littlefs version 2 (on-disk version 2.0) written from its SPEC.md and DESIGN.md: names and small
 * files in pairs of blocks that are logs, everything else copied on write. Every call leaves the
 * device so that a power cut inside it shows the state before or after.
 */
export class LittleFs {
  readonly #store: Store
  readonly #blocks: Blocks
  readonly #open = new Set<OpenFile>()

  private constructor(readonly device: BlockDevice) {
    this.#store = makeStore(device, (other) => this.#blocks.take(other))
    const seed = this.#store.read(rootPair).revision
    this.#blocks = new Blocks(device, () => this.usedBlocks(), seed)
  }

  /** Makes an empty file system. */
  static format(device: BlockDevice): void {
    const store = makeStore(device, () => {
      throw new FileSystemError(errno.ENOSPC)
    })
    device.erase(0)
    device.erase(1)
    // Both blocks get the superblock, as the original does, so an old one can not win.
    let root = emptyMetadata(rootPair, 0)
    root = store.commit(root, superblockTags(device))
    store.rewrite(root)
  }

  /** Throws FileSystemError where the device holds no file system that fits it. */
  static mount(device: BlockDevice): LittleFs {
    const fs = new LittleFs(device)
    const root = fs.#store.read(rootPair)
    superblockOf(root, device)
    fs.#store.repair()
    return fs
  }

  stat(path: string): Stat {
    const parts = split(path)
    if (parts.length === 0) return { isFolder: true, size: 0, attributes: new Map() }
    return statOf(this.entryOf(this.#place(parts)))
  }

  list(path: string): { name: string; stat: Stat }[] {
    const found: { name: string; stat: Stat }[] = []
    for (const { entries } of this.#store.chain(this.#folder(split(path)))) {
      for (const entry of entries) {
        if (entry.type === types.superblock) continue
        found.push({ name: Buffer.from(entry.name).toString(), stat: statOf(entry) })
      }
    }
    return found
  }

  makeFolder(path: string): void {
    const place = this.#place(split(path), errno.EEXIST)
    if (this.#find(place)) throw new FileSystemError(errno.EEXIST)
    this.#checkName(place.name)
    this.#store.makeFolder(place)
  }

  /** Removes a file or an empty folder. */
  remove(path: string): void {
    const place = this.#place(split(path), errno.EINVAL)
    const entry = this.entryOf(place)
    if (entry.type === types.folder) this.#checkEmpty(pairOf(entry.struct.data))
    this.#store.remove(place)
    this.#detach(place)
  }

  /** Moves a file or folder; replaces a file, or an empty folder by a folder. */
  rename(from: string, to: string): void {
    const source = this.#place(split(from), errno.EINVAL)
    const entry = this.entryOf(source)
    const target = this.#place(split(to), errno.EINVAL)
    this.#checkName(target.name)
    const old = this.#find(target)
    if (samePair(source.folder, target.folder) && source.name === target.name) return
    if (old) {
      if (old.type !== entry.type) {
        throw new FileSystemError(errno.EISDIR)
      }
      if (old.type === types.folder) this.#checkEmpty(pairOf(old.struct.data))
    }
    this.#store.rename(source, target)
    if (old) this.#detach(target)
    for (const file of this.#open) if (file.place && same(file.place, source)) file.place = target
  }

  open(
    path: string,
    mode: {
      create?: boolean
      exclusive?: boolean
      truncate?: boolean
      append?: boolean
    },
  ): OpenFile {
    const parts = split(path)
    if (parts.length === 0) throw new FileSystemError(errno.EISDIR)
    const place = this.#place(parts)
    const entry = this.#find(place)
    if (entry?.type === types.folder) throw new FileSystemError(errno.EISDIR)
    if (entry && mode.exclusive) throw new FileSystemError(errno.EEXIST)
    if (!entry) {
      if (!mode.create) throw new FileSystemError(errno.ENOENT)
      this.#checkName(place.name)
      this.#store.makeFile(place)
    }
    const file = new OpenFile(this, place, {
      append: mode.append ?? false,
      truncate: mode.truncate ?? false,
    })
    this.#open.add(file)
    return file
  }

  setAttribute(path: string, key: number, value: Uint8Array): void {
    this.#store.update(this.#place(split(path)), (_, id) => [
      { type: types.attribute | key, id, data: value },
    ])
  }

  /** Blocks that hold something, as the original counts them. */
  usedBlocks(): Set<number> {
    const used = new Set<number>()
    for (const { pair, entries } of this.#store.all()) {
      for (const block of pair) used.add(block)
      for (const { struct } of entries) {
        if (struct.type !== types.listStruct) continue
        const [head, size] = pairOf(struct.data)
        for (const block of blocksOf(this.device, head, size)) used.add(block)
      }
    }
    for (const file of this.#open) for (const block of file.blocks) used.add(block)
    return used
  }

  closeAll(): void {
    for (const file of [...this.#open]) file.close()
  }

  /** For open files: the entry now at their place. Throws FileSystemError ENOENT. */
  entryOf(place: Place): Entry {
    const entry = this.#find(place)
    if (!entry) throw new FileSystemError(errno.ENOENT)
    return entry
  }

  /** What every write of a file adds to its entry: MicroPython keeps the time there. */
  attributesOfWrites: () => Map<number, Uint8Array> = () => new Map()

  commitFile(place: Place, struct: Entry['struct']): void {
    const attributes = this.attributesOfWrites()
    this.#store.update(place, (_, id) => [
      { type: struct.type, id, data: struct.data },
      ...[...attributes].map(([key, data]) => ({ type: types.attribute | key, id, data })),
    ])
  }

  takeBlock(): number {
    return this.#blocks.take()
  }

  forget(file: OpenFile): void {
    this.#open.delete(file)
  }

  #detach(place: Place): void {
    for (const file of this.#open) if (file.place && same(file.place, place)) file.place = undefined
  }

  #checkName(name: string): void {
    if (Buffer.byteLength(name) > nameMax) throw new FileSystemError(errno.ENAMETOOLONG)
  }

  #checkEmpty(folder: Pair): void {
    for (const { entries } of this.#store.chain(folder)) {
      if (entries.length > 0) throw new FileSystemError(errno.ENOTEMPTY)
    }
  }

  #find(place: Place): Entry | undefined {
    return this.#store.find(place)?.entry
  }

  /** Throws `atRoot` for the root itself, which has no place. */
  #place(parts: string[], atRoot: number = errno.EISDIR): Place {
    const name = parts.at(-1)
    if (name === undefined) throw new FileSystemError(atRoot)
    return { folder: this.#folder(parts.slice(0, -1)), name }
  }

  #folder(parts: string[]): Pair {
    let folder = rootPair
    for (const name of parts) {
      const entry = this.entryOf({ folder, name })
      if (entry.type !== types.folder) throw new FileSystemError(errno.ENOTDIR)
      folder = pairOf(entry.struct.data)
    }
    return folder
  }
}

function same(a: Place, b: Place): boolean {
  return samePair(a.folder, b.folder) && a.name === b.name
}

function statOf({ type, struct, attributes }: Entry): Stat {
  const isFolder = type === types.folder
  if (isFolder) return { isFolder, size: 0, attributes }
  const size = struct.type === types.listStruct ? pairOf(struct.data)[1] : struct.data.length
  return { isFolder, size, attributes }
}

/** The names of a path; `.` and `..` are resolved as littlefs does, on the text alone. */
function split(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..') parts.pop()
    else parts.push(part)
  }
  return parts
}
