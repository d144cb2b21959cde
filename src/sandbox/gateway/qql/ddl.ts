import { defaultOptions, type StreamOptions } from '../ddl-text.js'
import type { ClassDef, DataType, Field, Schema } from '../schema.js'
import { compileError, type Token, type Tokens } from './lexer.js'

export interface CreateStatement {
  key: string
  schema: Schema
  options: StreamOptions
}

const plainTypes = [
  'FLOAT',
  'INTEGER',
  'BOOLEAN',
  'VARCHAR',
  'CHAR',
  'TIMEOFDAY',
  'TIMESTAMP',
  'BINARY',
]

/** CREATE (DURABLE|TRANSIENT) STREAM …, with CREATE already taken. */
export function createStatement(tokens: Tokens): CreateStatement {
  const isDurable = tokens.accept('DURABLE')
  if (!isDurable) tokens.expect('TRANSIENT')
  tokens.expect('STREAM')
  const key = tokens.name().text
  const title = optionalText(tokens)
  const all: ClassDef[] = []
  tokens.expect('(')
  while (!tokens.isSymbol(')')) {
    all.push(member(tokens, all))
    if (!tokens.accept(';')) break
  }
  tokens.expect(')')
  const options: StreamOptions = {
    ...defaultOptions,
    title,
    scope: isDurable ? 'DURABLE' : 'TRANSIENT',
  }
  if (tokens.accept('OPTIONS')) readOptions(tokens, options)
  options.comment = optionalComment(tokens)
  if (!tokens.atEnd()) throw tokens.unexpected()
  return { key, schema: { types: all.filter(({ isEnum }) => !isEnum), all }, options }
}

function optionalText(tokens: Tokens): string | null {
  return tokens.next.kind === 'text' ? tokens.take().text : null
}

function optionalComment(tokens: Tokens): string | null {
  return tokens.accept('COMMENT') ? tokens.kind('text').text : null
}

function member(tokens: Tokens, known: ClassDef[]): ClassDef {
  if (tokens.accept('ENUM')) return enumClass(tokens)
  tokens.expect('CLASS')
  const name = tokens.name().text
  const title = optionalText(tokens)
  const parent = tokens.accept('UNDER') ? knownClass(tokens, known) : null
  const fields: Field[] = []
  tokens.expect('(')
  while (!tokens.isSymbol(')')) {
    fields.push(field(tokens, known))
    if (!tokens.accept(',')) break
  }
  tokens.expect(')')
  let isAbstract = false
  if (tokens.accept('NOT')) {
    tokens.expect('INSTANTIABLE')
    isAbstract = true
  }
  const description = optionalComment(tokens)
  return {
    name,
    title,
    fields,
    parent,
    isEnum: false,
    isAbstract,
    ...(description !== null && { description }),
  }
}

function knownClass(tokens: Tokens, known: ClassDef[]): string {
  const token = tokens.name()
  if (!known.some(({ name }) => name === token.text)) throw unknown(tokens, token)
  return token.text
}

const unknown = (tokens: Tokens, token: Token): Error =>
  compileError(
    tokens.query,
    token,
    'UnknownIdentifierException',
    `Unknown identifier: ${token.text}`,
  )

function enumClass(tokens: Tokens): ClassDef {
  const name = tokens.name().text
  const title = optionalText(tokens)
  const type = simpleType('INTEGER', 'INT32', false)
  const fields: Field[] = []
  tokens.expect('(')
  do {
    const value = tokens.name().text
    const number = tokens.accept('=') ? tokens.kind('number').text : String(fields.length)
    fields.push({ ...emptyField(value, null, type), value: number })
  } while (tokens.accept(','))
  tokens.expect(')')
  return { name, title, fields, parent: null, isEnum: true, isAbstract: false }
}

const simpleType = (name: string, encoding: string | null, nullable: boolean): DataType => ({
  encoding,
  nullable,
  name,
  types: null,
  elementType: null,
})

const emptyField = (name: string, title: string | null, type: DataType): Field => ({
  name,
  title,
  description: null,
  type,
  value: null,
  primaryKey: false,
  relativeTo: null,
  static: false,
  hide: false,
})

function field(tokens: Tokens, known: ClassDef[]): Field {
  const isStatic = tokens.accept('STATIC')
  const name = tokens.name().text
  const title = optionalText(tokens)
  const made = emptyField(name, title, type(tokens, known))
  if (isStatic) {
    tokens.expect('=')
    made.static = true
    made.value = literal(tokens)
  } else if (tokens.accept('BETWEEN')) {
    made.min = limit(tokens, made.type)
    tokens.expect('AND')
    made.max = limit(tokens, made.type)
  }
  if (tokens.accept('TAGS')) {
    tokens.expect('(')
    do {
      tokens.name()
      tokens.expect(':')
      tokens.take()
    } while (tokens.accept(','))
    tokens.expect(')')
  }
  made.description = optionalComment(tokens)
  return made
}

