import { type BoardFile, type FilePlan, type LocalFile, shortHash } from '../device/files.js'
import { isInstaller } from '../device/install-pack.js'
import { applyFiles, type PushOptions } from '../device/push.js'
import type { Repl } from '../device/repl.js'
import { checkRoom, fileBlocks, fits } from '../device/room.js'
import { isAbort, WxError } from '../errors.js'
import { alwaysSource } from './bundle.js'
import type { Compile } from './compile.js'

// The first version put source on the board, which leaves a new version no room on 256 KB. Compiled,
// the same code runs as before and takes a third: where a plan does not fit, old source on the board
// is compiled first, a file at a time, each whole or not at all.

// Compiled, our files take 0.2 to 0.67 of their source (queue.py and sha384.py).
const compiledPart = 0.67
// Base64 lines of 1 KB; a file that arrives damaged three times is the wire's fault.
const attempts = 3

/** Old source that goes away with the plan, largest first. */
function candidates({ replaced, remove }: FilePlan): BoardFile[] {
  return replaced
    .filter(({ name }) => /\.py$/.test(name) && !alwaysSource.includes(name))
    .filter(({ name }) => remove.includes(name))
    .sort((a, b) => (b.size ?? 0) - (a.size ?? 0))
}

/** Throws BOARD_FULL where a plan does not fit, not even beside old code that is compiled. Pure. */
export function checkCompactedRoom(plan: FilePlan, trial: boolean): void {
  const { store } = plan
  if (!store || fits(plan, trial)) return
  const source = candidates(plan)
  const smaller = (size: number): number => Math.ceil(size * compiledPart)
  const blocks = (size: number): number => fileBlocks(size, store.blockBytes)
  const gained = source.reduce((sum, { size = 0 }) => sum + blocks(size) - blocks(smaller(size)), 0)
  const replaced = plan.replaced.map((file) =>
    source.includes(file) ? { ...file, size: smaller(file.size ?? 0) } : file,
  )
  const freeBlocks = store.freeBlocks + gained
  checkRoom({ ...plan, replaced, store: { ...store, freeBlocks } }, trial)
}

/**
 * Compiles old source on the board until the plan fits. `replan` compares again. Throws BOARD_FULL
 * where nothing is left to compile; the station runs what it ran before, all the same.
 */
export async function makeRoom(
  repl: Repl,
  plan: FilePlan,
  compile: Compile,
  replan: () => Promise<FilePlan>,
  options: PushOptions,
): Promise<FilePlan> {
  const { report, signal, trial = false } = options
  let now = plan
  for (const file of candidates(plan)) {
    if (fits(now, trial)) break
    if (now === plan) report?.({ type: 'notice', notice: 'compacting', values: {} })
    const compiled = await compiledFile(repl, file, compile, signal)
    if (!compiled) continue
    await applyFiles(repl, swap(now, file, compiled), { signal })
    now = await replan()
  }
  checkRoom(now, trial)
  return now
}

/** One old file for the same one compiled; install.py goes along where it must unpack that. */
function swap(plan: FilePlan, source: BoardFile, compiled: LocalFile): FilePlan {
  const own = ({ name }: { name: string }): boolean => name === source.name || isInstaller({ name })
  return {
    add: [...plan.add.filter(isInstaller), compiled],
    change: plan.change.filter(isInstaller),
    remove: [source.name],
    same: [],
    foreign: [],
    replaced: plan.replaced.filter(own),
    ...(plan.store && { store: plan.store }),
  }
}

/** Undefined for source that does not compile: it did not run before either. */
async function compiledFile(
  repl: Repl,
  { name, hash }: BoardFile,
  compile: Compile,
  signal: AbortSignal | undefined,
): Promise<LocalFile | undefined> {
  const source = await readSource(repl, name, hash, signal)
  try {
    return { name: name.replace(/\.py$/, '.mpy'), data: await compile(name, source) }
  } catch (error) {
    if (isAbort(error) || !(error instanceof WxError)) throw error
    return undefined
  }
}

async function readSource(
  repl: Repl,
  name: string,
  hash: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const code = `import binascii
with open('${name}','rb')as f:
 while 1:
  d=f.read(768)
  if not d:break
  print(binascii.b2a_base64(d).decode(),end='')`
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const data = Buffer.from(await repl.exec(code, { repeatable: true, signal }), 'base64')
    if (shortHash(data) === hash) return data
  }
  throw new WxError('BOARD_FAULT', `${name} arrives damaged from the board, however often.`, {
    hint: 'Check the cable, or try another USB port.',
  })
}
