import { bodiesWithFrames } from './matcher-frames.js'
import {
  Cursor,
  concat,
  instructionsOf,
  leb,
  opcodes,
  operandOf,
  readBodies,
  readSections,
  type Section,
  sections,
  writeBodies,
  writeSections,
} from './wasm-code.js'

/** Bytecodes between two calls of the hook: some 20 microseconds of a busy interpreter. */
const opcodesBetweenHooks = 1000

/**
 * Adds a call of an imported function (no arguments, one result that is dropped) to every turn of
 * the interpreter's dispatch loop, so that even `while True: pass` can be interrupted: this build
 * has no hook of its own (MicroPython's MICROPY_VM_HOOK_LOOP is off in it). The dispatch loop is
 * the function with the widest br_table. Regular expressions get the frames matcher-frames.ts tells.
 */
export function instrument(wasm: Uint8Array, hookName: string): Uint8Array<ArrayBuffer> {
  const parts = readSections(wasm)
  const imports = bodyOf(parts, sections.imports)
  const globals = bodyOf(parts, sections.globals)
  const code = bodyOf(parts, sections.code)
  const found = findImport(imports.body, hookName)
  const globalIndex = found.importedGlobals + new Cursor(globals.body).unsigned()
  globals.body = withCounter(globals.body)
  const bodies = bodiesWithFrames(readBodies(code.body), {
    types: bodyOf(parts, sections.types).body,
    functions: bodyOf(parts, sections.functions).body,
    imported: found.functions,
  })
  code.body = writeBodies(withHooks(bodies, hookCode(globalIndex, found.functionIndex)))
  return writeSections(wasm.subarray(0, 8), parts)
}

function bodyOf(parts: Section[], id: number): Section {
  const found = parts.find((one) => one.id === id)
  if (!found) throw new Error('the interpreter has an unknown shape')
  return found
}

function findImport(
  body: Uint8Array,
  name: string,
): { functionIndex: number; functions: number; importedGlobals: number } {
  const cursor = new Cursor(body)
  const text = (): string => {
    const size = cursor.unsigned()
    cursor.at += size
    return Buffer.from(body.subarray(cursor.at - size, cursor.at)).toString()
  }
  const limits = (): void => cursor.skipLeb(cursor.byte() & 1 ? 2 : 1)
  let functionIndex = -1
  let functions = 0
  let importedGlobals = 0
  for (let left = cursor.unsigned(); left > 0; left--) {
    text()
    const field = text()
    const kind = cursor.byte()
    if (kind === 0) {
      if (field === name) functionIndex = functions
      functions++
      cursor.skipLeb()
    } else if (kind === 1) {
      cursor.byte()
      limits()
    } else if (kind === 2) {
      limits()
    } else {
      importedGlobals++
      cursor.at += 2
    }
  }
  if (functionIndex < 0) throw new Error(`the interpreter does not import ${name}`)
  return { functionIndex, functions, importedGlobals }
}

/** One more global, mutable i32, at the end: no index of another one moves. */
function withCounter(body: Uint8Array): Uint8Array {
  const cursor = new Cursor(body)
  const count = cursor.unsigned()
  const counter = [0x7f, 0x01, 0x41, 0x01, 0x0b]
  return Uint8Array.from([...leb(count + 1), ...body.subarray(cursor.at), ...counter])
}

/** counter -= 1; if (counter == 0) { counter = n; drop(hook()) } */
function hookCode(global: number, hook: number): number[] {
  const counter = leb(global)
  const n = [0x41, (opcodesBetweenHooks & 0x7f) | 0x80, opcodesBetweenHooks >> 7]
  return [
    ...[0x23, ...counter, 0x41, 0x01, 0x6b, 0x24, ...counter],
    ...[0x23, ...counter, 0x45, 0x04, 0x40],
    ...[...n, 0x24, ...counter, 0x10, ...leb(hook), 0x1a, 0x0b],
  ]
}

function withHooks(bodies: Uint8Array[], hook: number[]): Uint8Array[] {
  const shapes = bodies.map(shapeOf)
  const widest = shapes.reduce((best, { width }, i) => (width > shapes[best]!.width ? i : best), 0)
  return bodies.map((body, i) => (i === widest ? insertAt(body, shapes[i]!.loops, hook) : body))
}

function insertAt(body: Uint8Array, places: number[], code: number[]): Uint8Array {
  const chunks: Uint8Array[] = []
  let from = 0
  for (const place of places) {
    chunks.push(body.subarray(from, place), Uint8Array.from(code))
    from = place
  }
  chunks.push(body.subarray(from))
  return concat(chunks)
}

/** Where its loops begin and how wide its widest br_table is. */
function shapeOf(body: Uint8Array): { loops: number[]; width: number } {
  const loops: number[] = []
  let width = 0
  for (const { opcode, at, end } of instructionsOf(body)) {
    if (opcode === opcodes.loop) loops.push(end)
    else if (opcode === opcodes.brTable) width = Math.max(width, operandOf(body, at))
  }
  return { loops, width }
}
