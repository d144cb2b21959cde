import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { Prompts } from './prompts.js'
import type { Paint } from './render/paint.js'
import type { Settings } from './settings.js'

/** Options every command takes. */
export interface GlobalOptions {
  json: boolean
  quiet: boolean
  verbose: boolean
  debug: boolean
  yes: boolean
  /** Ceiling for the whole command in milliseconds, where the user gave one. */
  timeoutMs: number | undefined
}

/** What a command ends with: data for --json, lines for people, and the exit code. */
export interface Result {
  data: Record<string, unknown>
  /** Lines for stdout; the renderer prints `data` instead with --json. */
  pretty?: (paint: Paint) => string[]
  /** What people do next; no data, so --quiet leaves it out. */
  next?: string | undefined
  /** 0 unless the command says otherwise (a table with one failed board, a difference found). */
  exitCode?: number
}

/** What a command's handler receives. */
export interface Context {
  system: System
  settings: Settings
  options: GlobalOptions
  /** Ends at SIGINT, SIGTERM and --timeout. */
  signal: AbortSignal
  /** Questions on a terminal; off it a usage error that names the flag. */
  prompts: Prompts
  report: Report
  /**
   * One line or NDJSON object of a stream of data to stdout; bytes are whole lines with their ends.
   * Resolves when it may send more.
   */
  emit(line: string | Uint8Array): Promise<void>
  paint: Paint
}

export type Handler<Args extends unknown[]> = (
  context: Context,
  ...args: Args
) => Promise<Result | undefined>
