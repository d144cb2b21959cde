import { readFileSync } from 'node:fs'
import type { LocalFile } from '../../src/device/files.js'
import { type Bundle, readBundle } from '../../src/station/bundle.js'
import { compilerFor } from '../../src/station/compile.js'
import { nodeSystem } from '../../src/system/node.js'

const system = nodeSystem()

/** The station's code as source. */
export const sourceCode = await readBundle(system)
/** The same as a board of today gets it. */
export const compiledCode: Bundle = await readBundle(system, await compilerFor(6, system))

/** Another version of these files, of which each differs and works. */
export function otherVersion(files: LocalFile[]): LocalFile[] {
  return files.map(({ name, data }) => {
    if (name === 'install.py') return { name, data }
    // A compiled file ends where its code ends: the loader does not look behind it.
    const mark = name.endsWith('.mpy') ? [data, Buffer.from('!')] : [Buffer.from('# other\n'), data]
    return { name, data: Buffer.concat(mark) }
  })
}

/** With the boot code of the first version, which knows no packs. */
export function ofFirstVersion(files: LocalFile[]): LocalFile[] {
  return files.map(({ name, data }) => ({
    name,
    data: ['install.py', 'boot.py'].includes(name)
      ? readFileSync(new URL(`first-version/${name}`, import.meta.url))
      : data,
  }))
}