function literal(tokens: Tokens): string {
  const sign = tokens.accept('-') ? '-' : ''
  const { kind, text } = tokens.take()
  if (!['number', 'text', 'name'].includes(kind)) throw tokens.unexpected()
  return kind === 'name' ? text.toLowerCase() : sign + text
}

/** FLOAT limits must be decimals, and a negative one must say `f`. */
function limit(tokens: Tokens, { name }: DataType): string {
  const { start } = tokens.next
  const sign = tokens.accept('-') ? '-' : ''
  const { text, end } = tokens.kind('number')
  const found = /[fF]$/.test(text) ? 'FLOAT' : /[.eE]/.test(text) ? 'FLOAT:DECIMAL64' : 'INTEGER'
  const isRight =
    name === 'FLOAT'
      ? found === 'FLOAT' || (found !== 'INTEGER' && sign === '')
      : found === 'INTEGER'
  if (!isRight) {
    throw compileError(
      tokens.query,
      { start, end },
      'UnexpectedTypeException',
      `Illegal type in: ${sign}${text}; context requires: [${name}]; found: ${found.split(':')[0]}`,
    )
  }
  return sign + text
}

function type(tokens: Tokens, known: ClassDef[]): DataType {
  const token = tokens.name()
  const name = token.text
  if (name === 'ARRAY') {
    tokens.expect('(')
    const elementType = type(tokens, known)
    tokens.expect(')')
    return { ...simpleType('ARRAY', null, isNullable(tokens)), elementType }
  }
  if (name === 'OBJECT') {
    const types: string[] = []
    tokens.expect('(')
    do types.push(knownClass(tokens, known))
    while (tokens.accept(','))
    tokens.expect(')')
    return { ...simpleType('OBJECT', null, isNullable(tokens)), types }
  }
  if (!plainTypes.includes(name)) {
    if (!known.some((one) => one.name === name)) throw unknown(tokens, token)
    return simpleType(name, null, isNullable(tokens))
  }
  const isMultiline = name === 'VARCHAR' && tokens.accept('MULTILINE')
  const nullable = isNullable(tokens)
  if (name === 'VARCHAR' && !isMultiline) tokens.accept('MULTILINE')
  return simpleType(name, encoding(tokens, name), nullable)
}

function isNullable(tokens: Tokens): boolean {
  if (!tokens.accept('NOT')) return true
  tokens.expect('NULL')
  return false
}

const defaults: Record<string, string> = { FLOAT: 'IEEE64', INTEGER: 'INT64', VARCHAR: 'UTF8' }
const named: Record<string, string[]> = {
  FLOAT: ['IEEE32', 'IEEE64', 'BINARY', 'DECIMAL', 'DECIMAL64'],
  INTEGER: [
    'INT8',
    'INT16',
    'INT32',
    'INT48',
    'INT64',
    'SIGNED',
    'UNSIGNED',
    'PUINT30',
    'PUINT61',
    'INTERVAL',
    'PINTERVAL',
  ],
  VARCHAR: ['UTF8', 'ALPHANUMERIC'],
}

/** The encoding in the words of the JSON schema, whatever the DDL calls it. */
function encoding(tokens: Tokens, name: string): string | null {
  const { next } = tokens
  if (next.kind !== 'name' || !named[name]) return defaults[name] ?? null
  if (/^(BETWEEN|COMMENT|TAGS|NOT)$/.test(next.text)) return defaults[name] ?? null
  if (!named[name].includes(next.text)) throw unknown(tokens, next)
  tokens.take()
  let size: string | undefined
  if (tokens.accept('(')) {
    size = tokens.kind('number').text
    tokens.expect(')')
  }
  switch (next.text) {
    case 'BINARY':
      return size === '32' ? 'IEEE32' : 'IEEE64'
    case 'SIGNED':
      return `INT${size ?? '64'}`
    case 'UNSIGNED':
      return `PUINT${size ?? '30'}`
    case 'INTERVAL':
      return 'PINTERVAL'
    default:
      return size === undefined ? next.text : `${next.text}(${size})`
  }
}

function readOptions(tokens: Tokens, options: StreamOptions): void {
  tokens.expect('(')
  while (!tokens.isSymbol(')')) {
    const token = tokens.name()
    const value = tokens.accept('=') ? literal(tokens) : undefined
    const isTrue = value === undefined || value === 'true'
    if (token.text === 'FIXEDTYPE') options.fixedType = isTrue
    else if (token.text === 'POLYMORPHIC') options.fixedType = !isTrue
    else if (token.text === 'PERIODICITY') options.periodicity = value ?? 'IRREGULAR'
    else if (token.text === 'HIGHAVAILABILITY') options.highAvailability = isTrue
    else if (token.text === 'UNIQUE') options.unique = isTrue
    else if (token.text === 'DF') options.distributionFactor = Number(value ?? 0) || 0
    else if (token.text !== 'STORAGEVERSION') throw unknown(tokens, token)
    if (!tokens.accept(';')) break
  }
  tokens.expect(')')
}
