import type { Files } from '../../../system.js'
import type { StreamOptions } from '../ddl-text.js'
import { htmlSafe } from '../gson.js'
import { ClassCodec } from '../objects.js'
import type { Schema } from '../schema.js'
import { isoNanoTime, isoTime } from '../time.js'
import type { Value } from '../values.js'
import { ByteReader, ByteWriter } from './bytes.js'
import { RecordLog } from './log.js'
import { endEntry, entryKind, type Message, messageHead, startEntry } from './record.js'
import { SymbolIndex } from './symbol-index.js'

/** What a stream is, beside its messages; kept in stream.json. */
export interface Definition {
  key: string
  schema: Schema
  options: StreamOptions
}

/** A message that was stored just now. */
export interface Stored {
  symbol: SymbolIndex
  time: number
  offset: number
  /** It came behind a later message of the same symbol (INSERT). */
  late: boolean
}

/** A state the entries of a frame are judged by before they are durable. */
export interface Draft {
  out: ByteWriter
  /** Number of a symbol, made known in the frame if it is new. */
  symbol(name: string): number
  last(id: number): number | undefined
  setLast(id: number, time: number | undefined): void
}

interface Job {
  fill: (draft: Draft) => void
  done: (error?: unknown) => void
}

// One flush makes many waiting requests durable; a frame stops growing here so that memory is bounded.
const frameLimit = 4 * 1024 * 1024

export class Stream {
  readonly classes: ClassCodec[]
  readonly symbols: SymbolIndex[] = []
  private readonly byName = new Map<string, SymbolIndex>()
  private readonly listeners = new Set<(stored: Stored[]) => void>()
  private readonly jobs: Job[] = []
  private isFlushing = false
  private flushed: Promise<void> | undefined
  private log!: RecordLog
  isDeleted = false

  private constructor(
    public definition: Definition,
    readonly folder: string,
  ) {
    const { schema } = definition
    this.classes = schema.types
      .filter(({ isEnum }) => !isEnum)
      .map(({ name }) => new ClassCodec(name, schema))
  }

  static async open(files: Files, folder: string, definition: Definition): Promise<Stream> {
    const stream = new Stream(definition, folder)
    stream.log = await RecordLog.open(files, `${folder}/records.log`, (entries, offset) => {
      stream.apply(entries, offset)
    })
    return stream
  }

  get key(): string {
    return this.definition.key
  }

  symbol(name: string): SymbolIndex | undefined {
    const found = this.byName.get(name)
    return found && found.length > 0 ? found : undefined
  }

  /** Symbols that have messages. */
  get used(): SymbolIndex[] {
    return this.symbols.filter(({ length }) => length > 0)
  }

  /** Place in the log behind everything stored so far. */
  get end(): number {
    return this.log.size
  }

  /** Earliest and latest time, of some symbols or of all. */
  range(symbols: SymbolIndex[] = this.symbols): { start: number; end: number } | undefined {
    let start = Number.POSITIVE_INFINITY
    let end = Number.NEGATIVE_INFINITY
    for (const { first, last } of symbols) {
      if (first !== undefined && first < start) start = first
      if (last !== undefined && last > end) end = last
    }
    return start <= end ? { start, end } : undefined
  }

  /** Calls `fn` with the messages of every flush, once they are durable; the answer removes it. */
  onStored(fn: (stored: Stored[]) => void): () => void {
    this.listeners.add(fn)
    return () => this.listeners.delete(fn)
  }

