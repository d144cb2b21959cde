import { fieldsOf, type Schema } from '../schema.js'
import type { Value } from '../values.js'
import type { Expression } from './expressions.js'
import { compileError, type Token, type Tokens } from './lexer.js'

/** A row as expressions see it. */
export interface Row {
  symbol: string
  timestamp: number
  fields: Map<string, Value>
}

/** What a value is printed as. */
export type ResultType = 'float32' | 'float64' | 'integer' | 'boolean' | 'text' | 'time' | 'raw'

export interface Compiled {
  type: ResultType
  /** Name of the field it is, where it is one. */
  field: string | undefined
  read(row: Row): Value
}

const typeNames: Record<ResultType, string> = {
  float32: 'FLOAT',
  float64: 'FLOAT',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  text: 'VARCHAR',
  time: 'TIMESTAMP',
  raw: 'OBJECT',
}

/** Resolves names against a stream's classes and makes functions of expressions. */
export class Compiler {
  private readonly fields: { name: string; type: ResultType }[]

  constructor(
    private readonly tokens: Tokens,
    schema: Schema,
  ) {
    this.fields = schema.types.flatMap((one) =>
      fieldsOf(schema, one.name).map(({ name, type }) => ({
        name,
        type: resultType(type.name, type.encoding),
      })),
    )
  }

  /** Unquoted names are compared without case, quoted ones exactly. */
  field(token: Token): { name: string; type: ResultType } {
    const found = this.fields.find(({ name }) =>
      token.kind === 'quoted' ? name === token.text : name.toUpperCase() === token.text,
    )
    if (found) return found
    throw compileError(
      this.tokens.query,
      token,
      'UnknownIdentifierException',
      `Unknown identifier: ${token.text}`,
    )
  }

  compile(one: Expression): Compiled {
    switch (one.kind) {
      case 'literal':
        return { type: literalType(one.value), field: undefined, read: () => one.value }
      case 'name':
        return this.name(one.token)
      case 'unary': {
        const value = this.compile(one.value)
        if (one.operator === 'NOT') return condition((row) => value.read(row) !== true)
        return { ...value, field: undefined, read: (row) => -toNumber(value.read(row)) }
      }
      case 'between': {
        const [value, low, high] = [one.value, one.low, one.high].map((part) => this.compile(part))
        return condition(
          (row) =>
            compare(value?.read(row), low?.read(row), (order) => order >= 0) &&
            compare(value?.read(row), high?.read(row), (order) => order <= 0),
        )
      }
      case 'in': {
        const value = this.compile(one.value)
        const list = one.list.map((part) => this.compile(part))
        return condition((row) =>
          list.some((part) => compare(value.read(row), part.read(row), (order) => order === 0)),
        )
      }
      case 'binary':
        return this.binary(one.operator, this.compile(one.left), this.compile(one.right))
      case 'call':
        throw this.wrongCall(one)
    }
  }

  /** Functions need braces; without them the compiler finds none that fits. */
  wrongCall(one: Extract<Expression, { kind: 'call' }>): Error {
    const types = one.args.map((arg) => typeNames[this.compile(arg).type]).join(', ')
    return compileError(
      this.tokens.query,
      { start: one.name.start, end: one.end },
      'WrongArgTypesException',
      `Function ${one.name.text}${one.braces ? '{}' : ''} () may not be applied to (${types})`,
    )
  }

  private name(token: Token): Compiled {
    if (token.text === 'SYMBOL' || (token.kind === 'quoted' && token.text === 'symbol')) {
      return { type: 'text', field: '$SYMBOL', read: (row) => row.symbol }
    }
    if (token.text === 'TIMESTAMP' || (token.kind === 'quoted' && token.text === 'timestamp')) {
      return { type: 'time', field: '$TIMESTAMP', read: (row) => row.timestamp }
    }
    const { name, type } = this.field(token)
    return { type, field: name, read: (row) => row.fields.get(name) ?? null }
  }

  private binary(operator: string, left: Compiled, right: Compiled): Compiled {
    const test = comparisons[operator]
    if (test) {
      // Null equals null; every other comparison with it fails.
      return condition((row) => {
        const [a, b] = [left.read(row), right.read(row)]
        if (a === null || b === null)
          return operator === '==' ? a === b : operator === '!=' && a !== b
        return compare(a, b, test)
      })
    }
    if (operator === 'AND')
      return condition((row) => left.read(row) === true && right.read(row) === true)
    if (operator === 'OR')
      return condition((row) => left.read(row) === true || right.read(row) === true)
    if (operator === 'LIKE') {
      return condition((row) => isLike(String(left.read(row)), String(right.read(row))))
    }
    const isWhole = left.type === 'integer' && right.type === 'integer'
    const type = isWhole
      ? 'integer'
      : left.type === 'float32' && right.type === 'float32'
        ? 'float32'
        : 'float64'
    const apply = arithmetic[operator] as (a: number, b: number) => number
    return {
      type,
      field: undefined,
      read(row) {
        const [a, b] = [left.read(row), right.read(row)]
        if (a === null || b === null) return null
        const result = apply(toNumber(a), toNumber(b))
        return isWhole ? Math.trunc(result) : type === 'float32' ? Math.fround(result) : result
      },
    }
  }
}

const condition = (read: (row: Row) => boolean): Compiled => ({
  type: 'boolean',
  field: undefined,
  read,
})

const comparisons: Record<string, (order: number) => boolean> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

const arithmetic: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
}

function compare(
  a: Value | undefined,
  b: Value | undefined,
  test: (order: number) => boolean,
): boolean {
  if (a === null || b === null || a === undefined || b === undefined) return false
  if (typeof a === 'string' && typeof b === 'string') return test(a < b ? -1 : a > b ? 1 : 0)
  if (typeof a === 'boolean' || typeof b === 'boolean') return test(a === b ? 0 : 1)
  const difference = toNumber(a) - toNumber(b)
  return !Number.isNaN(difference) && test(difference)
}

export const toNumber = (value: Value): number => (value === null ? Number.NaN : Number(value))

/** `%` stands for any text, `_` for one character. */
function isLike(text: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '[\\s\\S]*')
    .replaceAll('_', '[\\s\\S]')
  return new RegExp(`^${source}$`).test(text)
}

function literalType(value: Value): ResultType {
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float64'
  return typeof value === 'boolean' ? 'boolean' : 'text'
}

export function resultType(name: string, encoding: string | null): ResultType {
  if (name === 'FLOAT') return encoding === 'IEEE32' ? 'float32' : 'float64'
  if (name === 'INTEGER') return 'integer'
  if (name === 'BOOLEAN') return 'boolean'
  if (name === 'TIMESTAMP') return 'time'
  return /^(ARRAY|OBJECT|BINARY)$/.test(name) ? 'raw' : 'text'
}
