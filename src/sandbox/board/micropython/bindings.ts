import { createHash } from 'node:crypto'
import type { Flash } from '../flash.js'
import { Nvs, nvsErrors } from '../nvs/nvs.js'
import { itemTypes } from '../nvs/page.js'
import { absoluteMs, cells, clocks, type Line } from './cells.js'
import { useChipErrno } from './errno.js'
import { FileBindings } from './file-bindings.js'
import type { Interpreter } from './interpreter.js'
import type { Answer, Message, Start } from './messages.js'
import { builtinFolder, type Output } from './output.js'
import { PoweredFlash } from './powered-flash.js'
import { SocketWatch } from './socket-watch.js'
import { Terminal } from './terminal.js'
import { Timers } from './timers.js'

/** A cell nobody wakes. */
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Milliseconds after which printed text goes out although the code goes on. */
const flushEveryMs = 20

/** What the Python modules of the board can call; every function is synchronous. */
export class Bindings {
  readonly timers = new Timers()
  readonly #files: FileBindings
  readonly #flash: Flash
  readonly #terminal: Terminal
  readonly #watch: SocketWatch
  /** The code that runs, or has just ended, asks for a soft reset. */
  wantsSoftReset = false
  /** A function runs that was called for a socket. */
  #isCalled = false
  #lastFlush = 0
  #owedMs = 0
  #heapAtStart = 0
  #started: (isRaw: boolean) => void = () => {}
  /** Answer of the last call: text for Python, bytes to be copied out. */
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(
    private readonly start: Start,
    private readonly line: Line,
    private readonly output: Output,
    private readonly post: (message: Message) => void,
    private readonly interpreter: () => Interpreter,
  ) {
    this.#flash = new PoweredFlash(start.flash, { spend: (ms) => this.#spend(ms) })
    this.#files = new FileBindings(
      this.#flash,
      () => this.interpreter().memory(),
      () => this.#nowNs(),
    )
    this.#terminal = new Terminal(
      (address, size) => this.#memory(address, size),
      (bytes) => this.post({ kind: 'typed', bytes }),
    )
    this.#watch = new SocketWatch({
      events: () => Atomics.load(this.line.cells, cells.network),
      isReadable: (id) => {
        const { value } = this.call('socket_state', [id])
        return (value as { readable: boolean }).readable
      },
      soon: (fn) => this.timers.soon(() => this.#calling(fn)),
    })
    this.output.copyTo((bytes) => this.#aside(() => this.#terminal.copy(bytes)))
  }

  /** The banner with the version of the flashed image. */
  get banner(): string {
    const { version, date } = this.start.app
    return `MicroPython ${version} on ${date}; ${machineName}\r\nType "help()" for more information.\r\n`
  }

  /** Gives Python its side of this and puts the chip's modules in place. */
  prepare(): void {
    const { python } = this.interpreter()
    useChipErrno(this.interpreter().memory())
    python.registerJsModule('_wx', { ...this.#files.functions, ...this.#functions() })
    const file = `${builtinFolder}boot.py`
    python.runPython(
      `import _wx\nexec(compile(_wx.module('boot'),${JSON.stringify(file)},'exec'),{'wx':_wx,'main':globals()})\ndel _wx\n`,
    )
  }

  /** _boot.py, boot.py, and main.py where the mode lets it. */
  boot(isRaw: boolean): void {
    this.#started(isRaw)
  }

  closeFiles(): void {
    this.#files.closeAll()
  }

  /** From the interpreter's loop: Ctrl-C, timers, and text that has waited long enough. */
  hook(): void {
    // What was typed on the second terminal interrupts the program, not the call that took it.
    const isAside = this.#terminal.isCopying || this.#isCalled
    if (!isAside && this.line.isInterrupted && this.line.takeInterrupt()) {
      this.interpreter().exports.mp_sched_keyboard_interrupt()
    }
    const now = absoluteMs()
    if (now - this.#lastFlush > flushEveryMs) {
      this.#lastFlush = now
      this.output.flush()
    }
    this.#runCallbacks(now)
  }

  settle(): void {
    this.output.flush()
  }

  /** The REPL's next byte. */
  waitForByte(): number {
    for (;;) {
      const seen = this.line.events
      const byte = this.line.take()
      if (byte !== undefined) return byte
      this.output.flush()
      this.#runCallbacks(absoluteMs())
      this.line.wait(seen, this.#untilNext(absoluteMs()))
    }
  }

  /** Sleeps; true where Ctrl-C ended it early. */
  sleep(ms: number): boolean {
    this.output.flush()
    const end = absoluteMs() + ms
    for (;;) {
      const seen = this.line.events
      if (this.line.takeInterrupt()) return true
      const now = absoluteMs()
      this.#runCallbacks(now)
      const left = end - absoluteMs()
      if (left <= 0) return false
      this.line.wait(seen, Math.min(left, this.#untilNext(now)))
    }
  }

  #untilNext(now: number): number {
    return Math.min(this.timers.untilNext(now), this.#watch.untilNext(now))
  }

  /** Timers, and functions that wait for sockets; none while another one runs. */
  #runCallbacks(now: number): void {
    if (this.timers.isBusy || this.#terminal.isCopying) return
    this.#aside(() => {
      this.#watch.look(now)
      this.timers.run(now)
    })
  }

  #calling(fn: () => void): void {
    this.#isCalled = true
    try {
      fn()
    } finally {
      this.#isCalled = false
    }
  }

  /** Runs Python between two steps of other Python, whose last answer must stay its own. */
  #aside(work: () => void): void {
    const answer = this.#bytes
    try {
      work()
    } finally {
      this.#bytes = answer
    }
  }

  /** Asks the board; it answers at once. */
  call(op: string, args: unknown[], bytes?: Uint8Array): Answer {
    this.output.flush()
    const { cells: int32, shared } = this.line
    Atomics.store(int32, cells.isAnswered, 0)
    this.post({ kind: 'call', op, args, ...(bytes && { bytes }) })
    for (;;) {
      const seen = this.line.events
      if (Atomics.load(int32, cells.isAnswered) === 1) break
      this.line.wait(seen)
    }
    const size = Atomics.load(int32, cells.answerSize)
    const extra = Atomics.load(int32, cells.answerBytes)
    const answer = Buffer.from(new Uint8Array(shared.answer).slice(0, size + extra))
    const parsed = JSON.parse(answer.subarray(0, size).toString()) as Answer
    return { ...parsed, bytes: new Uint8Array(answer.subarray(size)) }
  }

  /** The time of a flash operation: short ones add up until a sleep can be that short. */
  #spend(ms: number): void {
    if (!this.start.isPaced) return
    this.#owedMs += ms
    if (this.#owedMs < 2) return
    Atomics.wait(sleeper, 0, 0, this.#owedMs)
    this.#owedMs = 0
  }

  #functions(): Record<string, unknown> {
    const { start } = this
    return {
      ...this.#timeFunctions(),
      ...this.#terminal.functions,
      ...this.#watch.functions,
      module: (name: string) => start.modules[name] ?? '',
      is_busy: () => start.isBusy,
      soft_reset: () => {
        this.wantsSoftReset = true
      },
      module_names: () => Object.keys(start.modules).join(' '),
      about: () =>
        JSON.stringify({
          ...start.app,
          mac: Buffer.from(start.mac).toString('hex'),
          cause: start.resetCause,
          soft: start.soft !== undefined,
          machine: machineName,
        }),
      call: (op: string, args: string, address: number, size: number) => {
        const bytes = size > 0 ? this.#memory(address, size).slice() : undefined
        const { bytes: given, ...answer } = this.call(op, JSON.parse(args), bytes)
        this.#bytes = given ?? new Uint8Array(0)
        return JSON.stringify({ ...answer, size: this.#bytes.length })
      },
      take: (address: number, size: number) => {
        this.#memory(address, size).set(this.#bytes.subarray(0, size))
      },
      reset: (cause: Message & { kind: 'reset' } extends { cause: infer C } ? C : never) => {
        this.output.flush()
        this.post({ kind: 'reset', cause })
        // The board ends this worker; nothing of the program may run on.
        for (;;) this.line.wait(this.line.events)
      },
      out: (address: number, size: number) => this.output.writeText(this.#memory(address, size)),
      out_raw: (address: number, size: number) => this.output.writeRaw(this.#memory(address, size)),
      set_started: (fn: (isRaw: boolean) => void) => {
        this.#started = fn
      },
      ...this.#nvsFunctions(),
      deepsleep: (ms: number) => {
        this.output.flush()
        this.post({ kind: 'call', op: 'deep_sleep', args: [ms] })
        for (;;) this.line.wait(this.line.events)
      },
      disable_timers: (state: number) => this.timers.hold(state === 1),
      schedule: (fn: () => void) => this.timers.soon(fn),
      heap_start: (used: number) => {
        this.#heapAtStart = used
      },
      heap_used: (used: number) => Math.max(used - this.#heapAtStart, 0) + heapOfFreshBoard,
      idf_heap: (capabilities: number) => JSON.stringify(capabilities === 4 ? idfData : idfExec),
      digest: (name: string, address: number, size: number) => {
        const hash = createHash(name).update(this.#memory(address, size))
        this.#bytes = new Uint8Array(hash.digest())
        return this.#bytes.length
      },
      available: () => this.line.available,
      take_byte: () => this.line.take() ?? -1,
      arm: (char: number) => this.line.arm(char),
      timer: (id: number, ms: number, repeats: boolean, fn: () => void) =>
        this.timers.set(id, absoluteMs(), ms, repeats, fn),
      timer_off: (id: number) => this.timers.clear(id),
      random: (address: number, size: number) => {
        crypto.getRandomValues(this.#memory(address, size))
      },
    }
  }

  #nvsFunctions(): Record<string, unknown> {
    let nvs: Nvs | undefined
    return {
      nvs_open: (offset: number, size: number, name: string) => {
        nvs ??= new Nvs(this.#flash, offset, size)
        return nvs.namespace(name)
      },
      nvs_get: (id: number, key: string) => nvs!.getNumber(id, key) ?? null,
      nvs_set: (id: number, key: string, value: number) => {
        // A key that is too long, or holds a blob, is left alone without a word (recorded).
        const isOther = (nvs!.typeOf(id, key) ?? itemTypes.i32) !== itemTypes.i32
        return isOther || key.length > 15 ? 0 : nvs!.setNumber(id, key, value)
      },
      nvs_get_blob: (id: number, key: string) => {
        const found = nvs!.getBlob(id, key)
        this.#bytes = found ?? new Uint8Array(0)
        return found ? found.length : nvsErrors.notFound
      },
      nvs_set_blob: (id: number, key: string, address: number, size: number) =>
        nvs!.setBlob(id, key, this.#memory(address, size).slice()),
      nvs_erase: (id: number, key: string) => nvs!.erase(id, key),
    }
  }

  #timeFunctions(): Record<string, unknown> {
    const up = (): number => absoluteMs() - this.line.clocks[clocks.startedAt]!
    return {
      ticks_ms: () => Math.floor(up()) & 0x3fff_ffff,
      ticks_us: () => Math.floor(up() * 1000) % 2 ** 30,
      sleep: (ms: number) => (this.sleep(ms) ? 1 : 0),
      wait: (ms: number) => {
        // Ends at any event: the caller looks again whether it was its own.
        this.output.flush()
        const seen = this.line.events
        if (this.line.takeInterrupt()) return 1
        this.#runCallbacks(absoluteMs())
        this.line.wait(seen, Math.min(ms, this.#untilNext(absoluteMs()), 50))
        return this.line.takeInterrupt() ? 1 : 0
      },
      interrupted: () => (this.line.takeInterrupt() ? 1 : 0),
      rtc_seconds: () => Math.floor(this.#rtcUs() / 1e6),
      rtc_micros: () => Math.floor(this.#rtcUs() % 1e6),
      set_rtc: (seconds: number, micros: number) => {
        this.line.clocks[clocks.rtcOffset] = seconds * 1e6 + micros - absoluteMs() * 1000
      },
    }
  }

  #rtcUs(): number {
    return absoluteMs() * 1000 + this.line.clocks[clocks.rtcOffset]!
  }

  /** Nanoseconds since 1970, as the file system stamps files. */
  #nowNs(): bigint {
    return (BigInt(Math.floor(this.#rtcUs())) + 946_684_800_000_000n) * 1000n
  }

  #memory(address: number, size: number): Uint8Array {
    return this.interpreter()
      .memory()
      .subarray(address, address + size)
  }
}

/** gc.mem_alloc() of a board that has just started (recorded). */
const heapOfFreshBoard = 1728

/** esp32.idf_heap_info: (size, free, largest free block, least ever free), recorded. */
const idfData = [
  [240, 4, 0, 4],
  [7288, 76, 64, 4],
  [16_648, 4, 0, 4],
  [87_552, 8628, 8192, 8628],
  [15_072, 14_656, 14_336, 14_656],
  [113_840, 112_968, 110_592, 112_968],
]
const idfExec = idfData.slice(3)

export const machineName = 'Generic ESP32 module with ESP32'
