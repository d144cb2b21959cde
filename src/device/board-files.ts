import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import { blockBytes, readLittleFs, type StoredFile, type StoredNode } from './littlefs.js'
import type { Loader } from './loader.js'

/** What a board's `vfs` holds. Contents are read from the chip when they are asked for. */
export interface BoardFiles {
  nodes: StoredNode[]
  /** Of the file system they are in. */
  blockCount: number
  count: number
  bytes: number
}

/**
 * Lists the files in a piece of the chip's flash. Undefined where there is no littlefs or a damaged
 * one; throws what the loader throws. Reports what is read later as progress.
 */
export async function readFiles(
  loader: Loader,
  { offset, size }: { offset: number; size: number },
  report: Report,
): Promise<BoardFiles | undefined> {
  let total = 0
  let done = 0
  const readBlock = async (block: number): Promise<Uint8Array> => {
    const bytes = await loader.readAll(offset + block * blockBytes, blockBytes)
    done = Math.min(total, done + blockBytes)
    if (total > 0) report({ type: 'progress', stage: 'backup', done, total, unit: 'bytes' })
    return bytes
  }
  try {
    const nodes = await readLittleFs(size / blockBytes, readBlock)
    if (!nodes) return undefined
    const files = filesIn(nodes)
    total = files.reduce((sum, file) => sum + file.size, 0)
    return { nodes, blockCount: size / blockBytes, count: files.length, bytes: total }
  } catch (error) {
    if (error instanceof WxError && error.code === 'BOARD_FAULT') return undefined
    throw error
  }
}

function filesIn(nodes: StoredNode[]): StoredFile[] {
  return nodes.flatMap((node) => (node.kind === 'file' ? [node] : filesIn(node.children)))
}

/** Nothing that anybody would miss: no file, or only the boot.py of comments that MicroPython makes itself. */
export async function isUntouched({ nodes }: BoardFiles): Promise<boolean> {
  const [only, ...others] = filesIn(nodes)
  if (!only) return true
  if (others.length > 0 || Buffer.from(only.name).toString() !== 'boot.py') return false
  const lines = Buffer.from(await only.read())
    .toString()
    .split('\n')
  return lines.every((line) => line.trim() === '' || line.startsWith('#'))
}
