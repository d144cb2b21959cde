import { createHash } from 'node:crypto'
import { constants, crc32, deflateRawSync } from 'node:zlib'
import { WxError } from '../errors.js'
import type { Report } from '../events.js'
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
}

export interface FilePlan {
  add: LocalFile[]
  change: LocalFile[]
  remove: string[]
  same: string[]
  /** Not ours: listed and left. */
  foreign: string[]
}

export interface PushOptions {
  report?: Report
  signal?: AbortSignal | undefined
  /** Over the air: the board keeps what it replaces until the new files have proven themselves. */
  trial?: boolean
}

export interface Pushed {
  files: number
  bytes: number
  /** What went over the wire for them, compressed. */
  wireBytes: number
}

// A plain block of 8 KB deflates to 0.33 of its size (4 KB: 0.35, 16 KB: 0.32) and fits, with the
// 4 KB window, into the heap that Wi-Fi leaves on the chip.
const blockSize = 8192
const windowBits = 12
// Three whole pushes: a board that spoils all of them has a fault that a fourth does not mend.
const attempts = 3

export function shortHash(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 16)
}

// Code and settings are compared; what a station writes itself is only named.
const compared = /\.(py|mpy|der)$|^station\.json$/

const digestCode = `import os,hashlib,binascii
b=memoryview(bytearray(1024))
def x(s):return binascii.hexlify(s.digest()[:8]).decode()
def h(n):
 s=hashlib.sha256()
 with open(n,'rb')as f:
  while 1:
   k=f.readinto(b)
   if not k:return x(s)
   s.update(b[:k])
L=sorted(n+' '+h(n)for n in os.listdir()if n.rsplit('.')[-1]in('py','mpy','der')or n=='station.json')
print(x(hashlib.sha256('\\n'.join(L).encode())))`

const listCode = `for l in L:print(l)
for e in os.ilistdir():
 if not any(l.startswith(e[0]+' ')for l in L):print(e[0]+('/'if e[1]&16384 else''))`

/**
 * Compares the board's files with `expected` in one round trip; only where their common digest
 * differs, a second one lists what is there.
 */
export async function surveyFiles(
  repl: Repl,
  expected: LocalFile[],
  signal?: AbortSignal,
): Promise<BoardFile[]> {
  const options = { repeatable: true, timeoutMs: 60_000, signal }
  const lines = expected
    .filter(({ name }) => compared.test(name))
    .map(({ name, data }) => `${name} ${shortHash(data)}`)
    .sort()
  const digest = (await repl.exec(digestCode, options)).trim()
  if (digest === shortHash(Buffer.from(lines.join('\n')))) return lines.map(boardFile)
  const listing = await repl.exec(listCode, options)
  return listing
    .split('\n')
    .filter((line) => line !== '')
    .map(boardFile)
}

function boardFile(line: string): BoardFile {
  const [, name = line, hash] = /^(.+) ([0-9a-f]{16})$/.exec(line) ?? []
  return hash === undefined ? { name } : { name, hash }
}

/**
 * What has to happen for `local` to be on the board. `retired` are names that earlier versions of
 * ours used; `data` are names the station itself writes. Pure.
 */
export function planFiles(
  local: LocalFile[],
  board: BoardFile[],
  { retired, data }: { retired: string[]; data: string[] },
): FilePlan {
  const there = new Map(board.map((file) => [file.name, file.hash]))
  const wanted = new Set(local.map(({ name }) => name))
  const differs = local.filter(({ name, data }) => there.get(name) !== shortHash(data))
  return {
    add: differs.filter(({ name }) => !there.has(name)),
    change: differs.filter(({ name }) => there.has(name)),
    remove: board
      .map(({ name }) => name)
      .filter((name) => !wanted.has(name) && retired.includes(name)),
    same: local.filter((file) => !differs.includes(file)).map(({ name }) => name),
    foreign: board
      .map(({ name }) => name)
      .filter(
        (name) =>
          !wanted.has(name) &&
          !retired.includes(name) &&
          !data.includes(name) &&
          !['.next/', '.old/'].includes(name),
      ),
  }
}

export function isEmptyPlan({ add, change, remove }: FilePlan): boolean {
  return add.length + change.length + remove.length === 0
}

/** Boot code first, so that from then on a cut is finished by the new boot.py; main.py last. */
function installOrder(files: LocalFile[]): LocalFile[] {
  const rank = (name: string): number => ['install.py', 'boot.py'].indexOf(name)
  const place = ({ name }: LocalFile): number =>
    rank(name) >= 0 ? rank(name) : name === 'main.py' ? 3 : 2
  return [...files].sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1))
}

/**
 * Writes the plan's files to new names, verifies each by its hash on the board, commits them with
 * one rename and moves them into place. A cut at any moment leaves the old files or the new ones.
 */
export async function applyFiles(
  repl: Repl,
  plan: FilePlan,
  { report, signal, trial = false }: PushOptions = {},
): Promise<Pushed> {
  const files = installOrder([...plan.add, ...plan.change])
  const total = files.reduce((sum, { data }) => sum + data.length, 0)
  const progress = (done: number): void =>
    report?.({ type: 'progress', stage: 'files', done, total, unit: 'bytes' })

  for (let attempt = 1; ; attempt++) {
    try {
      const canInflate = await begin(repl, files, signal)
      const wireBytes = await send(repl, files, canInflate, progress, signal)
      await commit(repl, files, plan.remove, trial, signal)
      return { files: files.length, bytes: total, wireBytes }
    } catch (error) {
      // The board's own complaint (a spoiled block, a half-written file) is mended by a new try.
      const again = error instanceof WxError && error.code === 'BOARD_FAULT' && attempt < attempts
      const full = error instanceof WxError && /\b28\b|ENOSPC/.test(error.message)
      if (full) throw noSpace(error, total)
      if (!again) throw error
      report?.({ type: 'debug', area: 'files', text: `push started again: ${error.message}` })
    }
  }
}

