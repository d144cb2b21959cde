import { crc32 } from 'node:zlib'
import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import { type FilePlan, type LocalFile, shortHash } from './files.js'
import { type Packs, packFiles } from './install-pack.js'
import type { Repl } from './repl.js'
import { checkRoom } from './room.js'

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

// With the copies that taking it makes, 8 KB of heap, of the little that Wi-Fi leaves on the chip; a
// block of which a byte was lost goes again.
const blockSize = 2048
// Three whole pushes: a board that spoils all of them has a fault that a fourth does not mend.
const attempts = 3

/**
 * Puts the plan's files on the board as one pack, has it verified there, commits it with one rename
 * and has it unpacked by install.py, which goes first where it differs. A cut at any moment leaves
 * the old files or the new ones. Throws BOARD_FULL, with nothing changed, where they do not fit.
 */
export async function applyFiles(
  repl: Repl,
  plan: FilePlan,
  options: PushOptions = {},
): Promise<Pushed> {
  const { report, trial = false } = options
  const all = [...plan.add, ...plan.change]
  const total = all.reduce((sum, { data }) => sum + data.length, 0)
  // Nobody asked a board whose files were all as expected.
  let windowBits = plan.store?.windowBits ?? 0
  checkRoom(plan, trial)
  for (let attempt = 1; ; attempt++) {
    const packs = packFiles(plan, windowBits, trial)
    try {
      const wireBytes = await push(repl, packs, total, options)
      return { files: all.length, bytes: total, wireBytes }
    } catch (error) {
      if (!(error instanceof WxError) || error.code !== 'BOARD_FAULT') throw error
      if (/\b28\b|ENOSPC/.test(error.message)) throw full(error)
      // The board's own complaint (a spoiled block, a half-written file) is mended by a new try.
      if (attempt >= attempts) throw error
      if (/MemoryError/.test(error.message) && windowBits === 15) windowBits = 12
      report?.({ type: 'debug', area: 'files', text: `push started again: ${error.message}` })
    }
  }
}

async function push(
  repl: Repl,
  { installer, rest }: Packs,
  total: number,
  { report, signal }: PushOptions,
): Promise<number> {
  const wire = rest.length + (installer?.data.length ?? 0)
  let before = 0
  const progress = (sent: number): void => {
    const done = Math.round((total * (before + sent)) / wire)
    report?.({ type: 'progress', stage: 'files', done, total, unit: 'bytes' })
  }
  progress(0)
  await repl.exec(receiver, { repeatable: true, signal })
  let wireBytes = 0
  if (installer) {
    wireBytes += await send(repl, installer.data, progress, signal)
    const code = checked(placeInstaller(installer.file))
    await repl.exec(code, { repeatable: true, timeoutMs: 120_000, signal })
    before = installer.data.length
  }
  wireBytes += await send(repl, rest, progress, signal)
  // What comes behind the rename can be repeated; before it, so can everything.
  await repl.exec(checked(commit), { repeatable: true, timeoutMs: 120_000, signal })
  return wireBytes
}

// A trial that is still running is over: who pushes now has seen what it installed. A committed pack
// that could not be unpacked stays until the next commit takes its place. r(i,n,c,k) takes
// block i of n escaped bytes; c is their checksum + i. 05 says it is ready, 06 that it has k more
// bytes, or all. B is set while flash is written: a block that was cut off there cannot be
// repeated, the push begins again. A file left open would be synced over the new one when it is
// collected.
const receiver = `import os,sys,gc,hashlib,binascii
try:F.close()
except Exception:0
m=sys.modules.get('install')
if m:m.ROOT=os.getcwd().rstrip('/')+'/';m.confirm()
for n in os.listdir():
 if n=='.old.pack':os.remove(n)
 if n in('.next','.old'):
  for e in os.listdir(n):os.remove(n+'/'+e)
  os.rmdir(n)
def x(d):return binascii.hexlify(hashlib.sha256(d).digest()[:8]).decode()
def o():
 global F,I,B
 F=open('.next.part','wb');I=B=0
def r(i,n,c,k):
 global I,B
 if B:raise OSError('block was cut off')
 gc.collect();print('\\x05',end='')
 d=bytearray(n)
 for a in range(0,n,k):
  d[a:a+k]=sys.stdin.buffer.read(min(k,n-a));print('\\x06',end='')
 d=bytes(d)
 if binascii.crc32(d)+i!=c:raise KeyboardInterrupt
 if i<I:return print(I)
 d=d.replace(b'\\x10C',b'\\x03').replace(b'\\x10P',b'\\x10')
 if not i:o()
 B=1;F.write(d);B=0
 I+=1;print(I)
I=B=0`

async function send(
  repl: Repl,
  data: Uint8Array,
  progress: (done: number) => void,
  signal?: AbortSignal,
): Promise<number> {
  let wireBytes = 0
  for (let at = 0, i = 0; at < data.length; at += blockSize, i++) {
    const block = escaped(data.subarray(at, at + blockSize))
    const code = (portion: number): string =>
      `r(${i},${block.length},${crc32(block) + i},${portion})`
    const taken = Number(await repl.feed(code, block, { signal }))
    if (taken !== i + 1) throw new WxError('BOARD_FAULT', `The board lost block ${i}.`)
    wireBytes += code(block.length).length + block.length
    progress(Math.min(data.length, at + blockSize))
  }
  return wireBytes
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

/** Unpacks install.py, reads back what the flash made of it, and puts it in place of the old one. */
function placeInstaller({ data }: LocalFile): string {
  return `F.close()
def v(d):
 if x(d)!='${shortHash(data)}':raise OSError('verify install.py')
 return d
with open('.next.part','rb')as f:
 w=f.read(1)[0]
 if w:
  import deflate
  d=deflate.DeflateIO(f,deflate.RAW,w).read()
 else:d=f.read()
with open('.install.part','wb')as f:f.write(v(d))
with open('.install.part','rb')as f:v(f.read())
os.rename('.install.part','install.py')
I=0`
}

// From the rename on the new version counts. Where this heap is too full to unpack it, the start
// behind the push does.
const commit = `F.close()
sys.modules.pop('install',None)
import install
install.ROOT=os.getcwd().rstrip('/')+'/'
if '.next.part'in os.listdir():
 install.verify()
 os.rename('.next.part','.next.pack')
 if hasattr(os,'sync'):os.sync()
gc.collect()
try:install.run()
except MemoryError:0`

/** Code that runs whole or not at all: a lost byte must not change what is committed. */
function checked(code: string): string {
  return `c=${JSON.stringify(code)}
if binascii.crc32(c.encode())!=${crc32(code)}:raise OSError('commit was spoiled')
exec(c)`
}

/** The board filled up all the same: it has files that nobody asked about. Nothing was committed. */
function full(cause: WxError): WxError {
  return new WxError('BOARD_FULL', "The board's file system filled up during the push.", { cause })
}
