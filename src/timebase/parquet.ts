import type { BasicType } from 'hyparquet-writer'
import type { Field, FieldValue, RecordClass, StreamRecord } from './schema.js'
import { parseTimestamp } from './times.js'

/** Rows of a group: readers skip by group, and no more than this is ever held. */
const groupRows = 50_000

interface Column {
  name: string
  type: BasicType
  nullable: boolean
  value(record: StreamRecord): unknown
}

/**
 * Records as pieces of a Parquet file, in order; those of several classes get a column `$type`.
 * The file is whole with the last piece only: what it holds is told at its end.
 */
export async function* parquetPieces(
  pages: AsyncIterable<StreamRecord[]>,
  classes: RecordClass[],
): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer')
  const columns = columnsFor(classes)
  const columnData = (records: StreamRecord[]) =>
    columns.map(({ value, ...column }) => ({ ...column, data: records.map(value) }))
  const writer = new ByteWriter()
  const schema = schemaFromColumnData({ columnData: columnData([]) })
  const parquet = new ParquetWriter({ writer, schema, createdBy: 'wxstation' })
  const taken = (): Uint8Array => {
    const bytes = writer.getBytes().slice()
    writer.index = 0
    return bytes
  }
  let group: StreamRecord[] = []
  for await (const records of pages) {
    group.push(...records)
    if (group.length < groupRows) continue
    parquet.write({ columnData: columnData(group), rowGroupSize: group.length })
    group = []
    yield taken()
  }
  if (group.length > 0) parquet.write({ columnData: columnData(group), rowGroupSize: group.length })
  parquet.finish()
  yield taken()
}

function columnsFor(classes: RecordClass[]): Column[] {
  const fields = new Map(classes.flatMap((one) => one.fields.map((field) => [field.name, field])))
  return [
    { name: 'timestamp', type: 'TIMESTAMP', nullable: false, value: timeOf },
    { name: 'symbol', type: 'STRING', nullable: false, value: ({ symbol }) => symbol },
    ...(classes.length > 1
      ? [{ name: '$type', type: 'STRING', nullable: false, value: typeOf } as const]
      : []),
    ...[...fields.values()].map(fieldColumn),
  ]
}

const typeOf = ({ type }: StreamRecord): string => type
const timeOf = ({ timestamp }: StreamRecord): Date => new Date(parseTimestamp(timestamp) ?? 0)

function fieldColumn(field: Field): Column {
  const { type, read } = storage(field)
  const value = ({ fields }: StreamRecord): unknown => {
    const one = fields[field.name]
    return one === undefined || one === null ? null : read(one)
  }
  return { name: field.name, type, nullable: true, value }
}

/** How a field is stored; what Parquet has no type for stays the text that the server sends. */
function storage({ type, encoding }: Field): {
  type: BasicType
  read: (value: NonNullable<FieldValue>) => unknown
} {
  switch (type) {
    case 'FLOAT':
      return { type: encoding === 'IEEE32' ? 'FLOAT' : 'DOUBLE', read: Number }
    case 'INTEGER':
      return /^(INT(8|16|32)|SIGNED\((8|16|32)\)|PUINT30|UNSIGNED\(30\))$/.test(encoding ?? '')
        ? { type: 'INT32', read: Number }
        : { type: 'INT64', read: (value) => BigInt(Math.trunc(Number(value))) }
    case 'BOOLEAN':
      return { type: 'BOOLEAN', read: Boolean }
    case 'TIMESTAMP':
      return { type: 'TIMESTAMP', read: (value) => new Date(String(value)) }
    default:
      return { type: 'STRING', read: String }
  }
}
