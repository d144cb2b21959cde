import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'

export type Compile = (name: string, source: Uint8Array) => Promise<Uint8Array>

// mpy-cross v6 emits bytecode 6.0, which every firmware of version 6 (1.19 and later) loads.
const bytecodeVersion = 6

/** A compiler whose output this firmware loads (`sys.implementation._mpy`), or undefined. */
export async function compilerFor(mpy: number, system: System): Promise<Compile | undefined> {
  if ((mpy & 0xff) !== bytecodeVersion) return undefined
  const { compile } = await import('@pybricks/mpy-cross-v6')
  const main = createRequire(import.meta.url).resolve('@pybricks/mpy-cross-v6')
  const wasm = await system.files.read(join(dirname(main), 'mpy-cross-v6.wasm'))
  if (!wasm) throw new WxError('FILE_UNREADABLE', 'The compiler of MicroPython is not installed.')
  // On Node 18 and later it would fetch() a path: a data URL is what it can read.
  const url = `data:application/wasm;base64,${Buffer.from(wasm).toString('base64')}`
  const results = resultsOf(system)
  return (name, source) => {
    const text = Buffer.from(source).toString('utf8')
    const key = `${name}\n${text}`
    const result = results.get(key) ?? run(name, text)
    results.set(key, result)
    return result
  }

  async function run(name: string, text: string): Promise<Uint8Array> {
    const { status, mpy, err } = await system.withoutListeners(() =>
      compile(name, text, undefined, url),
    )
    if (status === 0 && mpy) return mpy
    throw new WxError('FAULT', `${name} does not compile: ${err.join(' ').trim()}`)
  }
}

// Half a second for a station: many boards at once share it.
const compiled = new WeakMap<System, Map<string, Promise<Uint8Array>>>()

function resultsOf(system: System): Map<string, Promise<Uint8Array>> {
  const results = compiled.get(system) ?? new Map<string, Promise<Uint8Array>>()
  compiled.set(system, results)
  return results
}
