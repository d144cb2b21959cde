import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { System } from '../../../system.js'
import { instrument } from './instrument.js'
import { type Exports, type Imports, type Module, webAssembly } from './web-assembly.js'

const require = createRequire(import.meta.url)

/** An import of the interpreter that takes nothing and is called now and then from its loop. */
const hookName = 'mp_js_ticks_ms'

let compiled: Promise<Module> | undefined

/** The interpreter's code with the hook in its loop, compiled once for all boards. */
export function interpreterModule(system: System): Promise<Module> {
  compiled ??= compile(system)
  return compiled
}

async function compile(system: System): Promise<Module> {
  const path = require.resolve('@micropython/micropython-webassembly-pyscript/micropython.wasm')
  const bytes = await system.files.read(path)
  if (!bytes) throw new Error(`${path} is missing: npm ci installs it`)
  return webAssembly.compile(instrument(bytes, hookName))
}

/** What the JavaScript side of the interpreter offers (its own micropython.mjs). */
export interface MicroPython {
  runPython(code: string): unknown
  registerJsModule(name: string, module: object): void
  replInit(): void
  /** True where the interpreter wants to end: soft reset or SystemExit. */
  replProcessChar(char: number): number
}

export interface Interpreter {
  python: MicroPython
  exports: Exports
  /** The memory as bytes; a new view each time, since memory grows. */
  memory(): Uint8Array
}

export interface InterpreterOptions {
  module: Module
  /** Everything printed. */
  print(bytes: Uint8Array): void
  /** Called every few microseconds of running code. */
  hook(): void
}

/** Python's C stack frames are small; the chip's 16 KB stack gives some 55 calls, see RuntimeError. */
const pythonStackBytes = 8192
const heapBytes = 4 * 1024 * 1024

/**
 * Loads the interpreter. One a worker: a second one in the same realm breaks the first, so a soft
 * reset takes a new worker.
 */
export async function loadInterpreter(options: InterpreterOptions): Promise<Interpreter> {
  const { module, print, hook } = options
  const original = webAssembly.instantiate
  let exports: Exports | undefined
  const memory = (): Uint8Array => new Uint8Array(exports!.memory.buffer)
  const startedAt = performance.now()
  const instantiate = async (_bytes: unknown, imports: Imports): Promise<unknown> => {
    const env = imports.env!
    env[hookName] = () => {
      hook()
      return performance.now() - startedAt
    }
    imports.wasi_snapshot_preview1!.fd_write = (_fd, vectors, count, written) => {
      const bytes = memory()
      const view = new DataView(bytes.buffer)
      let size = 0
      for (let i = 0; i < count!; i++) {
        const at = view.getUint32(vectors! + 8 * i, true)
        const length = view.getUint32(vectors! + 8 * i + 4, true)
        if (length > 0) print(bytes.subarray(at, at + length))
        size += length
      }
      view.setUint32(written!, size, true)
      return 0
    }
    const instance = await original(module, imports)
    exports = instance.exports
    return { module, instance }
  }
  const python = await loadWith(instantiate)
  return { python, exports: exports!, memory }
}

/** The package gives no way to hand it a module, so its loader sees ours in place of the real one. */
async function loadWith(
  instantiate: (bytes: unknown, imports: Imports) => Promise<unknown>,
): Promise<MicroPython> {
  const url = pathToFileURL(
    require.resolve('@micropython/micropython-webassembly-pyscript/micropython.mjs'),
  ).href
  const { loadMicroPython } = (await import(url)) as {
    loadMicroPython(options: object): Promise<MicroPython>
  }
  const original = webAssembly.instantiate
  const holder = webAssembly as unknown as { instantiate: unknown }
  holder.instantiate = instantiate
  try {
    return await loadMicroPython({
      heapsize: heapBytes,
      pystack: pythonStackBytes,
      linebuffer: false,
    })
  } finally {
    holder.instantiate = original
  }
}
