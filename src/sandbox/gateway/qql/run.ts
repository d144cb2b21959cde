import { floatText } from '../floats.js'
import { htmlSafe } from '../gson.js'
import { messages, type RowQuery } from '../rows.js'
import type { DataType, Schema } from '../schema.js'
import type { Message } from '../store/record.js'
import type { Store } from '../store/store.js'
import type { Stream } from '../store/stream.js'
import { isoTime } from '../time.js'
import type { Value } from '../values.js'
import { type Aggregate, aggregate, isAggregate } from './aggregate.js'
import { type Compiled, Compiler, type ResultType, type Row } from './evaluate.js'
import { compileError, type Tokens } from './lexer.js'
import { type Item, type SelectStatement, selectStatement } from './select.js'

/** A compiled SELECT over one stream. */
export interface Query {
  statement: SelectStatement
  stream: Stream
  /** Rows of the answer as JSON texts, in batches. */
  rows(range: RowQuery, skip: number, limit: number): AsyncGenerator<string[]>
  /** The text of one message's row, or undefined where it does not fit the condition. */
  row(message: Message): string | undefined
  resultSchema(): Schema
}

interface Column {
  name: string
  type: ResultType
}

export function compileSelect(tokens: Tokens, store: Store, typeName: () => string): Query {
  const statement = selectStatement(tokens)
  const stream = findStream(statement, store, tokens)
  const compiler = new Compiler(tokens, stream.definition.schema)
  const where = statement.where && compiler.compile(statement.where)
  const name = statement.type ?? typeName()
  const items = statement.items ?? []
  const isGrouped = statement.window !== undefined || items.some(({ value }) => isAggregate(value))
  const groups = isGrouped ? items.map(({ value }) => aggregate(compiler, value)) : []
  const plain = isGrouped ? [] : items.map(({ value }) => compiler.compile(value))
  const columns = items.map((item, i): Column => {
    const { type, field } = (isGrouped ? groups[i] : plain[i]) as Compiled | Aggregate
    return { name: item.alias ?? field ?? autoName(item, i), type }
  })
  const fits = (row: Row): boolean => !where || where.read(row) === true
  const rowOf = (message: Message): Row => ({
    symbol: stream.symbols[message.symbol]?.name ?? '',
    timestamp: message.ms,
    fields: new Map(),
  })
  const project = (row: Row): string =>
    rowText(
      name,
      row.symbol,
      row.timestamp,
      columns,
      plain.map((one) => one.read(row)),
    )
  const oneRow = (message: Message): string | undefined => {
    const start = message.fields.at
    const row = rowOf(message)
    if (where || statement.items) {
      row.fields = stream.values(message)
      if (!fits(row)) return undefined
    }
    if (statement.items) return project(row)
    message.fields.at = start
    return stream.text(message)
  }
  async function* plainRows(range: RowQuery): AsyncGenerator<string[]> {
    for await (const batch of messages(stream, { ...range, ...reversed(statement, range) })) {
      yield batch.flatMap((message) => oneRow(message) ?? [])
    }
  }
  async function* groupedRows(range: RowQuery): AsyncGenerator<string[]> {
    const grouping = new Grouping(statement, groups, columns, name)
    for await (const batch of messages(stream, { ...range, ...reversed(statement, range) })) {
      const done: string[] = []
      for (const message of batch) {
        const row = { ...rowOf(message), fields: stream.values(message) }
        if (fits(row)) done.push(...grouping.add(row))
      }
      if (done.length > 0) yield done
    }
    yield grouping.flush()
  }
  return {
    statement,
    stream,
    row: oneRow,
    rows: (range, skip, limit) =>
      cut(
        isGrouped ? groupedRows(range) : plainRows(range),
        skip + statement.offset,
        Math.min(limit, statement.limit ?? Number.POSITIVE_INFINITY),
      ),
    resultSchema: () =>
      statement.items ? projection(name, columns, items, stream) : stream.definition.schema,
  }
}

/** `reverse(…)` starts at the end unless `from` says otherwise. */
function reversed(statement: SelectStatement, range: RowQuery): RowQuery {
  if (!statement.reverse) return { reverse: false }
  return { reverse: true, from: range.to ?? Number.MAX_VALUE, to: range.from }
}

