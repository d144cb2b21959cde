/** Bytes to look for, as words: four at a time, the last ones over again. */
export interface Literal {
  length: number
  words: Int32Array
}

export function literal(text: string): Literal {
  const bytes = Buffer.from(text)
  const words = Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) =>
    bytes.readInt32LE(Math.min(4 * i, bytes.length - 4)),
  )
  return { length: bytes.length, words: Int32Array.from(words) }
}

/** Whether it stands there. */
export function isAt(view: DataView, at: number, { words, length }: Literal): boolean {
  if (at + length > view.byteLength) return false
  const last = words.length - 1
  for (let i = 0; i < last; i++) if (view.getInt32(at + 4 * i, true) !== words[i]) return false
  return view.getInt32(at + length - 4, true) === words[last]
}

/** Writes a literal and answers the place behind it. */
export function put(view: DataView, at: number, { words, length }: Literal): number {
  const last = words.length - 1
  for (let i = 0; i < last; i++) view.setInt32(at + 4 * i, words[i] as number, true)
  view.setInt32(at + length - 4, words[last] as number, true)
  return at + length
}
