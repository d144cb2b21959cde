import type { ClassDef, DataType, Field, Schema } from './schema.js'

/** What a stream's DDL says beside its classes. */
export interface StreamOptions {
  title: string | null
  fixedType: boolean
  periodicity: string
  highAvailability: boolean
  unique: boolean
  comment: string | null
  distributionFactor: number
  scope: 'DURABLE' | 'TRANSIENT'
}

/** What createStream makes. */
export const defaultOptions: StreamOptions = {
  title: null,
  fixedType: false,
  periodicity: 'IRREGULAR',
  highAvailability: false,
  unique: false,
  comment: null,
  distributionFactor: 0,
  scope: 'DURABLE',
}

/** Names in capitals need no quotes; unquoted ones are read as capitals. */
const quote = (name: string): string =>
  /^[A-Z][A-Z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
const text = (value: string): string => `'${value.replaceAll("'", "''")}'`
const titled = (title: string | null): string => (title ? ` ${text(title)}` : '')

const sizes: Record<string, string> = {
  IEEE32: ' BINARY (32)',
  IEEE64: '',
  DECIMAL: ' DECIMAL',
  DECIMAL64: ' DECIMAL64',
  INT8: ' SIGNED (8)',
  INT16: ' SIGNED (16)',
  INT32: ' SIGNED (32)',
  INT48: ' SIGNED (48)',
  INT64: '',
  PUINT30: ' UNSIGNED (30)',
  PUINT61: ' UNSIGNED (61)',
  PINTERVAL: ' INTERVAL',
}

function typeText(type: DataType): string {
  const notNull = type.nullable ? '' : ' NOT NULL'
  if (type.name === 'ARRAY') {
    return `ARRAY(${type.elementType ? typeText(type.elementType) : ''})${notNull}`
  }
  if (type.name === 'OBJECT') return `OBJECT(${(type.types ?? []).map(quote).join(', ')})${notNull}`
  if (type.name === 'VARCHAR') {
    const { encoding } = type
    const size = encoding?.startsWith('ALPHANUMERIC') ? ` ${spaced(encoding)}` : ' MULTILINE'
    return `VARCHAR${size === ' MULTILINE' ? `${size}${notNull}` : `${notNull}${size}`}`
  }
  const known = /^(FLOAT|INTEGER|BOOLEAN|CHAR|TIMEOFDAY|TIMESTAMP|BINARY)$/.test(type.name)
  const size = type.encoding === null ? '' : (sizes[type.encoding] ?? ` ${spaced(type.encoding)}`)
  return `${known ? type.name : quote(type.name)}${notNull}${size}`
}

const spaced = (encoding: string): string => encoding.replace('(', ' (')

function fieldText(field: Field): string {
  const name = `${quote(field.name)}${titled(field.title)}`
  const comment = field.description ? ` COMMENT ${text(field.description)}` : ''
  if (field.static) {
    const isText = field.type.name === 'VARCHAR' || field.type.name === 'CHAR'
    const value = isText ? text(field.value ?? '') : (field.value ?? 'NULL')
    return `STATIC ${name} ${typeText(field.type)} = ${value}${comment}`
  }
  const between =
    field.min !== undefined && field.max !== undefined
      ? ` BETWEEN ${field.min} AND ${field.max}`
      : ''
  return `${name} ${typeText(field.type)}${between}${comment}`
}

function classText(one: ClassDef): string {
  const comment = one.description ? ` COMMENT ${text(one.description)}` : ''
  if (one.isEnum) {
    const values = one.fields.map(({ name, value }, i) => `        ${quote(name)} = ${value ?? i}`)
    return `    ENUM ${quote(one.name)}${titled(one.title)} (\n${values.join(',\n')}\n    )${comment};\n`
  }
  const under = one.parent ? ` UNDER ${quote(one.parent)}` : ''
  const abstract = one.isAbstract ? ' NOT INSTANTIABLE' : ''
  const fields = one.fields.map((field) => `        ${fieldText(field)}`).join(',\n')
  return `    CLASS ${quote(one.name)}${titled(one.title)}${under} (\n${fields}\n    )${abstract}${comment};\n`
}

/** The DDL that describe gives: without CREATE, with a newline at its end. */
export function ddlText(key: string, schema: Schema, options: StreamOptions): string {
  const title = options.title && options.title !== key ? options.title : null
  const listed = [
    options.fixedType ? 'FIXEDTYPE' : 'POLYMORPHIC',
    `PERIODICITY = '${options.periodicity}'`,
    ...(options.distributionFactor > 0 ? [`DF = ${options.distributionFactor}`] : []),
    `HIGHAVAILABILITY = ${options.highAvailability ? 'TRUE' : 'FALSE'}`,
    `UNIQUE = ${options.unique ? 'TRUE' : 'FALSE'}`,
    ...(options.scope === 'DURABLE' ? [`STORAGEVERSION = '5'`] : []),
  ]
  return `${options.scope} STREAM ${quote(key)}${titled(title)} (\n${schema.all
    .map(classText)
    .join('')})\nOPTIONS (${listed.join('; ')})\n${
    options.comment ? `COMMENT ${text(options.comment)}\n` : ''
  }`
}
