import { compileError, type Token, type Tokens } from './lexer.js'
import { spacedTimeValue } from './time-literal.js'

export type Expression =
  | { kind: 'literal'; value: number | string | boolean | null; token: Token }
  | { kind: 'name'; token: Token }
  | { kind: 'unary'; operator: 'NOT' | '-'; value: Expression }
  | { kind: 'binary'; operator: string; left: Expression; right: Expression }
  | { kind: 'between'; value: Expression; low: Expression; high: Expression }
  | { kind: 'in'; value: Expression; list: Expression[] }
  /** `braces`: written as `avg{}(…)`, which makes it an aggregate. */
  | { kind: 'call'; name: Token; braces: boolean; args: Expression[]; end: number }

const keywords =
  /^(SELECT|FROM|WHERE|GROUP|BY|OVER|LIMIT|OFFSET|AND|OR|NOT|AS|TYPE|BETWEEN|LIKE|IN|DISTINCT|UNION|CREATE|DROP|MODIFY)$/

export const isKeyword = (token: Token): boolean =>
  token.kind === 'name' && keywords.test(token.text)

/** OR binds loosest, then AND, NOT, comparisons, sums, products, signs. */
export function expression(tokens: Tokens): Expression {
  return leftToRight(tokens, ['OR'], () => leftToRight(tokens, ['AND'], () => negation(tokens)))
}

function leftToRight(tokens: Tokens, operators: string[], inner: () => Expression): Expression {
  let left = inner()
  while (true) {
    const operator = operators.find((one) => tokens.accept(one))
    if (!operator) return left
    left = { kind: 'binary', operator, left, right: inner() }
  }
}

function negation(tokens: Tokens): Expression {
  return tokens.accept('NOT')
    ? { kind: 'unary', operator: 'NOT', value: negation(tokens) }
    : comparison(tokens)
}

function comparison(tokens: Tokens): Expression {
  const value = sum(tokens)
  if (tokens.accept('BETWEEN')) {
    const low = sum(tokens)
    tokens.expect('AND')
    return { kind: 'between', value, low, high: sum(tokens) }
  }
  if (tokens.accept('IN')) {
    tokens.expect('(')
    const list = [sum(tokens)]
    while (tokens.accept(',')) list.push(sum(tokens))
    tokens.expect(')')
    return { kind: 'in', value, list }
  }
  const operator = ['==', '!=', '<=', '>=', '<', '>', 'LIKE'].find((one) => tokens.accept(one))
  return operator ? { kind: 'binary', operator, left: value, right: sum(tokens) } : value
}

const sum = (tokens: Tokens): Expression =>
  leftToRight(tokens, ['+', '-'], () => leftToRight(tokens, ['*', '/', '%'], () => sign(tokens)))

function sign(tokens: Tokens): Expression {
  return tokens.accept('-')
    ? { kind: 'unary', operator: '-', value: sign(tokens) }
    : primary(tokens)
}

function primary(tokens: Tokens): Expression {
  const token = tokens.next
  if (tokens.accept('(')) {
    const inner = expression(tokens)
    tokens.expect(')')
    return inner
  }
  if (token.kind === 'number') {
    tokens.take()
    return { kind: 'literal', value: Number(token.text.replace(/[fFdD]$/, '')), token }
  }
  if (token.kind === 'text') {
    tokens.take()
    return { kind: 'literal', value: token.text, token }
  }
  if (token.kind === 'time') {
    tokens.take()
    const value = spacedTimeValue(token.text)
    if (value === undefined) {
      throw compileError(tokens.query, token, 'SyntaxErrorException', `Illegal date: ${token.text}`)
    }
    return { kind: 'literal', value, token }
  }
  if ((token.kind !== 'name' && token.kind !== 'quoted') || isKeyword(token)) {
    throw tokens.unexpected()
  }
  const constant = token.kind === 'name' ? constants.get(token.text) : undefined
  if (constant !== undefined) {
    tokens.take()
    return { kind: 'literal', value: constant, token }
  }
  tokens.take()
  return tokens.isSymbol('{') || tokens.isSymbol('(')
    ? call(tokens, token)
    : { kind: 'name', token }
}

const constants = new Map<string, boolean | null>([
  ['TRUE', true],
  ['FALSE', false],
  ['NULL', null],
])

function call(tokens: Tokens, name: Token): Expression {
  const braces = tokens.accept('{')
  if (braces) tokens.expect('}')
  tokens.expect('(')
  const args: Expression[] = []
  while (!tokens.isSymbol(')')) {
    args.push(expression(tokens))
    if (!tokens.accept(',')) break
  }
  const { end } = tokens.expect(')')
  return { kind: 'call', name, braces, args, end }
}
