import { join } from 'node:path'
import type { LocalFile } from '../device/files.js'
import { WxError } from '../errors.js'
import type { System } from '../system.js'
import type { Compile } from './compile.js'

/** Names a station writes by itself: never ours to compare, never foreign. */
export const dataNames = [
  'safe',
  'last_error.json',
  'refused.txt',
  'station.json',
  'station.prev.json',
  'station.try.json',
  'station.trying.json',
  'ca.der',
  // Not /queue: a folder of that name would hide queue.py from import.
  'records/',
  'records.pages',
  'webrepl_cfg.py',
]

/** Names of station code that earlier versions had: removed where they are found. */
const retiredNames: string[] = []

/** Must stay source: the runtime looks for boot.py and main.py, boot code for install.py. */
export const alwaysSource = ['boot.py', 'main.py', 'install.py']

export interface Bundle {
  files: LocalFile[]
  /** Names of ours that may lie on the board from another version or in another form (.py, .mpy). */
  retired: string[]
  /** What compiled them, where they are compiled. */
  compile?: Compile
}

/** The station's code of this package, as it should lie in the board's root. */
export async function readBundle(system: System, compile?: Compile): Promise<Bundle> {
  const folder = join(system.packageFolder, 'firmware', 'micropython')
  const names = (await system.files.list(folder)).filter((name) => name.endsWith('.py')).sort()
  if (names.length === 0) {
    throw new WxError('FILE_UNREADABLE', `There is no station code in ${folder}.`, {
      hint: 'Install wxstation again.',
    })
  }
  const files: LocalFile[] = []
  for (const name of names) {
    const data = (await system.files.read(join(folder, name))) ?? new Uint8Array()
    if (compile && !alwaysSource.includes(name))
      files.push({ name: name.replace(/\.py$/, '.mpy'), data: await compile(name, data) })
    else files.push({ name, data })
  }
  const present = new Set(files.map(({ name }) => name))
  const forms = names.flatMap((name) => [name, name.replace(/\.py$/, '.mpy')])
  return {
    files,
    retired: [...forms, ...retiredNames].filter((name) => !present.has(name)),
    ...(compile && { compile }),
  }
}
