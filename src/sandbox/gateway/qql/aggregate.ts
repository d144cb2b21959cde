import type { Value } from '../values.js'
import { type Compiled, type Compiler, type ResultType, type Row, toNumber } from './evaluate.js'
import type { Expression } from './expressions.js'

interface Accumulator {
  add(row: Row): void
  result(): Value
}

export interface Aggregate {
  type: ResultType
  field: string | undefined
  start(): Accumulator
}

export const isAggregate = (one: Expression): boolean => one.kind === 'call' && one.braces

/** `count{}()`, `avg{}(x)`, `min`, `max`, `sum`, `first`, `last`; a plain field means its last value. */
export function aggregate(compiler: Compiler, one: Expression): Aggregate {
  if (one.kind !== 'call') {
    const value = compiler.compile(one)
    return { ...value, start: () => picking(value, () => true) }
  }
  const [arg] = one.args
  const name = one.name.text
  if (name === 'COUNT' && one.braces && !arg) {
    return { type: 'integer', field: undefined, start: counting }
  }
  if (!one.braces || !arg || one.args.length > 1) throw compiler.wrongCall(one)
  const value = compiler.compile(arg)
  const start = starters[name]
  if (!start) throw compiler.wrongCall(one)
  return { type: value.type, field: undefined, start: () => start(value) }
}

const starters: Record<string, (value: Compiled) => Accumulator> = {
  MIN: (value) => picking(value, (best, found) => found < best),
  MAX: (value) => picking(value, (best, found) => found > best),
  LAST: (value) => picking(value, () => true),
  FIRST: (value) => picking(value, () => false),
  SUM: (value) => folding(value, (sum, found, _count, round) => round(sum + found)),
  AVG: (value) =>
    folding(value, (mean, found, count, round) => round(mean + round(round(found - mean) / count))),
}

function counting(): Accumulator {
  let count = 0
  return { add: () => void count++, result: () => count }
}

function picking(value: Compiled, isBetter: (best: number, found: number) => boolean): Accumulator {
  let best: Value = null
  return {
    add(row) {
      const found = value.read(row)
      if (found === null) return
      if (best === null || isBetter(toNumber(best), toNumber(found))) best = found
    },
    result: () => best,
  }
}

type Fold = (sum: number, found: number, count: number, round: (n: number) => number) => number

/** 32-bit fields are added up in 32 bits, and means are running ones: both show in the last digit. */
function folding(value: Compiled, step: Fold): Accumulator {
  const round = value.type === 'float32' ? Math.fround : (n: number) => n
  let result = 0
  let count = 0
  return {
    add(row) {
      const found = value.read(row)
      if (found === null) return
      count++
      result = step(result, toNumber(found), count, round)
    },
    result: () => (count === 0 ? null : result),
  }
}
