import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import type { WindowBits } from './install-pack.js'
import type { Repl } from './repl.js'

/** A file as it should be on the board. */
export interface LocalFile {
  name: string
  data: Uint8Array
}

/** What the board has in its root: files we know how to compare carry a hash. */
export interface BoardFile {
  name: string
  /** First 16 hex digits of its sha256; undefined for folders and data files. */
  hash?: string
  /** Bytes, of files with a hash. */
  size?: number
}

/** What decides how files get to the board. */
export interface BoardStore {
  blockBytes: number
  freeBlocks: number
  windowBits: WindowBits
}

export interface Survey {
  files: BoardFile[]
  /** Undefined where nothing differs, so that nobody needed to ask. */
  store?: BoardStore
}

export interface FilePlan {
  add: LocalFile[]
  change: LocalFile[]
  remove: string[]
  same: string[]
  /** Not ours: listed and left. */
  foreign: string[]
  /** What the board has of the files that change or go. */
  replaced: BoardFile[]
  store?: BoardStore
}

export function shortHash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16)
}

// Code and settings are compared; what a station writes itself is only named.
const compared = /\.(py|mpy|der)$|^station\.json$/

// What install.py, of this version or an earlier one, leaves between two steps.
const installersOwn = /^\.(next|old)(\/|\.pack)$|^\.old\.boots$|^\..*\.part$/

// The board's own survey.py, where it has one, tells whether anything differs at all.
const digestCode = `try:
 import survey;survey.digest()
except Exception:print('?')`

// A cut may have left an install half done, and a boot.py that could not finish it: that comes
// before anything is compared. 36 KB in one piece are an inflater's window of 32 KB and its rest.
const listCode = `import os,sys,hashlib,binascii
b=memoryview(bytearray(1024))
def h(n):
 s=hashlib.sha256()
 with open(n,'rb')as f:
  while 1:
   k=f.readinto(b)
   if not k:return binascii.hexlify(s.digest()[:8]).decode()
   s.update(b[:k])
if any(n in('.next','.next.pack')for n in os.listdir()):
 try:
  import install
  install.ROOT=os.getcwd().rstrip('/')+'/'
  install.run()
 except Exception as e:print('wx',e)
try:
 import deflate
 w=12
 bytearray(36864);w=15
except ImportError:w=0
except MemoryError:0
v=os.statvfs('/')
L=[n+' '+h(n)for n in os.listdir()if n.rsplit('.')[-1]in('py','mpy','der')or n=='station.json']
print('#room',w,v[0],v[3])
for l in L:print(l,os.stat(l.rsplit(' ',1)[0])[6])
for e in os.ilistdir():
 if not any(l.startswith(e[0]+' ')for l in L):print(e[0]+('/'if e[1]&16384 else''))`

/**
 * Compares the board's files with `expected` in one round trip; only where their common digest
 * differs, or the board cannot tell it, a second one finishes what a cut left half done, and lists
 * what is there.
 */
export async function surveyFiles(
  repl: Repl,
  expected: LocalFile[],
  signal?: AbortSignal,
): Promise<Survey> {
  const options = { repeatable: true, timeoutMs: 60_000, signal }
  const lines = expected
    .filter(({ name }) => compared.test(name))
    .map(({ name, data }) => `${name} ${shortHash(data)}`)
    .sort()
  const digest = (await repl.exec(digestCode, options)).trim()
  if (digest === shortHash(Buffer.from(lines.join('\n')))) return { files: lines.map(boardFile) }
  const listing = await repl.exec(listCode, { ...options, timeoutMs: 120_000 })
  const [, bits, block, free, list] = /^#room (\d+) (\d+) (\d+)\n([\s\S]*)/m.exec(listing) ?? []
  if (list === undefined)
    throw new WxError('BOARD_FAULT', 'The board does not tell what is in its file system.')
  return {
    files: list
      .split('\n')
      .filter((line) => line !== '')
      .map(boardFile),
    store: {
      windowBits: bits === '15' ? 15 : bits === '12' ? 12 : 0,
      blockBytes: Number(block),
      freeBlocks: Number(free),
    },
  }
}

function boardFile(line: string): BoardFile {
  const [, name = line, hash, size] = /^(.+) ([0-9a-f]{16})(?: (\d+))?$/.exec(line) ?? []
  return {
    name,
    ...(hash !== undefined && { hash }),
    ...(size !== undefined && { size: Number(size) }),
  }
}

/**
 * What has to happen for `local` to be on the board. `retired` are names that earlier versions of
 * ours used; `data` are names the station itself writes. Pure.
 */
export function planFiles(
  local: LocalFile[],
  { files: board, store }: Survey,
  { retired, data }: { retired: string[]; data: string[] },
): FilePlan {
  const there = new Map(board.map((file) => [file.name, file.hash]))
  const wanted = new Set(local.map(({ name }) => name))
  const differs = local.filter(({ name, data }) => there.get(name) !== shortHash(data))
  const change = differs.filter(({ name }) => there.has(name))
  const remove = board
    .map(({ name }) => name)
    .filter((name) => !wanted.has(name) && retired.includes(name))
  const goes = new Set([...change.map(({ name }) => name), ...remove])
  return {
    add: differs.filter(({ name }) => !there.has(name)),
    change,
    remove,
    same: local.filter((file) => !differs.includes(file)).map(({ name }) => name),
    foreign: board
      .map(({ name }) => name)
      .filter(
        (name) =>
          !wanted.has(name) &&
          !retired.includes(name) &&
          !data.includes(name) &&
          !installersOwn.test(name),
      ),
    replaced: board.filter(({ name }) => goes.has(name)),
    ...(store && { store }),
  }
}

export function isEmptyPlan({ add, change, remove }: FilePlan): boolean {
  return add.length + change.length + remove.length === 0
}
