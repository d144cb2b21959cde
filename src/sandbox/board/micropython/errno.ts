/**
 * Error numbers as the interpreter was built with (Linux) and as the chip's C library has them.
 * The names of the module `errno`, and of printed OSErrors, come from one constant table.
 */
const moved: readonly (readonly [number, number])[] = [
  [98, 112],
  [103, 113],
  [107, 128],
  [110, 116],
  [113, 118],
  [114, 120],
  [115, 119],
]

/** The last numbers of the table in its order: ENOBUFS, ENOTCONN, ETIMEDOUT … EINPROGRESS. */
const tail = [105, 107, 110, 111, 113, 114, 115]
const entryWords = 2

/** Finds the table in the interpreter's memory (name, number, name, number …) and renumbers it. */
export function useChipErrno(memory: Uint8Array): void {
  const words = new Int32Array(memory.buffer)
  const smallInt = (value: number): number => (value << 1) | 1
  for (let i = 1; i < words.length - entryWords * tail.length; i++) {
    if (words[i] !== smallInt(tail[0]!)) continue
    if (!tail.every((number, n) => words[i + entryWords * n] === smallInt(number))) continue
    // EADDRINUSE, ECONNABORTED and ECONNRESET stand right before.
    for (let n = -3; n < tail.length; n++) {
      const at = i + entryWords * n
      const change = moved.find(([from]) => words[at] === smallInt(from))
      if (change) words[at] = smallInt(change[1])
    }
    i += entryWords * tail.length
  }
}

/** lwIP's error numbers as the chip shows them: its C library's, not Linux'. */
export const errno = {
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EINVAL: 22,
  ENFILE: 23,
  ECONNRESET: 104,
  EADDRINUSE: 112,
  ECONNABORTED: 113,
  EHOSTUNREACH: 118,
  EINPROGRESS: 119,
  EISCONN: 127,
  ENOTCONN: 128,
} as const
