import { errnoOf, isAbort, WxError } from '../errors.js'
import type { System } from '../system.js'

const typeBits = 0o170000
const regularFile = 0o100000

/** Refuses a pipe: read once to be checked, it would be empty when its records are to be written. */
export async function checkTwice({ files }: System, path: string, name: string): Promise<void> {
  const found = await files.stat(path)
  if (!found || found.isFolder || (found.mode & typeBits) === regularFile) return
  throw new WxError('FILE_UNREADABLE', `"${name}" is no file that can be read twice.`, {
    hint: 'Save what it says in a file: all of it is checked before the first record is written.',
  })
}

/** A file as text, piece by piece; one that is no UTF-8 is no file of records. */
export async function* fileText(
  system: System,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<string> {
  const file = await system.files.open(path, 'r').catch((cause: unknown) => {
    throw new WxError('FILE_UNREADABLE', `${path} cannot be read.`, { cause })
  })
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const buffer = new Uint8Array(65_536)
    while (true) {
      signal?.throwIfAborted()
      const { bytesRead } = await file.read(buffer, 0, buffer.length)
      yield decoder.decode(buffer.subarray(0, bytesRead), { stream: bytesRead > 0 })
      if (bytesRead === 0) return
    }
  } catch (cause) {
    if (cause instanceof TypeError)
      throw new WxError('FILE_INVALID', `${path} is no text file.`, { cause })
    // A folder opens like a file and fails when it is read.
    if (errnoOf(cause) && !(cause instanceof WxError) && !isAbort(cause))
      throw new WxError('FILE_UNREADABLE', `${path} cannot be read.`, { cause })
    throw cause
  } finally {
    await file.close()
  }
}
