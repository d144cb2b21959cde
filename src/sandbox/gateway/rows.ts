import { Cursor } from './store/cursor.js'
import { type Message, readMessage } from './store/record.js'
import type { Stream } from './store/stream.js'
import type { SymbolIndex } from './store/symbol-index.js'

export interface RowQuery {
  /** Names; undefined = all. Unknown names match nothing. */
  symbols?: string[] | undefined
  /** Full class names; undefined = all. */
  types?: string[] | undefined
  from?: number | undefined
  to?: number | undefined
  reverse?: boolean | undefined
  /** Only messages stored before this place of the log. */
  before?: number | undefined
}

// Enough to keep a page's blocks together, small enough that a slow reader holds little.
const batchSize = 2048

/** The messages a query selects, in batches; `skip` and `limit` count rows. */
export async function* messages(
  stream: Stream,
  query: RowQuery,
  skip = 0,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Message[]> {
  const reverse = query.reverse ?? false
  // A reverse read starts at `from`, which it therefore needs.
  if (reverse && query.from === undefined) return
  const cursor = new Cursor({
    symbols: symbolsOf(stream, query.symbols),
    from: query.from ?? Number.NEGATIVE_INFINITY,
    to: query.to ?? (reverse ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY),
    reverse,
    before: query.before ?? Number.POSITIVE_INFINITY,
  })
  const classes = query.types && classIndexes(stream, query.types)
  let toSkip = skip
  let left = limit
  while (left > 0) {
    const size = classes ? batchSize : Math.min(batchSize, left + toSkip)
    let places = cursor.next(size)
    const isLast = places.length < size
    if (!classes && toSkip > 0) {
      const skipped = Math.min(toSkip, places.length)
      places = places.slice(skipped)
      toSkip -= skipped
    }
    if (places.length > 0) {
      await stream.load(places)
      let found = places.map((place) => {
        const { bytes, at } = stream.find(place)
        return readMessage(bytes, at)
      })
      if (classes) {
        found = found.filter(({ classIndex }) => classes.has(classIndex))
        const skipped = Math.min(toSkip, found.length)
        found = found.slice(skipped)
        toSkip -= skipped
      }
      if (found.length > left) found = found.slice(0, left)
      left -= found.length
      if (found.length > 0) yield found
    }
    if (isLast) return
  }
}

export function symbolsOf(stream: Stream, names: string[] | undefined): SymbolIndex[] {
  if (!names) return stream.used
  return [...new Set(names)].flatMap((name) => stream.symbol(name) ?? [])
}

export function classIndexes(stream: Stream, types: string[]): Set<number> {
  return new Set(stream.classes.flatMap(({ name }, i) => (types.includes(name) ? [i] : [])))
}

/** Rows of several streams in order of time, as pieces of text. */
export async function* rowTexts(
  streams: Stream[],
  query: RowQuery,
  skip: number,
  limit: number,
  withStatics = true,
): AsyncGenerator<string[]> {
  const [only] = streams
  if (only && streams.length === 1) {
    for await (const batch of messages(only, query, skip, limit)) {
      yield batch.map((message) => only.text(message, withStatics))
    }
    return
  }
  const heads = await Promise.all(
    streams.map(async (stream) => Head.open(stream, messages(stream, query))),
  )
  const sign = query.reverse ? -1 : 1
  for (let row = 0; row < skip + limit; row++) {
    let best: Head | undefined
    for (const head of heads) {
      if (head.current && (!best?.current || sign * (head.current.ms - best.current.ms) < 0)) {
        best = head
      }
    }
    if (!best?.current) return
    if (row >= skip) yield [best.stream.text(best.current, withStatics)]
    await best.advance()
  }
}

class Head {
  current: Message | undefined
  private batch: Message[] = []
  private at = 0

  private constructor(
    readonly stream: Stream,
    private readonly source: AsyncGenerator<Message[]>,
  ) {}

  static async open(stream: Stream, source: AsyncGenerator<Message[]>): Promise<Head> {
    const head = new Head(stream, source)
    await head.advance()
    return head
  }

  async advance(): Promise<void> {
    if (this.at >= this.batch.length) {
      const { value } = await this.source.next()
      this.batch = value ?? []
      this.at = 0
    }
    this.current = this.batch[this.at++]
  }
}
