import { type Expression, expression, isKeyword } from './expressions.js'
import type { Token, Tokens } from './lexer.js'
import { windowLength } from './time-literal.js'

export interface Item {
  value: Expression
  alias: string | undefined
}

export interface SelectStatement {
  /** Undefined = `*`. */
  items: Item[] | undefined
  type: string | undefined
  /** The stream's identifier. */
  source: Token
  reverse: boolean
  live: boolean
  where: Expression | undefined
  /** OVER TIME(…), milliseconds. */
  window: number | undefined
  groupBySymbol: boolean
  limit: number | undefined
  offset: number
}

/** A whole query. What does not begin with SELECT is an expression that the compiler reads as far as it can. */
export function selectStatement(tokens: Tokens): SelectStatement {
  if (!tokens.accept('SELECT')) {
    expression(tokens)
    throw tokens.unexpected()
  }
  const items = tokens.isSymbol('*') ? void tokens.take() : selectItems(tokens)
  const type = tokens.accept('TYPE') ? tokens.name().text : undefined
  tokens.expect('FROM')
  const found = source(tokens)
  const where = tokens.accept('WHERE') ? expression(tokens) : undefined
  const window = tokens.accept('OVER') ? overTime(tokens) : undefined
  let groupBySymbol = false
  if (tokens.accept('GROUP')) {
    tokens.expect('BY')
    tokens.expect('SYMBOL')
    groupBySymbol = true
  }
  const limit = tokens.accept('LIMIT') ? Number(tokens.kind('number').text) : undefined
  const offset =
    limit !== undefined && tokens.accept('OFFSET') ? Number(tokens.kind('number').text) : 0
  if (!tokens.atEnd()) throw tokens.unexpected()
  return { items, type, ...found, where, window, groupBySymbol, limit, offset }
}

function selectItems(tokens: Tokens): Item[] {
  const items: Item[] = []
  do {
    const value = expression(tokens)
    let alias: string | undefined
    if (tokens.accept('AS')) {
      const { kind } = tokens.next
      alias = kind === 'text' ? tokens.take().text : tokens.name().text
    }
    items.push({ value, alias })
  } while (tokens.accept(','))
  return items
}

function source(tokens: Tokens): { source: Token; reverse: boolean; live: boolean } {
  const token = tokens.name()
  if (isKeyword(token)) throw tokens.unexpected(token)
  if (!tokens.accept('(')) return { source: token, reverse: false, live: false }
  if (token.text !== 'REVERSE' && token.text !== 'LIVE') throw tokens.unexpected(token)
  const inner = source(tokens)
  tokens.expect(')')
  return {
    ...inner,
    reverse: inner.reverse || token.text === 'REVERSE',
    live: inner.live || token.text === 'LIVE',
  }
}

function overTime(tokens: Tokens): number {
  tokens.expect('TIME')
  tokens.expect('(')
  const count = tokens.kind('number').text
  const unit = tokens.kind('name')
  const length = windowLength(count, unit.text)
  if (length === undefined || length <= 0) throw tokens.unexpected(unit)
  tokens.expect(')')
  return length
}
