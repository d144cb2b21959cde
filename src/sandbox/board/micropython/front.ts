import type { Bindings } from './bindings.js'
import type { Line } from './cells.js'
import type { MicroPython } from './interpreter.js'
import type { Output } from './output.js'

const ctrl = { a: 1, b: 2, c: 3, d: 4, e: 5, cr: 13 } as const

/** ESP32: half of the 256 bytes the input buffer was made for. */
const pasteWindow = 128

const space = 0x20

type Mode = 'friendly' | 'raw' | 'paste'

/**
 * Feeds the interpreter's own REPL from the wire. What this build lacks is done here: raw paste
 * (its handshake would wait for ever), the start of boot.py and main.py, and soft resets.
 */
export class Front {
  #mode: Mode = 'friendly'
  /** Whether the friendly line may hold text: Ctrl-D then runs nothing that could be interrupted. */
  #mayHoldText = false
  /** Bytes of the raw REPL's command so far. */
  #command: number[] = []

  constructor(
    private readonly python: MicroPython,
    private readonly line: Line,
    private readonly output: Output,
    private readonly bindings: Bindings,
  ) {}

  /** Boots and serves the REPL until a soft reset; answers the mode to go on in. */
  run(soft: 'friendly' | 'raw' | undefined): 'friendly' | 'raw' {
    const isRaw = soft === 'raw'
    this.#running(() => this.bindings.boot(isRaw))
    if (!this.bindings.wantsSoftReset) this.#serve(isRaw)
    const mode = this.#mode === 'raw' ? 'raw' : 'friendly'
    // The line editor has ended its line already.
    this.output.writeRaw(Buffer.from(`${mode === 'raw' ? '\r\n' : ''}MPY: soft reboot\r\n`))
    return mode
  }

  /** The prompt, until a soft reset. */
  #serve(isRaw: boolean): void {
    this.output.capture(() => this.python.replInit())
    if (isRaw) this.#enterRaw()
    else this.output.writeRaw(this.#banner(''))
    for (;;) {
      const byte = this.bindings.waitForByte()
      const isReset = this.#mode === 'raw' ? this.#raw(byte) : this.#cooked(byte)
      if (isReset || this.bindings.wantsSoftReset) return
    }
  }

  /** Friendly and paste mode: line editing, history and completion are the interpreter's. */
  #cooked(byte: number): boolean {
    const wasPaste = this.#mode === 'paste'
    if (wasPaste && (byte === ctrl.c || byte === ctrl.d)) this.#mode = 'friendly'
    // A Ctrl-C right behind it is for the line, and must not be taken for an interrupt.
    if (byte === ctrl.d && !wasPaste && this.#mayHoldText) return this.#feed(byte)
    if (byte === ctrl.cr || byte === ctrl.c) this.#mayHoldText = false
    else if (byte >= space) this.#mayHoldText = true
    // Only these can run code; while they do, Ctrl-C interrupts.
    if (byte === ctrl.cr || byte === ctrl.d) {
      const isEnd = this.#running(() => this.#feed(byte))
      // The end is a soft reset only from an empty line: elsewhere code has raised SystemExit.
      if (isEnd && byte === ctrl.d && !wasPaste) return true
      if (isEnd && !this.bindings.wantsSoftReset) this.#restart()
      return false
    }
    const text = this.output.capture(() => this.#feed(byte))
    if (byte === ctrl.a && text.includes('raw REPL;')) this.#mode = 'raw'
    if (byte === ctrl.e && text.includes('paste mode;')) this.#mode = 'paste'
    const isBanner = byte === ctrl.b && text.includes('MicroPython')
    this.output.writeRaw(isBanner ? this.#banner('\r\n') : Buffer.from(text, 'latin1'))
    return false
  }

  #raw(byte: number): boolean {
    if (byte === ctrl.a && this.#command.length === 2 && this.#command[0] === ctrl.e) {
      this.#rawPaste(this.#command[1]!)
      this.#command = []
    } else if (byte === ctrl.a) {
      this.#command = []
      this.output.writeRaw(Buffer.from('raw REPL; CTRL-B to exit\r\n>'))
    } else if (byte === ctrl.b) {
      this.#command = []
      this.#mode = 'friendly'
      this.output.capture(() => this.#feed(ctrl.b))
      this.output.writeRaw(this.#banner('\r\n'))
    } else if (byte === ctrl.c) {
      this.#command = []
    } else if (byte === ctrl.d) {
      const command = this.#command
      this.#command = []
      this.output.writeRaw(Buffer.from('OK'))
      if (command.length === 0) return true
      this.#execute(command)
    } else {
      this.#command.push(byte)
    }
    return false
  }

  #rawPaste(version: number): void {
    if (version !== 0x41) {
      this.output.writeRaw(Buffer.from('R\x00>'))
      return
    }
    this.output.writeRaw(Uint8Array.of(0x52, 1, pasteWindow, 0, 1))
    const code: number[] = []
    for (let left = pasteWindow; ; ) {
      const byte = this.bindings.waitForByte()
      if (byte === ctrl.d) break
      if (byte === ctrl.c) {
        this.output.writeRaw(Buffer.from('\x04\x04KeyboardInterrupt: \r\n\x04>'))
        return
      }
      code.push(byte)
      left--
      if (left > 0) continue
      this.output.writeRaw(Uint8Array.of(1))
      left = pasteWindow
    }
    this.output.writeRaw(Uint8Array.of(ctrl.d))
    this.#execute(code)
  }

  /** Runs code through the interpreter's raw REPL, whose `OK` was already said. */
  #execute(code: number[]): void {
    // Nothing would mean a soft reset to the interpreter.
    if (code.length === 0) {
      this.output.writeRaw(Buffer.from('\x04\x04>'))
      return
    }
    for (const byte of code) this.#feed(byte >= ctrl.a && byte <= ctrl.c ? space : byte)
    this.output.skip(2)
    if (!this.#running(() => this.#feed(ctrl.d))) return
    // SystemExit: the interpreter leaves its command buffer as it was.
    this.#feed(ctrl.c)
    this.output.writeRaw(Buffer.from('>'))
  }

  #enterRaw(): void {
    this.output.capture(() => this.#feed(ctrl.a))
    this.#mode = 'raw'
    this.output.writeRaw(Buffer.from('raw REPL; CTRL-B to exit\r\n>'))
  }

  /** After SystemExit the line editor has to begin anew. */
  #restart(): void {
    this.output.capture(() => this.python.replInit())
    this.output.writeRaw(Buffer.from('>>> '))
  }

  #banner(before: string): Uint8Array {
    return Buffer.from(`${before}${this.bindings.banner}>>> `)
  }

  /** True where the interpreter wants to end. */
  #feed(byte: number): boolean {
    return this.python.replProcessChar(byte) !== 0
  }

  #running<T>(fn: () => T): T {
    this.line.arm(ctrl.c)
    this.line.setRunning(true)
    // Whoever sees the answer may interrupt at once.
    this.output.flush()
    try {
      return fn()
    } finally {
      this.line.arm(-1)
      this.line.setRunning(false)
      this.line.takeInterrupt()
      this.bindings.settle()
    }
  }
}
