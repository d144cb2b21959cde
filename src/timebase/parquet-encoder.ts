import { crc32 } from 'node:zlib'
import type { BasicType, ParquetWriter } from 'hyparquet-writer'
import type { RecordEncoder } from './record-encoder.js'
import type { Field, FieldValue, RecordClass, StreamRecord } from './schema.js'
import { parseTimestamp } from './times.js'

interface Column {
  name: string
  type: BasicType
  nullable: boolean
  value(record: StreamRecord): unknown
}

/** What the end of a file tells of its groups, kept while the file grows. */
export type ParquetState = Pick<ParquetWriter, 'row_groups' | 'num_rows' | 'pendingIndexes'> & {
  crc: number
}

/** Who wrote a file, as its end says. */
export const createdBy = 'wxstation'

/**
 * Key of the checksum of all groups, as `<bytes>:<CRC-32>`: a damaged file is found out before it is
 * decoded, where a wrong size may have the library read for ever.
 */
export const checksumKey = 'wxstation.crc32'

/**
 * Writes records as Parquet, a group of rows at each flush: readers skip by group, and no more than
 * one is ever held. Those of several classes get a column `$type`. `before` goes on behind a part.
 */
export async function parquetEncoder(
  classes: RecordClass[],
  before?: { bytes: number; state: ParquetState },
): Promise<RecordEncoder> {
  const { ByteWriter, ParquetWriter, schemaFromColumnData } = await import('hyparquet-writer')
  const columns = columnsFor(classes)
  const columnData = (records: StreamRecord[]) =>
    columns.map(({ value, ...column }) => ({ ...column, data: records.map(value) }))
  const writer = new ByteWriter()
  const schema = schemaFromColumnData({ columnData: columnData([]) })
  // Writes the head of the file at once.
  const parquet = new ParquetWriter({ writer, schema, createdBy })
  let crc = 0
  const taken = (): Uint8Array => {
    const bytes = writer.getBytes().slice()
    writer.index = 0
    crc = crc32(bytes, crc)
    return bytes
  }
  if (before) {
    const { crc: crcBefore, ...state } = before.state
    taken()
    crc = crcBefore
    writer.offset = before.bytes
    Object.assign(parquet, state)
  }
  let group: StreamRecord[] = []
  return {
    head: taken,
    add(records) {
      for (const record of records) group.push(record)
      return new Uint8Array()
    },
    flush() {
      if (group.length > 0)
        parquet.write({ columnData: columnData(group), rowGroupSize: group.length })
      group = []
      return taken()
    },
    end() {
      parquet.kvMetadata = [{ key: checksumKey, value: `${writer.offset}:${crc}` }]
      parquet.finish()
      return taken()
    },
    state(): ParquetState {
      const { row_groups, num_rows, pendingIndexes } = parquet
      return { row_groups, num_rows, pendingIndexes, crc }
    },
  }
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
