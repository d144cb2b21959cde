import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { BoardFaults } from '../../faults.js'
import type { Weather } from '../../weather.js'
import type { Air } from '../air.js'
import type { Machine, Runtime } from '../runtime.js'
import { Calls } from './calls.js'
import { absoluteMs, cells, clocks, Input, makeShared, type Shared } from './cells.js'
import { interpreterModule } from './interpreter.js'
import type { Answer, Message, Start } from './messages.js'
import { Peripherals } from './peripherals.js'

export interface MicroPythonOptions {
  faults: BoardFaults
  air: Air
  weather: Weather
  /** Port of this computer at which the board's WebREPL is, while it has one. */
  webReplPort?: number
  /** Where worker.js lies; the built one unless told. */
  workerUrl?: URL | undefined
  /** Flash operations take the time they take on silicon; true unless told. */
  isPaced?: boolean
}

/** Where webrepl.start() listens unless told. */
const webReplPort = 8266

/** Worker threads run built code, also where the rest runs from TypeScript (the tests). */
const builtWorker = import.meta.url.endsWith('.ts')
  ? new URL('../../../../dist/sandbox/board/micropython/worker.js', import.meta.url)
  : new URL('./worker.js', import.meta.url)

const pythonFolder = new URL('../python/', import.meta.url)

/** Starts MicroPython: a worker of its own, a new one at each soft reset. */
export function startMicroPython(machine: Machine, options: MicroPythonOptions): Runtime {
  return new MicroPythonRuntime(machine, options)
}

class MicroPythonRuntime implements Runtime {
  readonly #shared: Shared = makeShared()
  readonly #cells = new Int32Array(this.#shared.cells)
  readonly #input = new Input(this.#shared)
  readonly #peripherals: Peripherals
  readonly #calls: Calls
  #worker: Worker | undefined
  #isHalted = false

  constructor(
    private readonly machine: Machine,
    private readonly options: MicroPythonOptions,
  ) {
    const { faults, air, weather } = options
    const times = new Float64Array(this.#shared.clocks)
    times[clocks.startedAt] = absoluteMs()
    // The RTC starts with the chip, at 2000-01-01.
    times[clocks.rtcOffset] = -absoluteMs() * 1000
    this.#peripherals = new Peripherals({ faults, weather, clock: machine.system.clock })
    this.#calls = this.#makeCalls(air, faults)
    void this.#startWorker(undefined)
  }

  receive(bytes: Uint8Array): void {
    // Bytes sent before the interpreter runs are lost, as on the chip.
    if (this.#isListening) this.#input.receive(bytes)
  }

  async halt(): Promise<void> {
    this.#isHalted = true
    this.#calls.close()
    this.#calls.leave()
    await this.#worker?.terminate()
  }

  get #isListening(): boolean {
    return Atomics.load(this.#cells, cells.isListening) === 1
  }

  #makeCalls(air: Air, faults: BoardFaults): Calls {
    return new Calls({
      air,
      faults,
      peripherals: this.#peripherals,
      machine: this.machine,
      hostPort: (port) => (port === webReplPort ? (this.options.webReplPort ?? 0) : 0),
      wake: () => {
        Atomics.add(this.#cells, cells.network, 1)
        this.#input.wake()
      },
      clock: this.machine.system.clock,
    })
  }

  async #startWorker(soft: Start['soft']): Promise<void> {
    const { system, flash, app, mac, resetCause } = this.machine
    const [module, modules] = await Promise.all([interpreterModule(system), readModules(system)])
    if (this.#isHalted) return
    const workerData: Start = {
      shared: this.#shared,
      flash,
      module,
      app,
      mac,
      resetCause,
      soft,
      modules,
      isPaced: this.options.isPaced ?? true,
      isBusy: this.options.faults.busyMain,
    }
    const worker = new Worker(this.options.workerUrl ?? builtWorker, {
      workerData,
      // Nothing of the board's prints may reach the sandbox's own output.
      stdout: true,
      stderr: true,
    })
    this.#worker = worker
    worker.on('message', (message: Message) => {
      if (worker === this.#worker && !this.#isHalted) this.#take(message)
    })
    worker.on('error', (error) => {
      this.machine.log(`interpreter: ${error.stack ?? error}`)
      // Code has ended the interpreter, as a full stack ends the chip's firmware: both start anew.
      if (worker === this.#worker && this.#isListening) this.machine.reset('software')
    })
  }

  #take(message: Message): void {
    if (message.kind === 'output') {
      this.machine.transmit(message.bytes)
      Atomics.add(this.#cells, cells.sent, message.bytes.length)
      this.#input.wake()
    } else if (message.kind === 'call') {
      void this.#call(message)
    } else if (message.kind === 'typed') {
      this.#input.receive(message.bytes)
    } else if (message.kind === 'ready') {
      Atomics.store(this.#cells, cells.isListening, 1)
      this.#input.wake()
    } else if (message.kind === 'soft-reset') {
      void this.#softReset(message.mode)
    } else if (message.kind === 'reset') {
      this.machine.reset(message.cause)
    } else {
      this.machine.log(message.text)
    }
  }

  async #softReset(mode: 'friendly' | 'raw'): Promise<void> {
    const old = this.#worker
    this.#worker = undefined
    this.#calls.close()
    await old?.terminate()
    Atomics.store(this.#cells, cells.isRunning, 0)
    if (!this.#isHalted) await this.#startWorker(mode)
  }

  async #call({ op, args, bytes }: Message & { kind: 'call' }): Promise<void> {
    const worker = this.#worker
    const answer = await this.#calls.run(op, args, bytes)
    if (worker === this.#worker && !this.#isHalted) this.#answer(answer)
  }

  #answer({ bytes = new Uint8Array(0), ...answer }: Answer): void {
    const text = Buffer.from(JSON.stringify(answer))
    const space = new Uint8Array(this.#shared.answer)
    space.set(text)
    space.set(bytes, text.length)
    Atomics.store(this.#cells, cells.answerSize, text.length)
    Atomics.store(this.#cells, cells.answerBytes, bytes.length)
    Atomics.store(this.#cells, cells.isAnswered, 1)
    this.#input.wake()
  }
}

let modules: Promise<Record<string, string>> | undefined

function readModules(system: Machine['system']): Promise<Record<string, string>> {
  modules ??= load(system)
  return modules
}

async function load({ files }: Machine['system']): Promise<Record<string, string>> {
  const folder = fileURLToPath(pythonFolder)
  const found: Record<string, string> = {}
  for (const name of await files.list(folder)) {
    if (name.endsWith('.py')) {
      found[name.slice(0, -3)] = (await files.readText(`${folder}${name}`)) ?? ''
    }
  }
  return found
}
