import type { AppImage, ResetCause, SharedFlash } from '../runtime.js'
import type { Shared } from './cells.js'
import type { Module } from './web-assembly.js'

/** What a worker gets at its start. */
export interface Start {
  shared: Shared
  flash: SharedFlash
  module: Module
  app: AppImage
  mac: Uint8Array
  resetCause: ResetCause
  /** After a soft reset: how the REPL was left. */
  soft: 'friendly' | 'raw' | undefined
  /** Name to source of the Python modules that stand in for the chip's. */
  modules: Record<string, string>
  isPaced: boolean
  /** The fault: a main.py that is always busy stands in for the board's. */
  isBusy: boolean
}

/** Worker to board. */
export type Message =
  | { kind: 'output'; bytes: Uint8Array }
  | { kind: 'call'; op: string; args: unknown[]; bytes?: Uint8Array }
  | { kind: 'typed'; bytes: Uint8Array }
  | { kind: 'ready' }
  | { kind: 'soft-reset'; mode: 'friendly' | 'raw' }
  | { kind: 'reset'; cause: ResetCause }
  | { kind: 'log'; text: string }

/** What a call answers: JSON, and bytes where the operation gives some. */
export interface Answer {
  value?: unknown
  /** errno of an OSError, or the exception's own arguments. */
  error?: number | string | [number, string]
  bytes?: Uint8Array
}