// r(i,n,p,c,k) takes block i: n escaped bytes, p plain ones; c is checksum + p. 05 says it is ready,
// 06 that it has k more bytes, or all. B is set while flash is written: a block that was cut off
// there cannot be repeated, the push begins again.
const receiver = `import os,sys,io,gc,hashlib,binascii
try:import deflate
except ImportError:deflate=None
try:os.mkdir('.next')
except OSError:
 for n in os.listdir('.next'):os.remove('.next/'+n)
I=0;F=None;R=0;B=0
def w(d):
 global F,R
 m=memoryview(d);a=0
 while 1:
  if not F:
   if not L:return
   n,R=L.pop(0);F=open('.next/'+n,'wb')
  if R and a==len(d):return
  k=min(R,len(d)-a);F.write(m[a:a+k]);a+=k;R-=k
  if not R:F.close();F=None
def r(i,n,p,c,k):
 global I,B
 if B:raise OSError('block was cut off')
 gc.collect();print('\\x05',end='')
 d=bytearray(n)
 for a in range(0,n,k):
  d[a:a+k]=sys.stdin.buffer.read(min(k,n-a));print('\\x06',end='')
 d=bytes(d)
 if binascii.crc32(d)+p!=c:raise KeyboardInterrupt
 if i<I:return print(I)
 d=d.replace(b'\\x10C',b'\\x03').replace(b'\\x10P',b'\\x10')
 if Z:d=deflate.DeflateIO(io.BytesIO(d),deflate.RAW,${windowBits}).read(p)
 B=1;w(d);B=0
 I+=1;print(I)
Z=deflate is not None
print(Z)`

async function begin(repl: Repl, files: LocalFile[], signal?: AbortSignal): Promise<boolean> {
  const list = files.map(({ name, data }) => `('${name}',${data.length})`).join(',')
  const answer = await repl.exec(`L=[${list}]\n${receiver}`, { repeatable: true, signal })
  return answer.trim() === 'True'
}

async function send(
  repl: Repl,
  files: LocalFile[],
  canInflate: boolean,
  progress: (done: number) => void,
  signal?: AbortSignal,
): Promise<number> {
  const plain = Buffer.concat(files.map(({ data }) => data))
  // Without inflate a block must fit the heap as it is, with room for the copies of unescaping.
  const size = canInflate ? blockSize : blockSize / 4
  let wireBytes = 0
  progress(0)
  for (let at = 0, i = 0; at < plain.length; at += size, i++) {
    const block = plain.subarray(at, at + size)
    const packed = escaped(canInflate ? deflated(block) : block)
    const check = crc32(packed) + block.length
    const code = (portion: number): string =>
      `r(${i},${packed.length},${block.length},${check},${portion})`
    const taken = Number(await repl.feed(code, packed, { signal }))
    if (taken !== i + 1) throw new WxError('BOARD_FAULT', `The board lost block ${i}.`)
    wireBytes += code(packed.length).length + packed.length
    progress(Math.min(plain.length, at + size))
  }
  return wireBytes
}

function deflated(block: Uint8Array): Uint8Array {
  return deflateRawSync(block, {
    level: constants.Z_BEST_COMPRESSION,
    windowBits,
    memLevel: 9,
  })
}

/** 03 would interrupt the board: 10 43 stands for it, and 10 50 for 10. */
export function escaped(data: Uint8Array): Uint8Array {
  const bytes: number[] = []
  for (const byte of data) {
    if (byte === 0x03) bytes.push(0x10, 0x43)
    else if (byte === 0x10) bytes.push(0x10, 0x50)
    else bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}

async function commit(
  repl: Repl,
  files: LocalFile[],
  remove: string[],
  trial: boolean,
  signal?: AbortSignal,
): Promise<void> {
  const hashes = files.map(({ name, data }) => `'${name}':'${shortHash(data)}'`).join(',')
  const manifest = JSON.stringify({ order: files.map(({ name }) => name), remove, trial })
  const code = `H={${hashes}}
def h(n):
 s=hashlib.sha256();b=memoryview(bytearray(1024))
 with open('.next/'+n,'rb')as f:
  while 1:
   k=f.readinto(b)
   if not k:break
   s.update(b[:k])
 return binascii.hexlify(s.digest()[:8]).decode()
for n in H:
 if h(n)!=H[n]:raise OSError('verify '+n)
with open('.next/m','w')as f:f.write(${JSON.stringify(manifest)})
os.rename('.next/m','.next/manifest.json')
if hasattr(os,'sync'):os.sync()
sys.modules.pop('install',None)
sys.path.insert(0,'.next')
import install
sys.path.pop(0)
install.ROOT=os.getcwd().rstrip('/')+'/'
install.run()`
  // After the commit a repeated run finds nothing to do, but a repeated check would find no files.
  await repl.exec(checked(code), { timeoutMs: 120_000, signal })
}

/** Code that runs whole or not at all: a lost byte might leave a manifest that lacks a file. */
function checked(code: string): string {
  return `c=${JSON.stringify(code)}
if binascii.crc32(c.encode())!=${crc32(code)}:raise OSError('commit was spoiled')
exec(c)`
}

function noSpace(cause: unknown, bytes: number): WxError {
  return new WxError('BOARD_FAULT', `The board's file system has no room for ${bytes} bytes.`, {
    cause,
    hint: 'Remove files of your own from the board, or run `wxstation flash --erase`.',
  })
}