  /** Lets `fill` write entries into the next frame; resolves when that frame is durable. */
  commit(fill: (draft: Draft) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.jobs.push({ fill, done: (error) => (error === undefined ? resolve() : reject(error)) })
      if (this.isFlushing) return
      this.isFlushing = true
      this.flushed = this.flush()
    })
  }

  private async flush(): Promise<void> {
    while (this.jobs.length > 0) {
      const draft = new FrameDraft(this.byName, this.symbols)
      const taken: Job[] = []
      while (this.jobs.length > 0 && draft.out.length < frameLimit) {
        const job = this.jobs.shift() as Job
        try {
          job.fill(draft)
          taken.push(job)
        } catch (error) {
          job.done(error)
        }
      }
      try {
        let stored: Stored[] = []
        if (draft.out.length > 0) {
          const entries = draft.out.view()
          stored = this.apply(entries, await this.log.append(entries))
        }
        for (const { done } of taken) done()
        if (stored.length > 0) for (const listener of this.listeners) listener(stored)
      } catch (error) {
        for (const { done } of taken) done(error)
      }
    }
    // In the same breath as the look at the queue: a job that comes now starts a new flush.
    this.isFlushing = false
  }

  /** Brings a durable frame into the index; the same when it was just written and at start. */
  private apply(entries: Buffer, offset: number): Stored[] {
    const stored: Stored[] = []
    let at = 0
    while (at < entries.length) {
      const end = at + 4 + entries.readUInt32LE(at)
      const kind = entries[at + 4]
      if (kind === entryKind.message) {
        const symbol = this.symbols[entries.readUInt32LE(at + messageHead.symbol)] as SymbolIndex
        const time = entries.readDoubleLE(at + messageHead.time)
        const late = time < (symbol.last ?? Number.NEGATIVE_INFINITY)
        symbol.add(time, offset + at)
        stored.push({ symbol, time, offset: offset + at, late })
      } else this.applyOperation(kind, new ByteReader(entries, at + 5))
      at = end
    }
    return stored
  }

  private applyOperation(kind: number | undefined, from: ByteReader): void {
    if (kind === entryKind.symbol) {
      const index = new SymbolIndex(from.u32(), from.text())
      this.symbols[index.id] = index
      this.byName.set(index.name, index)
      return
    }
    const time = from.f64()
    const count = from.u32()
    const ids = Array.from({ length: count }, () => from.u32())
    for (const id of ids) {
      if (kind === entryKind.truncate) this.symbols[id]?.truncate(time)
      else this.symbols[id]?.purge(time)
    }
  }

  /** Removes messages at or after (`truncate`) or before (`purge`) a time. */
  remove(kind: 'truncate' | 'purge', time: number, symbols: SymbolIndex[]): Promise<void> {
    return this.commit(({ out }) => {
      removal(
        entryKind[kind],
        time,
        symbols.map(({ id }) => id),
        out,
      )
    })
  }

  load(offsets: ArrayLike<number>): Promise<void> {
    return this.log.load(offsets)
  }

  find(offset: number): { bytes: Buffer; at: number } {
    return this.log.find(offset)
  }

  /** A message as select shows it. */
  text(message: Message, withStatics = true): string {
    const codec = this.classes[message.classIndex] as ClassCodec
    const nanos = message.nanos > 0 ? `,"nanoTime":"${isoNanoTime(message.ms, message.nanos)}"` : ''
    return `{"$type":"${codec.name}","symbol":${htmlSafe(this.symbols[message.symbol]?.name ?? '')},"timestamp":"${isoTime(message.ms)}"${nanos}${codec.text(message.fields, withStatics)}}`
  }

  values(message: Message): Map<string, Value> {
    return (this.classes[message.classIndex] as ClassCodec).values(message.fields)
  }

  async close(): Promise<void> {
    await this.flushed
    await this.log.close()
  }
}

/** Appends an entry that removes the messages of some symbols from or before a time. */
export function removal(kind: number, time: number, ids: number[], out: ByteWriter): void {
  const at = startEntry(kind, out)
  out.f64(time)
  out.u32(ids.length)
  for (const id of ids) out.u32(id)
  endEntry(at, out)
}

class FrameDraft implements Draft {
  readonly out = new ByteWriter(4096)
  private readonly added = new Map<string, number>()
  private readonly lasts = new Map<number, number | undefined>()

  constructor(
    private readonly byName: Map<string, SymbolIndex>,
    private readonly symbols: SymbolIndex[],
  ) {}

  symbol(name: string): number {
    const known = this.byName.get(name)?.id ?? this.added.get(name)
    if (known !== undefined) return known
    const id = this.symbols.length + this.added.size
    this.added.set(name, id)
    const at = startEntry(entryKind.symbol, this.out)
    this.out.u32(id)
    this.out.text(name)
    endEntry(at, this.out)
    return id
  }

  last(id: number): number | undefined {
    return this.lasts.has(id) ? this.lasts.get(id) : this.symbols[id]?.last
  }

  setLast(id: number, time: number | undefined): void {
    this.lasts.set(id, time)
  }
}
