import { Cursor, concat, instructionsOf, opcodes, operandOf } from './wasm-code.js'

/**
 * What one step of a regular expression takes of the stack the interpreter measures: 32 KB here,
 * 15 KB on the chip. Nobody has recorded how deep the chip gets; a frame there is taken for 90 bytes.
 */
const frameBytes = 192

interface Signatures {
  types: Uint8Array
  functions: Uint8Array
  /** Functions that are imported: they come first in the count. */
  imported: number
}

const i32 = 0x7f
/** The type of the matcher: five numbers in, one out. */
const matcherType = [5, i32, i32, i32, i32, i32, 1, i32]
/** The stack pointer is the first global where a C compiler made the module. */
const stackPointer = 0

/**
 * The matcher of `re` calls itself, and ends in RuntimeError where the stack does. Compiled to
 * WebAssembly its variables lie where the interpreter does not see them, so it went on until the
 * worker died: each of its calls of itself takes its frame from the measured stack.
 */
export function bodiesWithFrames(bodies: Uint8Array[], signatures: Signatures): Uint8Array[] {
  const typeIndexes = typesOf(signatures.functions)
  const wanted = matcherIndexes(signatures.types)
  const isMatcher = (body: Uint8Array, i: number): boolean =>
    wanted.has(typeIndexes[i]!) && callsOf(body, signatures.imported + i).length > 0
  const found = bodies.filter(isMatcher)
  if (found.length !== 1) throw new Error('the interpreter has an unknown shape')
  return bodies.map((body, i) =>
    body === found[0] ? withFrames(body, callsOf(body, signatures.imported + i)) : body,
  )
}

function withFrames(body: Uint8Array, calls: { at: number; end: number }[]): Uint8Array {
  const size = [0x41, (frameBytes & 0x7f) | 0x80, frameBytes >> 7]
  const move = (operation: number): number[] => [
    ...[0x23, stackPointer, ...size, operation, 0x24, stackPointer],
  ]
  const chunks: Uint8Array[] = []
  let from = 0
  for (const { at, end } of calls) {
    chunks.push(body.subarray(from, at), Uint8Array.from(move(0x6b)))
    chunks.push(body.subarray(at, end), Uint8Array.from(move(0x6a)))
    from = end
  }
  return concat([...chunks, body.subarray(from)])
}

/** Where a function calls this one. */
function callsOf(body: Uint8Array, index: number): { at: number; end: number }[] {
  return [...instructionsOf(body)].filter(
    ({ opcode, at }) => opcode === opcodes.call && operandOf(body, at) === index,
  )
}

function typesOf(functions: Uint8Array): number[] {
  const cursor = new Cursor(functions)
  return Array.from({ length: cursor.unsigned() }, () => cursor.unsigned())
}

/** Indexes of the types that are the matcher's. */
function matcherIndexes(types: Uint8Array): Set<number> {
  const cursor = new Cursor(types)
  const found = new Set<number>()
  const count = cursor.unsigned()
  for (let i = 0; i < count; i++) {
    // 0x60, then two vectors of types, a byte each.
    const from = cursor.at + 1
    cursor.at = from + 1 + types[from]!
    cursor.at += 1 + types[cursor.at]!
    const type = types.subarray(from, cursor.at)
    if (type.length === matcherType.length && type.every((byte, n) => byte === matcherType[n])) {
      found.add(i)
    }
  }
  return found
}
