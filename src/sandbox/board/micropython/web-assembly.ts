/** Compiled code; opaque, can be given to a worker. */
export type Module = object

export interface Exports {
  memory: { buffer: ArrayBuffer }
  mp_sched_keyboard_interrupt(): void
}

export type Imports = Record<string, Record<string, (...args: number[]) => unknown>>

/** The parts of WebAssembly we use: the types of Node alone do not describe it. */
export interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<Module>
  instantiate(module: Module, imports: Imports): Promise<{ exports: Exports }>
}

export const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly
