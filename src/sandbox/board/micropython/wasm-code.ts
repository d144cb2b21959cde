/** A WebAssembly module as sections and instructions: Core Specification 2.0, section 5. */
export const sections = { types: 1, imports: 2, functions: 3, globals: 6, code: 10 } as const

export const opcodes = { loop: 0x03, brTable: 0x0e, call: 0x10 } as const

/** Reads bytes and LEB128 numbers one after the other. */
export class Cursor {
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

export function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    const more = rest >>> 7
    bytes.push((rest & 0x7f) | (more ? 0x80 : 0))
    rest = more
  } while (rest)
  return bytes
}

export interface Section {
  id: number
  body: Uint8Array
}

/** A copy in memory of its own, which WebAssembly takes. */
export function concat(chunks: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(chunks))
}

export function readSections(wasm: Uint8Array): Section[] {
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

export function writeSections(header: Uint8Array, parts: Section[]): Uint8Array<ArrayBuffer> {
  const chunks = [header]
  for (const { id, body } of parts) chunks.push(Uint8Array.from([id, ...leb(body.length)]), body)
  return concat(chunks)
}

/** The bodies of the code section. */
export function readBodies(code: Uint8Array): Uint8Array[] {
  const cursor = new Cursor(code)
  return Array.from({ length: cursor.unsigned() }, () => {
    const size = cursor.unsigned()
    cursor.at += size
    return code.subarray(cursor.at - size, cursor.at)
  })
}

export function writeBodies(bodies: Uint8Array[]): Uint8Array {
  const chunks: Uint8Array[] = [Uint8Array.from(leb(bodies.length))]
  for (const one of bodies) chunks.push(Uint8Array.from(leb(one.length)), one)
  return concat(chunks)
}

export interface Instruction {
  opcode: number
  /** Where it begins in the body, and where the next one does. */
  at: number
  end: number
}

/** The instructions of one function, after the declarations of its variables. */
export function* instructionsOf(body: Uint8Array): Generator<Instruction> {
  const cursor = new Cursor(body)
  for (let groups = cursor.unsigned(); groups > 0; groups--) {
    cursor.skipLeb()
    cursor.byte()
  }
  while (cursor.at < body.length) {
    const at = cursor.at
    const opcode = cursor.byte()
    skipImmediates(cursor, opcode)
    yield { opcode, at, end: cursor.at }
  }
}

/** The first number of the instruction at this place. */
export function operandOf(body: Uint8Array, at: number): number {
  const cursor = new Cursor(body)
  cursor.at = at + 1
  return cursor.unsigned()
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
  if (opcode === opcodes.brTable) cursor.skipLeb(cursor.unsigned() + 1)
  else if (opcode === 0x43) cursor.at += 4
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
