/** What a file system lives on; blocks are erased as a whole, programs only clear bits. */
export interface BlockDevice {
  readonly blockSize: number
  readonly blockCount: number
  read(block: number, offset: number, size: number): Uint8Array
  program(block: number, offset: number, bytes: Uint8Array): void
  erase(block: number): void
}

/** littlefs' own error numbers are those of Linux, negated; here they are positive. */
export const errno = {
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  ENAMETOOLONG: 36,
  ENOTEMPTY: 39,
  ECORRUPT: 84,
} as const

export class FileSystemError extends Error {
  override readonly name = 'FileSystemError'
  constructor(readonly errno: number) {
    super(`file system error ${errno}`)
  }
}

/** Bytes a program has to be a multiple of: MicroPython's default for VfsLfs2. */
export const programSize = 32

/** Files up to here lie in their directory: MicroPython's cache size, 4 x 32 bytes. */
export const inlineMax = 128

export const nameMax = 255

/** Two blocks that take turns in holding one part of a directory. */
export type Pair = readonly [number, number]

export const noPair: Pair = [0xffff_ffff, 0xffff_ffff]

export function samePair(a: Pair, b: Pair): boolean {
  return (a[0] === b[0] && a[1] === b[1]) || (a[0] === b[1] && a[1] === b[0])
}

export function isPair(pair: Pair): boolean {
  return pair[0] !== 0xffff_ffff && pair[1] !== 0xffff_ffff
}

export function pairBytes(pair: Pair): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, pair[0], true)
  view.setUint32(4, pair[1], true)
  return bytes
}

export function pairOf(bytes: Uint8Array): Pair {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return [view.getUint32(0, true), view.getUint32(4, true)]
}
