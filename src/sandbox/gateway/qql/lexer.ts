import { compilation, type JavaError } from '../java-error.js'

export type TokenKind = 'name' | 'quoted' | 'text' | 'time' | 'number' | 'symbol' | 'end'

export interface Token {
  kind: TokenKind
  /** Capitals for names (unquoted ones are read as capitals), the content for quoted ones. */
  text: string
  start: number
  end: number
}

const symbols = [
  '==',
  '!=',
  '<=',
  '>=',
  '<',
  '>',
  '=',
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  ',',
  ';',
  '.',
  '*',
  '/',
  '+',
  '-',
  '%',
  '?',
  ':',
]

/** `line.column..column:` of a piece of the query, one-based, as the compiler writes it. */
export function place(query: string, start: number, end: number): string {
  const before = query.slice(0, start)
  const line = before.split('\n').length
  const column = start - (before.lastIndexOf('\n') + 1) + 1
  const inside = query.slice(start, end)
  const breaks = inside.split('\n').length - 1
  if (breaks === 0) return `${line}.${column}..${column + end - start}`
  return `${line}.${column}..${line + breaks}.${inside.length - inside.lastIndexOf('\n')}`
}

export const compileError = (
  query: string,
  token: { start: number; end: number },
  kind: string,
  text: string,
): JavaError => compilation(`${place(query, token.start, token.end)}: ${kind}: ${text}`)

/** A syntax error at a token; at the end of the query there is no place. */
export const syntaxError = (query: string, token: Token): JavaError =>
  token.kind === 'end'
    ? compilation('SyntaxErrorException: Syntax error')
    : compileError(query, token, 'SyntaxErrorException', 'Syntax error')

/** Splits a query; the last token is always `end`. */
export function tokenize(query: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const push = (kind: TokenKind, text: string, end: number): void => {
    tokens.push({ kind, text, start: at, end })
    at = end
  }
  while (true) {
    const skipped = /^(?:\s+|--[^\n]*|\/\*[\s\S]*?\*\/)+/.exec(query.slice(at))
    if (skipped) at += skipped[0].length
    if (at >= query.length) break
    const rest = query.slice(at)
    const word = /^[A-Za-z_$][A-Za-z0-9_$#]*/.exec(rest)?.[0]
    const number = /^(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[fFdD]?/.exec(rest)?.[0]
    const quoted = /^"((?:[^"]|"")*)"/.exec(rest)
    const text = /^'((?:[^']|'')*)'(d?)/.exec(rest)
    const symbol = symbols.find((one) => rest.startsWith(one))
    if (word) push('name', word.toUpperCase(), at + word.length)
    else if (number) push('number', number, at + number.length)
    else if (quoted) push('quoted', (quoted[1] ?? '').replaceAll('""', '"'), at + quoted[0].length)
    else if (text) {
      push(text[2] ? 'time' : 'text', (text[1] ?? '').replaceAll("''", "'"), at + text[0].length)
    } else if (symbol) push('symbol', symbol, at + symbol.length)
    else throw syntaxError(query, { kind: 'symbol', text: rest[0] ?? '', start: at, end: at + 1 })
  }
  tokens.push({ kind: 'end', text: '', start: query.length, end: query.length })
  return tokens
}

/** Walks over the tokens of one query. */
export class Tokens {
  private at = 0
  private readonly tokens: Token[]

  constructor(readonly query: string) {
    this.tokens = tokenize(query)
  }

  get next(): Token {
    return this.tokens[this.at] as Token
  }

  get after(): Token {
    return this.tokens[Math.min(this.at + 1, this.tokens.length - 1)] as Token
  }

  take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.at++
    return token
  }

  isSymbol(text: string): boolean {
    return this.next.kind === 'symbol' && this.next.text === text
  }

  isWord(text: string): boolean {
    return this.next.kind === 'name' && this.next.text === text
  }

  /** Takes a symbol or keyword where it stands next. */
  accept(text: string): boolean {
    const found = /^\w/.test(text) ? this.isWord(text) : this.isSymbol(text)
    if (found) this.at++
    return found
  }

  expect(text: string): Token {
    const token = this.next
    if (!this.accept(text)) throw this.unexpected()
    return token
  }

  /** An identifier, quoted or not. */
  name(): Token {
    if (this.next.kind !== 'name' && this.next.kind !== 'quoted') throw this.unexpected()
    return this.take()
  }

  kind(kind: TokenKind): Token {
    if (this.next.kind !== kind) throw this.unexpected()
    return this.take()
  }

  atEnd(): boolean {
    return this.next.kind === 'end'
  }

  unexpected(token = this.next): JavaError {
    return syntaxError(this.query, token)
  }
}
