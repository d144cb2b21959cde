import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { Dialog, silent } from './dialog.js'
import { type Link, patient } from './link.js'
import { pasteCode } from './raw-paste.js'
import type { ExecOptions, ExecResult, Repl } from './repl.js'
import { chipReset, type EnterOptions, pulseReset, rawBanner, resync, wake } from './wake.js'

// Silence of a living board is a slow flash (30 s seen) or a TLS handshake; a dead one is given up.
const silenceMs = 60_000
// Taking bytes needs no flash: a board that says nothing for so long has lost some of them.
const transferMs = 5000
// The same behind a UART, which carries them at a known pace: what takes longer than this is lost.
const readMs = 1500
// The station's own watchdog is shorter than our work; re-made with this ceiling it becomes the
// way back for a board whose cable was pulled: it restarts into its station.
const watchdogMs = 300_000
const keepAliveMs = 60_000
// Our own boot.py may have an install to finish, on flash that takes 30 s for an operation.
const bootFileMs = 35_000
// One that prints meanwhile may be at several of them; one that prints for ever is interrupted.
const talkingBootFileMs = 180_000
// Raw mode without flow control: what fits into the 259 free bytes of the chip's input buffer.
const shortCode = 250
// Of data, half of that buffer a time and two halves on the way, as raw paste does it.
const portionBytes = 128

// Bit 4 of GPIO_STRAP (ESP32 Technical Reference Manual 5.2): how GPIO0 stood at the reset.
const selfRestart = `import machine,sys
try:h=sys.implementation._machine.endswith(' ESP32')and not machine.mem32[0x3ff44038]&16
except Exception:h=0
if not h:machine.reset()`
// A Ctrl-C that comes early in a start leaves the board without its files.
const mounted = `import os
try:os.statvfs('/')
except OSError:
 from flashbdev import bdev
 os.mount(bdev,'/')`
const knock = '\x01'
const end = '\x04'
const ready05 = '\x05'
const taken06 = '\x06'
const utf8 = new TextEncoder()

/** Gets into the raw REPL whatever the board is doing; throws BOARD_SILENT when it cannot. */
export async function enterRawRepl(
  link: Link,
  options: EnterOptions,
  system: System,
): Promise<RawRepl> {
  const repl = new RawRepl(new Dialog(link, system), system, options)
  try {
    await repl.enter()
  } catch (error) {
    await repl.leave()
    throw error
  }
  return repl
}

/** MicroPython's raw mode and raw paste (shared/runtime/pyexec.c) over a link. */
export class RawRepl implements Repl {
  readonly runtime = 'micropython'
  readonly #dialog: Dialog
  readonly #system: System
  readonly #options: EnterOptions
  #left = false
  // What is known of a board that never answered: our bytes may still be waiting in its buffer.
  #unsure = false
  #guarded = false
  #canPaste = true
  // At a baud the board reads as fast as bytes can come. Without one (sockets, WebREPL, emulators)
  // and where bytes were lost, it gets no more than its input buffer holds.
  #needsCredit: boolean
  #losses = 0
  #busy: Promise<unknown> = Promise.resolve()
  #stopKeepAlive = (): void => {}

  constructor(dialog: Dialog, system: System, options: EnterOptions) {
    this.#dialog = dialog
    this.#system = system
    this.#options = options
    this.#needsCredit = !dialog.link.hasControlLines
  }

  get link(): Link {
    return this.#dialog.link
  }