function findStream({ source }: SelectStatement, store: Store, tokens: Tokens): Stream {
  const exact = store.get(source.text)
  const found =
    exact ??
    (source.kind === 'name'
      ? store.all.find(({ key }) => key.toUpperCase() === source.text)
      : undefined)
  if (found) return found
  throw compileError(
    tokens.query,
    source,
    'UnknownIdentifierException',
    `Unknown identifier: ${source.text}`,
  )
}

const autoName = ({ value }: Item, i: number): string =>
  value.kind === 'call' ? `$${value.name.text}` : `$${i}`

export function valueText(type: ResultType, value: Value): string {
  if (value === null) return 'null'
  switch (type) {
    case 'float32':
    case 'float64':
      return `"${floatText(Number(value), type === 'float32')}"`
    case 'integer':
    case 'boolean':
    case 'raw':
      return String(value)
    case 'time':
      return `"${isoTime(Number(value))}"`
    case 'text':
      return htmlSafe(String(value))
  }
}

function rowText(
  type: string,
  symbol: string,
  timestamp: number,
  columns: Column[],
  values: Value[],
): string {
  const fields = columns.map(({ name, type: kind }, i) => {
    const value = values[i] ?? null
    const isNull = value === null || Number.isNaN(value)
    return isNull ? '' : `,${JSON.stringify(name)}:${valueText(kind, value)}`
  })
  return `{"$type":"${type}","symbol":${htmlSafe(symbol)},"timestamp":"${isoTime(timestamp)}"${fields.join('')}}`
}

/** Collects rows into windows (start, end] and groups; one row each when a window is over. */
class Grouping {
  private groups = new Map<string, { row: Row; sums: ReturnType<Aggregate['start']>[] }>()
  private end = Number.NaN

  constructor(
    private readonly statement: SelectStatement,
    private readonly aggregates: Aggregate[],
    private readonly columns: Column[],
    private readonly type: string,
  ) {}

  add(row: Row): string[] {
    const { window, groupBySymbol } = this.statement
    let done: string[] = []
    if (window !== undefined) {
      const end = Math.ceil(row.timestamp / window) * window
      if (end !== this.end) {
        done = this.flush()
        this.end = end
      }
    }
    const key = groupBySymbol ? row.symbol : ''
    let group = this.groups.get(key)
    if (!group) {
      group = { row, sums: this.aggregates.map((one) => one.start()) }
      this.groups.set(key, group)
    }
    group.row = row
    for (const sum of group.sums) sum.add(row)
    return done
  }

  flush(): string[] {
    const rows = [...this.groups.values()].map(({ row, sums }) =>
      rowText(
        this.type,
        row.symbol,
        this.statement.window === undefined ? row.timestamp : this.end,
        this.columns,
        sums.map((sum) => sum.result()),
      ),
    )
    this.groups = new Map()
    return rows
  }
}

async function* cut(
  batches: AsyncIterable<string[]>,
  skip: number,
  limit: number,
): AsyncGenerator<string[]> {
  let toSkip = skip
  let left = limit
  if (left <= 0) return
  for await (const batch of batches) {
    const rest = batch.slice(toSkip)
    toSkip -= batch.length - rest.length
    if (rest.length > 0) yield rest.slice(0, left)
    left -= rest.length
    if (left <= 0) return
  }
}

const dataTypes: Record<ResultType, [name: string, encoding: string | null]> = {
  float32: ['FLOAT', 'IEEE32'],
  float64: ['FLOAT', 'IEEE64'],
  integer: ['INTEGER', 'INT64'],
  boolean: ['BOOLEAN', null],
  text: ['VARCHAR', 'UTF8'],
  time: ['TIMESTAMP', null],
  raw: ['VARCHAR', 'UTF8'],
}

function projection(name: string, columns: Column[], items: Item[], stream: Stream): Schema {
  const fields = columns.map((column, i) => {
    const [typeName, encoding] = dataTypes[column.type]
    const type: DataType = {
      encoding,
      nullable: true,
      name: typeName,
      types: null,
      elementType: null,
    }
    const kept = items[i]?.alias === undefined && fieldType(stream, column.name)
    return {
      name: column.name,
      title: column.name,
      description: null,
      type: kept || type,
      value: null,
      primaryKey: false,
      relativeTo: null,
      static: false,
      hide: false,
    }
  })
  const made = { name, title: null, fields, parent: null, isEnum: false, isAbstract: false }
  return { types: [made], all: [made] }
}

function fieldType({ classes }: Stream, name: string): DataType | undefined {
  return classes.flatMap(({ fields }) => fields).find((field) => field.name === name)?.type
}
