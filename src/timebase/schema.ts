import { quoteIdentifier, quoteText } from './names.js'
import type { Nested } from './nested.js'

export type FieldValue = number | string | boolean | Nested | null

/** One row of a stream. Times are `yyyy-MM-ddTHH:mm:ss.SSSZ`; a field that is NULL is absent or null. */
export interface StreamRecord {
  symbol: string
  timestamp: string
  /** Name of the record's class. */
  type: string
  fields: { [name: string]: FieldValue }
}

export interface Field {
  name: string
  title?: string
  /** FLOAT, INTEGER, VARCHAR, TIMESTAMP, BOOLEAN, … or the name of an enum. */
  type: string
  /** IEEE32, INT32, UTF8, …; undefined for types that have none. */
  encoding?: string | undefined
  nullable: boolean
  /** One value for all records, which is part of the schema: what is written is ignored. */
  isStatic?: true
}

export interface RecordClass {
  name: string
  title?: string
  fields: Field[]
}

/** A stream to be created. */
export interface StreamSchema {
  classes: RecordClass[]
}

const float = (name: string, title: string): Field => ({
  name,
  title,
  type: 'FLOAT',
  encoding: 'IEEE32',
  nullable: true,
})
const count = (name: string, title: string): Field => ({
  name,
  title,
  type: 'INTEGER',
  encoding: 'INT32',
  nullable: true,
})
const text = (name: string, title: string): Field => ({
  name,
  title,
  type: 'VARCHAR',
  encoding: 'UTF8',
  nullable: true,
})

/** What a station measures; a sensor that fails leaves its fields out. */
export const weatherSchema: StreamSchema = {
  classes: [
    {
      name: 'weather_record',
      title: 'Weather record',
      fields: [
        float('temperature', 'Air temperature, C'),
        float('humidity', 'Relative humidity, %'),
        float('pressure', 'Pressure at the station, hPa'),
        float('case_temperature', 'Temperature on the sensor board, C'),
      ],
    },
  ],
}

/** How a station is; counters count since its boot. */
export const statusSchema: StreamSchema = {
  classes: [
    {
      name: 'station_status',
      title: 'Station status',
      fields: [
        count('boot', 'Number of boots'),
        count('uptime', 'Time since boot, s'),
        text('reset_reason', 'Reason of the last reset'),
        text('clock', 'Clock: unset, ntp or held'),
        count('queued', 'Records waiting in the queue'),
        { name: 'oldest_queued', title: 'Oldest of them', type: 'TIMESTAMP', nullable: true },
        count('dropped', 'Records dropped, queue full'),
        count('refused', 'Records refused by TimeBase'),
        count('sensor_errors', 'Failed sensor readings'),
        count('upload_errors', 'Failed uploads'),
        count('free_heap', 'Free heap, bytes'),
        count('rssi', 'Wi-Fi signal, dBm'),
        text('address', 'Network address'),
        text('runtime', 'Runtime and its version'),
        text('station', 'Version of the station code'),
        text('tls', 'TLS: verified, insecure or off'),
        text('last_error', 'Last error'),
      ],
    },
  ],
}

/**
 * The statement that makes what `createStream` makes, as `--dry-run` prints it and
 * `templates/*.ddl` hold it. That call knows neither a title of the stream nor FIXEDTYPE.
 */
export function ddl(stream: string, { classes }: StreamSchema): string {
  const members = classes.map(({ name, title, fields }) => {
    const lines = fields.map((field) => `    ${ddlField(field)}`)
    return `  CLASS ${named(name, title)} (\n${lines.join(',\n')}\n  );`
  })
  return [
    `CREATE DURABLE STREAM ${quoteIdentifier(stream)} (`,
    ...members,
    ')',
    "OPTIONS (POLYMORPHIC; PERIODICITY = 'IRREGULAR'; HIGHAVAILABILITY = FALSE)",
    '',
  ].join('\n')
}

function named(name: string, title: string | undefined): string {
  return title ? `${quoteIdentifier(name)} ${quoteText(title)}` : quoteIdentifier(name)
}

function ddlField({ name, title, type, encoding, nullable }: Field): string {
  // NOT NULL stands before the encoding: the other order is a syntax error.
  const parts = [named(name, title), type, nullable ? '' : 'NOT NULL', encoding ?? '']
  return parts.filter((part) => part !== '').join(' ')
}

/** The body of `createStream`. `nullable` is always said: its default there is false. */
export function schemaBody({ classes }: StreamSchema): unknown {
  return {
    types: classes.map(({ name, title, fields }) => ({
      name,
      title: title ?? null,
      isEnum: false,
      isAbstract: false,
      parent: null,
      fields: fields.map((field) => ({
        name: field.name,
        title: field.title ?? null,
        type: { name: field.type, encoding: field.encoding ?? null, nullable: field.nullable },
      })),
    })),
    all: [],
  }
}

/** Reads the server's SchemaDef; whatever it lacks or adds in another version is left out. */
export function parseSchema(body: unknown): RecordClass[] {
  return list(body, 'types').map((type) => ({
    name: string(type, 'name') ?? '',
    ...optionalTitle(type),
    fields: list(type, 'fields').map((field) => {
      const shape = object(field, 'type')
      const nullable = shape.nullable
      return {
        name: string(field, 'name') ?? '',
        ...optionalTitle(field),
        type: string(shape, 'name') ?? '',
        encoding: string(shape, 'encoding'),
        nullable: typeof nullable === 'boolean' ? nullable : false,
        ...(object({ field }, 'field').static === true && { isStatic: true as const }),
      }
    }),
  }))
}

function optionalTitle(from: unknown): { title?: string } {
  const title = string(from, 'title')
  return title === undefined ? {} : { title }
}

function object(from: unknown, key: string): { [key: string]: unknown } {
  const value = (from as { [key: string]: unknown } | null)?.[key]
  return value !== null && typeof value === 'object' ? (value as { [key: string]: unknown }) : {}
}

function list(from: unknown, key: string): unknown[] {
  const value = object({ from }, 'from')[key]
  return Array.isArray(value) ? value : []
}

function string(from: unknown, key: string): string | undefined {
  const value = object({ from }, 'from')[key]
  return typeof value === 'string' ? value : undefined
}
