import { illegalArgument, JavaError } from './java-error.js'

export interface DataType {
  encoding: string | null
  nullable: boolean
  name: string
  types: string[] | null
  elementType: DataType | null
}

export interface Field {
  name: string
  title: string | null
  description: string | null
  type: DataType
  value: string | null
  primaryKey: boolean
  relativeTo: string | null
  static: boolean
  hide: boolean
  /** Limits come from DDL only; JSON has no place for them. */
  min?: string
  max?: string
}

export interface ClassDef {
  name: string
  title: string | null
  fields: Field[]
  parent: string | null
  isEnum: boolean
  isAbstract: boolean
  description?: string
}

/** Top classes (`types`) and every class there is (`all`), enums included. */
export interface Schema {
  types: ClassDef[]
  all: ClassDef[]
}

const integers =
  /^(INT8|INT16|INT32|INT48|INT64|PUINT30|PUINT61|PINTERVAL|SIGNED\(\d+\)|UNSIGNED\(\d+\))$/
const floats = /^(IEEE32|IEEE64|DECIMAL|DECIMAL\(\d+\)|DECIMAL64)$/
const texts = /^(UTF8|ALPHANUMERIC\(\d+\))$/

/** Types of the `datatypes` list and the encodings each of them takes. */
export const dataTypes: { name: string; encodings: RegExp | null }[] = [
  { name: 'FLOAT', encodings: floats },
  { name: 'INTEGER', encodings: integers },
  { name: 'BOOLEAN', encodings: null },
  { name: 'VARCHAR', encodings: texts },
  { name: 'CHAR', encodings: null },
  { name: 'TIMEOFDAY', encodings: null },
  { name: 'TIMESTAMP', encodings: null },
  { name: 'BINARY', encodings: null },
]

const builder = 'com.epam.deltix.tbwg.webapp.model.schema.SchemaBuilder'

type Json = Record<string, unknown>
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** A SchemaDef as createStream takes it; unknown properties are ignored, as the server does. */
export function schemaFromJson(body: Json): Schema {
  if (!Array.isArray(body.types)) {
    throw new JavaError(
      'java.lang.NullPointerException',
      null,
      `${builder}.build(SchemaBuilder.java:64)`,
    )
  }
  const all = Array.isArray(body.all) ? (body.all as Json[]) : undefined
  const types = (body.types as Json[]).map((one) => classFromJson(one, all, body.types as Json[]))
  const others = (all ?? [])
    .filter((one) => !types.some(({ name }) => name === one.name))
    .map((one) => classFromJson(one, all, body.types as Json[]))
  return {
    types,
    all: [
      ...others.filter(({ isEnum }) => isEnum),
      ...types,
      ...others.filter(({ isEnum }) => !isEnum),
    ],
  }
}

function classFromJson(one: Json, all: Json[] | undefined, top: Json[]): ClassDef {
  const name = text(one.name) ?? ''
  const isEnum = one.isEnum === true
  const known = [...(all ?? []), ...top].map((other) => text(other.name))
  const fields = Array.isArray(one.fields) ? (one.fields as Json[]) : []
  return {
    name,
    title: text(one.title),
    fields: fields.map((field) => fieldFromJson(field, name, isEnum, all ? known : undefined)),
    parent: text(one.parent),
    isEnum,
    isAbstract: one.isAbstract === true,
  }
}

function fieldFromJson(
  field: Json,
  owner: string,
  isEnum: boolean,
  known: (string | null)[] | undefined,
): Field {
  const name = text(field.name) ?? ''
  const refuse = (reason: string | null): never => {
    throw illegalArgument(
      `Type: ${owner}. Failed to convert field: ${name}. Reason: ${reason}`,
      `${builder}.toDescriptor(SchemaBuilder.java:111)`,
    )
  }
  return {
    name,
    title: text(field.title),
    description: text(field.description),
    type: isEnum ? enumValueType : typeFromJson((field.type ?? {}) as Json, known, refuse),
    value: text(field.value) ?? (typeof field.value === 'number' ? String(field.value) : null),
    primaryKey: field.primaryKey === true,
    relativeTo: text(field.relativeTo),
    static: field.static === true,
    hide: field.hide === true,
  }
}

const enumValueType: DataType = {
  encoding: 'INT32',
  nullable: false,
  name: 'INTEGER',
  types: null,
  elementType: null,
}

function typeFromJson(
  json: Json,
  known: (string | null)[] | undefined,
  refuse: (reason: string | null) => never,
): DataType {
  const name = text(json.name) ?? ''
  const type: DataType = {
    encoding: text(json.encoding),
    nullable: json.nullable === true,
    name,
    types: Array.isArray(json.types) ? (json.types as string[]) : null,
    elementType: null,
  }
  if (name === 'ARRAY') {
    type.elementType = typeFromJson((json.elementType ?? {}) as Json, known, refuse)
    return type
  }
  if (name === 'OBJECT') {
    for (const one of type.types ?? [])
      if (!known?.includes(one)) refuse(known ? `Unknown type name: ${one}` : null)
    return type
  }
  const base = dataTypes.find((one) => one.name === name)
  if (!base) {
    if (!known) refuse(null)
    if (!known?.includes(name)) refuse(`Unknown type name: ${name}`)
    return type
  }
  if (base.encodings && !base.encodings.test(type.encoding ?? '')) refuse(type.encoding)
  return type
}

/** Inherited fields first, then the class's own. */
export function fieldsOf(schema: Schema, name: string): Field[] {
  const found = schema.all.find((one) => one.name === name)
  if (!found) return []
  return [...(found.parent ? fieldsOf(schema, found.parent) : []), ...found.fields]
}

/** The SchemaDef text of an answer; unless `tree`, inherited fields are in each class. */
export function schemaText(schema: Schema, tree = false): string {
  const show = (one: ClassDef): object => ({
    name: one.name,
    title: one.title,
    fields: (tree ? one.fields : fieldsOf(schema, one.name)).map(
      ({ min: _min, max: _max, ...field }) => field,
    ),
    parent: tree ? one.parent : null,
    isEnum: one.isEnum,
    isAbstract: one.isAbstract,
  })
  // No message is of an abstract class.
  const types = schema.types.filter(({ isAbstract }) => !isAbstract)
  return JSON.stringify({ types: types.map(show), all: schema.all.map(show) })
}
