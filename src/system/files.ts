import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { errnoOf } from '../errors.js'
import type { Files } from '../system.js'

/** Gives undefined where the file is absent; every other failure is the caller's. */
async function absentAsUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

export const nodeFiles: Files = {
  read: async (path) => {
    const bytes = await absentAsUndefined(readFile(path))
    return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  },
  readText: (path) => absentAsUndefined(readFile(path, 'utf8')),
  async write(path, data, options = {}) {
    const { default: writeFileAtomic } = await import('write-file-atomic')
    await mkdir(dirname(path), { recursive: true })
    const bytes =
      typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    await writeFileAtomic(path, bytes, options.mode === undefined ? {} : { mode: options.mode })
  },
  open: (path, flags, mode) => open(path, flags, mode),
  list: async (folder) => (await absentAsUndefined(readdir(folder))) ?? [],
  async stat(path) {
    const found = await absentAsUndefined(stat(path))
    return (
      found && {
        size: found.size,
        mtimeMs: found.mtimeMs,
        isFolder: found.isDirectory(),
        mode: found.mode,
        uid: found.uid,
        gid: found.gid,
      }
    )
  },
  realPath: async (path) => (await absentAsUndefined(realpath(path))) ?? path,
  async makeFolder(path) {
    await mkdir(path, { recursive: true })
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { recursive: true, force: true }),
  temporaryFolder: (prefix) => mkdtemp(join(tmpdir(), prefix)),
  async locked(path, fn) {
    const { default: lockfile } = await import('proper-lockfile')
    await mkdir(dirname(path), { recursive: true })
    // A holder that died is believed gone after 10 s; waiting is bounded at about 20 s.
    const lost = new AbortController()
    const release = await lockfile.lock(path, {
      realpath: false,
      // Without this it would end the whole process.
      onCompromised: (error) => lost.abort(error),
      stale: 10_000,
      retries: { retries: 40, factor: 1.2, minTimeout: 20, maxTimeout: 1000 },
    })
    try {
      return await fn(lost.signal)
    } finally {
      if (!lost.signal.aborted) await release()
    }
  },
}
