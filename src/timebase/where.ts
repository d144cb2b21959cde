import { WxError } from '../errors.js'

type Test = (row: Record<string, unknown>) => boolean

/** Answers whether a record fits; `fields` are those it looks at. */
export type Condition = Test & { fields: ReadonlySet<string> }

type Token =
  | { kind: 'name' | 'text' | 'sign'; text: string; at: number }
  | { kind: 'number'; text: string; value: number; at: number }

/** `beside`: the value it is compared with. */
type Operand = (row: Record<string, unknown>, beside?: unknown) => unknown

const comparisons: Record<string, (a: number | string, b: number | string) => boolean> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
}

const hint =
  'Write for example --where \'temperature>30 and symbol=roof\', and other names in quotes: symbol="240a".'

/** Parentheses deeper than this are no condition of a person. */
const maxDepth = 100

/**
 * Reads a condition such as `temperature>30 and not (symbol=roof or humidity<20)`.
 * Comparisons > >= < <= = == !=; `and` `or` `not` (also && || !), parentheses; names of
 * fields, numbers, 'texts'. A word on the right of a comparison is a text; `field` alone
 * means that the record has it. A comparison with a field that a record lacks is false.
 * Throws USAGE with the place of the mistake. Nothing of it is ever run as code.
 */
export function parseWhere(source: string): Condition {
  const tokens = scan(source)
  const fields = new Set<string>()
  let at = 0
  let depth = 0

  const fail = (what: string): never => {
    const token = tokens[at]
    const place = token ? `at "${source.slice(token.at).trimStart().slice(0, 12)}"` : 'at its end'
    throw new WxError('USAGE', `The condition "${source}" is not understood ${place}: ${what}.`, {
      hint,
    })
  }
  const sign = (...texts: string[]): string | undefined => {
    const token = tokens[at]
    if (token?.kind !== 'sign' || !texts.includes(token.text)) return undefined
    at++
    return token.text
  }
  const word = (text: string): boolean => {
    const token = tokens[at]
    if (token?.kind !== 'name' || token.text.toLowerCase() !== text) return false
    at++
    return true
  }

  const any = (): Test => {
    let left = all()
    while (word('or') || sign('||')) {
      const first = left
      const second = all()
      left = (row) => first(row) || second(row)
    }
    return left
  }
  const all = (): Test => {
    let left = one()
    while (word('and') || sign('&&')) {
      const first = left
      const second = one()
      left = (row) => first(row) && second(row)
    }
    return left
  }
  const one = (): Test => {
    if (++depth > maxDepth) fail('it is nested too deep')
    try {
      if (word('not') || sign('!')) {
        const inner = one()
        return (row) => !inner(row)
      }
      if (sign('(')) {
        const inner = any()
        if (!sign(')')) fail('a closing parenthesis is missing')
        return inner
      }
      return comparison()
    } finally {
      depth--
    }
  }
  const comparison = (): Test => {
    const left = operand('left')
    const compare = comparisons[sign(...Object.keys(comparisons)) ?? '']
    if (!compare) return (row) => left(row) !== undefined && left(row) !== null
    const right = operand('right')
    return (row) => {
      const a = left(row)
      const b = right(row, a)
      if (typeof a === 'number' && typeof b === 'number') return compare(a, b)
      if (!comparable(a) || !comparable(b)) return false
      return compare(String(a), String(b))
    }
  }
  const operand = (side: 'left' | 'right'): Operand => {
    const token = tokens[at]
    if (!token || token.kind === 'sign') return fail('a field or a value is missing')
    at++
    const { text } = token
    if (token.kind === 'number') {
      const { value } = token
      // Beside a text it is one: a station may be called 0042.
      return (_row, beside) => (typeof beside === 'string' ? text : value)
    }
    if (token.kind === 'text' || side === 'right') return () => text
    fields.add(text)
    return (row) => (Object.hasOwn(row, text) ? row[text] : undefined)
  }

  const condition = any()
  if (at < tokens.length) fail('nothing more was expected')
  return Object.assign(condition, { fields })
}

function comparable(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function scan(source: string): Token[] {
  const pattern =
    /\s*(?:([\p{L}_$][\p{L}\p{M}\p{N}_$.*-]*)|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|'([^']*)'|"([^"]*)"|(>=|<=|==|!=|&&|\|\||[><=!()]))/uy
  const tokens: Token[] = []
  const end = source.trimEnd().length
  while (pattern.lastIndex < end) {
    const at = pattern.lastIndex
    const match = pattern.exec(source)
    if (!match) {
      throw new WxError(
        'USAGE',
        `The condition "${source}" is not understood at "${source.slice(at).trimStart().slice(0, 12)}".`,
        { hint },
      )
    }
    const [, name, number, single, double, sign] = match
    if (name !== undefined) tokens.push({ kind: 'name', text: name, at })
    else if (number !== undefined)
      tokens.push({ kind: 'number', text: number, value: Number(number), at })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at })
    else tokens.push({ kind: 'text', text: single ?? double ?? '', at })
  }
  if (tokens.length === 0) {
    throw new WxError('USAGE', 'The condition is empty.', {
      hint: "Write for example --where 'temperature>30'.",
    })
  }
  return tokens
}