  async enter(): Promise<void> {
    await this.#wake()
    // A boot.py that resets the chip is in its loop again: the next prompt is fresh enough.
    if ((this.#options.fresh ?? true) && !(await this.restart())) {
      await this.#wake(true)
      await this.exec(mounted, { repeatable: true, signal: this.#options.signal })
    }
    await this.guard()
  }

  async #wake(isStarting = false): Promise<void> {
    this.#unsure = true
    await wake(this.#dialog, { ...this.#options, isStarting }, this.#system)
    this.#unsure = false
  }

  async exec(code: string, options: ExecOptions = {}): Promise<string> {
    const { stdout, stderr } = await this.tryExec(code, options)
    if (stderr !== '') throw boardFault(stderr)
    return stdout
  }

  tryExec(code: string, options: ExecOptions = {}): Promise<ExecResult> {
    return this.#alone(() => this.#repeating(options, () => this.#run(code, undefined, options)))
  }

  feed(
    code: (portion: number) => string,
    data: Uint8Array,
    options: ExecOptions = {},
  ): Promise<string> {
    return this.#alone(async () => {
      const { stdout, stderr } = await this.#repeating({ ...options, repeatable: true }, () => {
        const portion = this.#needsCredit ? portionBytes : data.length
        return this.#run(code(portion), { bytes: data, portion }, options)
      })
      // Once was the wire; a board that loses bytes of the next data too reads too slowly for more.
      if (!this.#needsCredit) this.#losses = 0
      else if (this.#losses < 2 && this.link.hasControlLines) this.#needsCredit = false
      if (stderr !== '') throw boardFault(stderr)
      return stdout
    })
  }

  /**
   * A soft reset that stays in raw mode: boot.py runs, main.py does not. False where boot.py has
   * reset the chip instead of ending.
   */
  async restart(): Promise<boolean> {
    const { signal } = this.#options
    const dialog = this.#dialog
    await dialog.send(end, signal)
    // A banner that an earlier knock made may still be on its way: ours follows these words.
    await dialog.until('soft reboot', { silenceMs: 5000, ceilingMs: 10_000, signal })
    const ends = [rawBanner, chipReset]
    const wait = { silenceMs: bootFileMs, ceilingMs: talkingBootFileMs, signal }
    let heard = await dialog.until(ends, wait)
    // A boot.py of somebody else may never end: Ctrl-C ends it, raw mode comes all the same.
    for (let i = 0; i < 20 && !heard; i++) {
      await dialog.send('\x03', signal)
      heard = await dialog.until(ends, { silenceMs: 1500, ceilingMs: 3000, signal })
    }
    if (heard) return heard.endsWith(rawBanner)
    throw silent(this.#dialog, 'The board did not come back from its soft reset.')
  }

  /** Makes the watchdog ours, and keeps it fed while a person thinks about a question. */
  async guard(): Promise<void> {
    const code = `try:\n import machine;machine.WDT(timeout=${Math.round(patient(this.link, watchdogMs))})\nexcept Exception:pass`
    await this.tryExec(code, { repeatable: true, signal: this.#options.signal })
    this.#guarded = true
    this.#stopKeepAlive = this.#system.clock.timer(keepAliveMs, () => {
      // A board that is gone says so to whoever uses it next.
      if (!this.#left) void this.guard().catch(() => {})
    })
  }

  async leave({ reset = 'hard' }: { reset?: 'soft' | 'hard' | 'none' } = {}): Promise<void> {
    if (this.#left) return
    this.#left = true
    this.#stopKeepAlive()
    const dialog = this.#dialog
    // The watchdog cannot be disarmed: only a real reset gives the station a clean start.
    const how = reset === 'soft' && this.#guarded ? 'hard' : reset
    try {
      if (how === 'hard' && dialog.link.hasControlLines) {
        dialog.giveBack()
        await pulseReset(dialog.link, this.#system)
        return
      }
      // Out of raw mode and into its code, as soon as the program that keeps it busy has ended.
      if (this.#unsure) await dialog.send('\x03\x02\x04')
      if (this.#unsure) return await dialog.link.drain()
      await resync(dialog, this.#system)
      if (how === 'none') await dialog.send('\x02')
      else if (how === 'soft' || !(await this.#restartItself())) await dialog.send('\x02\x04')
      await dialog.link.drain()
    } catch {
      // The port is gone: the board's watchdog starts the station.
    }
  }

  /**
   * A reset of the chip's own, without a line to EN. False where the first ESP32 would come back
   * in its ROM, because its GPIO0 was low when it started (an emulator's strap, a jumper).
   */
  async #restartItself(): Promise<boolean> {
    const atPrompt = `OK${end}${end}>`
    await this.#dialog.send(`${selfRestart}${end}`)
    // A board in a crash loop is never silent: the ROM's word is as good.
    const wait = { silenceMs: transferMs / 5, ceilingMs: transferMs }
    return (await this.#dialog.until([atPrompt, chipReset], wait))?.endsWith(atPrompt) !== true
  }

  /** One exchange at a time, also against the keep-alive. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#busy
    let done = (): void => {}
    this.#busy = new Promise<void>((resolve) => {
      done = resolve
    })
    await before.catch(() => {})
    try {
      return await work()
    } finally {
      done()
    }
  }

  /** Sends again what the wire spoiled; a third spoiled try is the board's word. */
  async #repeating(
    { repeatable, signal }: ExecOptions,
    run: () => Promise<ExecResult | undefined>,
  ): Promise<ExecResult> {
    for (let attempt = 1; ; attempt++) {
      const result = await run()
      const spoiled =
        result === undefined || /SyntaxError|NameError|KeyboardInterrupt/.test(result.stderr)
      if (result && !(spoiled && repeatable && attempt < 4)) return result
      if (!repeatable || attempt >= 4) {
        throw silent(this.#dialog, 'The board stopped answering in the middle of an exchange.')
      }
      this.#options.report?.({ type: 'debug', area: 'repl', text: `sent again (${attempt})` })
      this.#needsCredit = true
      this.#losses++
      await resync(this.#dialog, this.#system, signal ?? this.#options.signal, silenceMs)
    }
  }

  /** The result, or undefined when the exchange broke off. */
  async #run(
    code: string,
    data: { bytes: Uint8Array; portion: number } | undefined,
    options: ExecOptions,
  ): Promise<ExecResult | undefined> {
    const signal = options.signal ?? this.#options.signal
    const dialog = this.#dialog
    const { clock } = this.#system
    const source = utf8.encode(code)
    if (source.length > shortCode) {
      const wait = { silenceMs: transferMs, signal }
      const paste = await pasteCode(dialog, source, { ...wait, canPaste: this.#canPaste }, clock)
      this.#canPaste = paste.canPaste
      if (!paste.isTaken) return undefined
    } else {
      await dialog.send(code + end, signal)
      if (!(await dialog.until('OK', { silenceMs: transferMs, signal }))) return undefined
    }
    if (data && !(await this.#portions(data.bytes, data.portion, signal))) return undefined
    return this.#answer(options.timeoutMs ?? silenceMs, options, signal)
  }

  /** Data for code that is reading: what it has not acknowledged fits into the input buffer. */
  async #portions(
    bytes: Uint8Array,
    portion: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const dialog = this.#dialog
    const ready = await dialog.until([ready05, end], { silenceMs: transferMs, signal })
    if (!ready?.endsWith(ready05)) return false
    let sent = 0
    for (let taken = 0; taken < bytes.length; taken += portion) {
      const credit = Math.min(bytes.length, taken + 2 * portion)
      if (sent < credit) await dialog.send(bytes.subarray(sent, credit), signal)
      const wireMs = ((credit - taken) * 10_000) / dialog.link.baud
      const silenceMs = dialog.link.hasControlLines ? wireMs + readMs : transferMs
      sent = credit
      if (!(await dialog.until(taken06, { silenceMs, signal }))) return false
    }
    return true
  }

  /**
   * What running code prints. A board that is silent for long is asked: one at its prompt says so
   * (the answer was lost), one at work hears the question when it is done.
   */
  async #answer(
    patience: number,
    { onOutput }: ExecOptions,
    signal: AbortSignal | undefined,
  ): Promise<ExecResult | undefined> {
    const dialog = this.#dialog
    const onText = onOutput && ((text: string) => onOutput(fromWire(text)))
    let wasAsked = false
    const until = async (marker: string, isOutput: boolean): Promise<string | undefined> => {
      const wait = { silenceMs: patience, signal, ...(isOutput && onText && { onText }) }
      if (!wasAsked && !onText) {
        const early = await dialog.until(marker, {
          silenceMs: Math.min(transferMs, patience),
          signal,
        })
        if (early !== undefined || patience <= transferMs) return early
        wasAsked = true
        await dialog.send(knock, signal)
      }
      const found = await dialog.until([marker, rawBanner], wait)
      return found?.endsWith(rawBanner) ? undefined : found
    }
    const stdout = await until(end, true)
    if (stdout === undefined) return undefined
    const stderr = await until(`${end}>`, false)
    if (stderr === undefined) return undefined
    // The banner that answers the question: the next exchange must not take it for its own.
    if (wasAsked) await dialog.until(rawBanner, { silenceMs: transferMs, signal })
    return { stdout: fromWire(stdout.slice(0, -1)), stderr: fromWire(stderr.slice(0, -2)).trim() }
  }
}

function fromWire(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8').replaceAll('\r\n', '\n')
}

function boardFault(traceback: string): WxError {
  const last = traceback.split('\n').at(-1) ?? traceback
  return new WxError('BOARD_FAULT', `The board answered with an error: ${last}`, {
    details: { traceback },
  })
}
