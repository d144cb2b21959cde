import { ByteReader, type ByteWriter } from './bytes.js'

// An entry of the log: length of what follows (u32), kind (u8), content.
export const entryKind = { symbol: 0, message: 1, truncate: 2, purge: 3 } as const

export const messageHead = { symbol: 5, time: 9, class: 17 } as const
const hasNanos = 0x80

/** Starts an entry; the answer goes to endEntry. */
export function startEntry(kind: number, out: ByteWriter): number {
  const at = out.length
  out.u32(0)
  out.u8(kind)
  return at
}

export function endEntry(at: number, out: ByteWriter): void {
  out.setU32(at, out.length - at - 4)
}

/** The head of a message; its fields follow, then endEntry. */
export function startMessage(
  head: { symbol: number; ms: number; nanos: number; classIndex: number },
  out: ByteWriter,
): number {
  const at = startEntry(entryKind.message, out)
  out.u32(head.symbol)
  out.f64(head.ms)
  out.u8(head.nanos > 0 ? head.classIndex | hasNanos : head.classIndex)
  if (head.nanos > 0) out.u32(head.nanos)
  return at
}

/** One stored message where it lies in a block of the log. */
export interface Message {
  symbol: number
  ms: number
  nanos: number
  classIndex: number
  /** Stands at the first field. */
  fields: ByteReader
}

export function readMessage(bytes: Buffer, at: number): Message {
  const mark = bytes[at + messageHead.class] ?? 0
  const withNanos = (mark & hasNanos) !== 0
  const end = at + messageHead.class + 1
  return {
    symbol: bytes.readUInt32LE(at + messageHead.symbol),
    ms: bytes.readDoubleLE(at + messageHead.time),
    nanos: withNanos ? bytes.readUInt32LE(end) : 0,
    classIndex: mark & ~hasNanos,
    fields: new ByteReader(bytes, withNanos ? end + 4 : end),
  }
}
