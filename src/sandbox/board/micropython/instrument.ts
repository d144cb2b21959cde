/** Reads and writes LEB128 and walks over the instructions of one function body. */
class Cursor {
  at = 0
  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    return this.bytes[this.at++] ?? 0
  }

  unsigned(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }

  skipLeb(times = 1): void {
    for (let i = 0; i < times; i++) while (this.byte() >= 0x80);
  }
}

function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const more = rest >>> 7
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0))
    rest = more
  } while (rest)
  return bytes
}

const sections = { imports: 2, globals: 6, code: 10 } as const

/** Bytecodes between two calls of the hook: some 20 microseconds of a busy interpreter. */
const opcodesBetweenHooks = 1000

/**
 * Adds a call of an imported function (no arguments, one result that is dropped) to every turn of
 * the interpreter's dispatch loop, so that even `while True: pass` can be interrupted: this build
 * has no hook of its own (MicroPython's MICROPY_VM_HOOK_LOOP is off in it). The dispatch loop is
 * the function with the widest br_table. WebAssembly Core Specification 2.0, section 5.
 */
export function instrument(wasm: Uint8Array, hookName: string): Uint8Array<ArrayBuffer> {
  const parts = readSections(wasm)
  const imports = parts.find(({ id }) => id === sections.imports)
  const globals = parts.find(({ id }) => id === sections.globals)
  const code = parts.find(({ id }) => id === sections.code)
  if (!imports || !globals || !code) throw new Error('the interpreter has an unknown shape')
  const { functionIndex, importedGlobals } = findImport(imports.body, hookName)
  const globalIndex = importedGlobals + new Cursor(globals.body).unsigned()
  globals.body = withCounter(globals.body)
  code.body = withHooks(code.body, hookCode(globalIndex, functionIndex))
  return writeSections(wasm.subarray(0, 8), parts)
}

interface Section {
  id: number
  body: Uint8Array
}

/** A copy in memory of its own, which WebAssembly takes. */
function concat(chunks: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(chunks))
}

function readSections(wasm: Uint8Array): Section[] {
  const cursor = new Cursor(wasm)
  cursor.at = 8
  const found: Section[] = []
  while (cursor.at < wasm.length) {
    const id = cursor.byte()
    const size = cursor.unsigned()
    found.push({ id, body: wasm.subarray(cursor.at, cursor.at + size) })
    cursor.at += size
  }
  return found
}

function writeSections(header: Uint8Array, parts: Section[]): Uint8Array<ArrayBuffer> {
  const chunks = [header]
  for (const { id, body } of parts) chunks.push(Uint8Array.from([id, ...leb(body.length)]), body)
  return concat(chunks)
}

function findImport(
  body: Uint8Array,
  name: string,
): { functionIndex: number; importedGlobals: number } {
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
  return { functionIndex, importedGlobals }
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

function withHooks(body: Uint8Array, hook: number[]): Uint8Array {
  const cursor = new Cursor(body)
  const count = cursor.unsigned()
  const functions: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    const size = cursor.unsigned()
    functions.push(body.subarray(cursor.at, cursor.at + size))
    cursor.at += size
  }
  const shapes = functions.map(shapeOf)
  const widest = shapes.reduce((best, { width }, i) => (width > shapes[best]!.width ? i : best), 0)
  functions[widest] = insertAt(functions[widest]!, shapes[widest]!.loops, hook)
  const chunks: Uint8Array[] = [Uint8Array.from(leb(count))]
  for (const one of functions) chunks.push(Uint8Array.from(leb(one.length)), one)
  return concat(chunks)
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
  const cursor = new Cursor(body)
  for (let groups = cursor.unsigned(); groups > 0; groups--) {
    cursor.skipLeb()
    cursor.byte()
  }
  const loops: number[] = []
  let width = 0
  while (cursor.at < body.length) {
    const opcode = cursor.byte()
    if (opcode === 0x0e) {
      const targets = cursor.unsigned()
      width = Math.max(width, targets)
      cursor.skipLeb(targets + 1)
    } else {
      skipImmediates(cursor, opcode)
    }
    if (opcode === 0x03) loops.push(cursor.at)
  }
  return { loops, width }
}

/** LEB immediates of 0xfc-prefixed instructions, by sub-opcode. */
const bulkImmediates: Record<number, number> = {
  8: 2,
  9: 1,
  10: 2,
  11: 1,
  12: 2,
  13: 1,
  14: 2,
  15: 1,
  16: 1,
  17: 1,
}

function skipImmediates(cursor: Cursor, opcode: number): void {
  if (opcode === 0x43) cursor.at += 4
  else if (opcode === 0x44) cursor.at += 8
  else if (opcode === 0x11 || (opcode >= 0x28 && opcode <= 0x3e)) cursor.skipLeb(2)
  else if (opcode === 0x1c) cursor.skipLeb(cursor.unsigned())
  else if (opcode === 0xfc) cursor.skipLeb(bulkImmediates[cursor.unsigned()] ?? 0)
  else if (opcode === 0xfd) throw new Error('the interpreter has an unknown shape')
  else if (hasOneLeb(opcode)) cursor.skipLeb()
}

function hasOneLeb(opcode: number): boolean {
  return (
    (opcode >= 0x02 && opcode <= 0x04) ||
    (opcode >= 0x06 && opcode <= 0x09) ||
    (opcode >= 0x0c && opcode <= 0x0d) ||
    opcode === 0x10 ||
    opcode === 0x18 ||
    (opcode >= 0x20 && opcode <= 0x26) ||
    (opcode >= 0x3f && opcode <= 0x42) ||
    opcode === 0xd0 ||
    opcode === 0xd2
  )
}
