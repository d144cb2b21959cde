/** What a board answered to a piece of code. */
export interface ExecResult {
  stdout: string
  /** The traceback, or empty. */
  stderr: string
}

export interface ExecOptions {
  /** A ceiling for a dead board; output that keeps coming keeps it alive. */
  timeoutMs?: number
  signal?: AbortSignal | undefined
  onOutput?: (text: string) => void
  /** Running the code twice does no harm: it is sent again when bytes were lost on the way. */
  repeatable?: boolean
}

/**
 * A way to run code on a board: raw REPL over a link, the same over WebREPL, Espruino's console.
 * Files, Wi-Fi and provisioning are written once, in terms of this.
 */
export interface Repl {
  readonly runtime: 'micropython' | 'espruino'
  /** Runs code and gives what it printed; throws BOARD_FAULT with the traceback when it raised. */
  exec(code: string, options?: ExecOptions): Promise<string>
  /** The same, but an exception on the board is a result. */
  tryExec(code: string, options?: ExecOptions): Promise<ExecResult>
  /**
   * Runs code that prints 05 when it is ready, reads exactly `data` from `sys.stdin.buffer`, and
   * prints 06 after every `portion` bytes and at the end. The data must not contain 03, which
   * interrupts. Repeatable code only: it is sent again when bytes were lost.
   */
  feed(code: (portion: number) => string, data: Uint8Array, options?: ExecOptions): Promise<string>
  /** Restarts the interpreter and leaves raw mode, so that the station's code runs. Idempotent. */
  leave(options?: { reset?: 'soft' | 'hard' | 'none' }): Promise<void>
}
