import type { System } from '../../../system.js'
import type { StreamOptions } from '../ddl-text.js'
import type { Schema } from '../schema.js'
import { type Definition, Stream } from './stream.js'

/** What happened to the list of streams. */
export interface StreamChange {
  added?: string
  deleted?: string
  changed?: string
  renamed?: { oldName: string; newName: string }
}

/** The streams of one data folder; each lies in a numbered folder of its own. */
export class Store {
  private readonly streams = new Map<string, Stream>()
  private readonly listeners = new Set<(change: StreamChange) => void>()
  private nextFolder = 1

  private constructor(
    private readonly system: System,
    private readonly folder: string,
  ) {}

  static async open(system: System, folder: string): Promise<Store> {
    const store = new Store(system, folder)
    await system.files.makeFolder(folder)
    for (const name of await system.files.list(folder)) {
      if (/^\d+$/.test(name)) {
        store.nextFolder = Math.max(store.nextFolder, Number(name) + 1)
        await store.openStream(`${folder}/${name}`)
      } else if (name.startsWith('deleted-')) await system.files.remove(`${folder}/${name}`)
    }
    return store
  }

  /** A folder without a definition is a creation that was cut short before it was acknowledged. */
  private async openStream(path: string): Promise<void> {
    const text = await this.system.files.readText(`${path}/stream.json`)
    if (text === undefined) return this.system.files.remove(path)
    const stream = await Stream.open(this.system.files, path, JSON.parse(text) as Definition)
    this.streams.set(stream.key, stream)
  }

  get all(): Stream[] {
    return [...this.streams.values()]
  }

  get(key: string): Stream | undefined {
    return this.streams.get(key)
  }

  onChange(fn: (change: StreamChange) => void): () => void {
    this.listeners.add(fn)
    return () => this.listeners.delete(fn)
  }

  private tell(change: StreamChange): void {
    for (const listener of this.listeners) listener(change)
  }

  /** Undefined where the key is taken. */
  async create(key: string, schema: Schema, options: StreamOptions): Promise<Stream | undefined> {
    if (this.streams.has(key)) return undefined
    const path = `${this.folder}/${this.nextFolder++}`
    await this.system.files.makeFolder(path)
    const stream = await Stream.open(this.system.files, path, { key, schema, options })
    if (this.streams.has(key)) {
      await stream.close()
      await this.system.files.remove(path)
      return undefined
    }
    this.streams.set(key, stream)
    await this.save(stream)
    this.tell({ added: key })
    return stream
  }

  async save(stream: Stream): Promise<void> {
    await this.system.files.write(
      `${stream.folder}/stream.json`,
      JSON.stringify(stream.definition, null, 1),
    )
  }

  async delete(stream: Stream): Promise<void> {
    this.streams.delete(stream.key)
    stream.isDeleted = true
    const gone = `${this.folder}/deleted-${stream.folder.split('/').at(-1)}`
    await stream.close()
    await this.system.files.rename(stream.folder, gone)
    await this.system.files.remove(gone)
    this.tell({ deleted: stream.key })
  }

  async rename(stream: Stream, newKey: string): Promise<void> {
    const oldName = stream.key
    this.streams.delete(oldName)
    stream.definition = { ...stream.definition, key: newKey }
    this.streams.set(newKey, stream)
    await this.save(stream)
    this.tell({ renamed: { oldName, newName: newKey } })
  }

  async change(stream: Stream, options: Partial<StreamOptions>): Promise<void> {
    stream.definition = {
      ...stream.definition,
      options: { ...stream.definition.options, ...options },
    }
    await this.save(stream)
    this.tell({ changed: stream.key })
  }

  async close(): Promise<void> {
    for (const stream of this.streams.values()) await stream.close()
  }
}
