import type { System } from '../../system.js'
import { Basic, basicPrompt } from './basic.js'
import { type Boot, bootFromFlash, greeting, nothingToBoot } from './boot.js'
import type { Silicon } from './chips.js'
import { Flash } from './flash.js'
import type { Leaving, LoaderPins, Receiver } from './loader.js'
import { type RegisterReset, Registers } from './registers.js'
import { RomLoader } from './rom.js'
import type { AppImage, ResetCause, Runtime, SharedFlash, StartRuntime } from './runtime.js'
import { Stub } from './stub.js'
import type { StubVersion } from './stub-commands.js'
import type { Uart } from './uart.js'

/** Reset reason codes of the ROM's `rst:`; a task watchdog ends in a panic, which resets the CPU. */
const resetCodes: Record<ResetCause, number> = {
  'power-on': 1,
  'enable-pin': 1,
  'deep-sleep': 5,
  software: 12,
  watchdog: 12,
  'brown-out': 15,
}
const systemReset = 3
const romWatchdog = 16
/** 2000 cycles of the slow clock, which is what loaders set. */
const watchdogMs = 13
/** From the answer to CHANGE_BAUDRATE to the new rate (stub_io.c of Espressif's stub). */
const rateSwitchMs = 10

/** A chip without an image complains about eight times a second until its watchdog resets it. */
const complaintEveryMs = 120
const complaintsARound = 8
/** How long the bootloader lets its messages stand before it resets (boot.jsonl: some 1.5 s a round). */
const restartAfterMs = 1200
/** Checking an image of 1.7 MB and bringing up the system, until firmware listens to its UART. */
const appStartMs = 250

/** Newer stubs are larger than this, older ones smaller; both load at the same place on most chips. */
const largestOldStub = 5700

export interface ChipParts {
  system: System
  silicon: Silicon
  flash: SharedFlash
  mac: Uint8Array
  uart: Uart
  /** The start of an app takes the time it takes on silicon. */
  isPaced: boolean
  /** Flash operations take theirs. */
  hasFlashTimes: boolean
  straps: Silicon['straps']
  /** Whether IO0 is low right now. */
  io0IsLow(): boolean
  startRuntime: (app: AppImage) => Promise<StartRuntime | undefined>
  log(text: string): void
}

/** The ESP32 from the rise of EN on: ROM, loaders, boot from flash, and whatever firmware runs then. */
export class Chip {
  readonly #registers: Registers
  readonly #flash: Flash
  #generation = 0
  #receiver: Receiver | undefined
  #runtime: Runtime | undefined
  #halting: Promise<void> = Promise.resolve()
  #strap: number

  constructor(private readonly parts: ChipParts) {
    this.#flash = new Flash(parts.flash)
    this.#registers = new Registers(parts.silicon, this.#flash, parts.mac, (how) =>
      this.#resetByRegister(how),
    )
    this.#strap = parts.straps.flash
    parts.uart.onChipReceive = (bytes, atOnce) => this.#receiver?.receive(bytes, atOnce)
  }

  /** EN low, or no power: everything stops where it is. Resolves when firmware is gone. */
  hold(): Promise<void> {
    this.#generation++
    this.#receiver = undefined
    this.parts.uart.resetChip()
    this.#stopRuntime()
    return this.#halting
  }

  /** EN rises, or power comes with EN high: the straps are latched. */
  release(cause: 'power-on' | 'enable-pin'): void {
    this.#latchStraps()
    void this.#start(resetCodes[cause], cause)
  }

  #latchStraps(): void {
    const { straps, io0IsLow } = this.parts
    this.#strap = io0IsLow() ? straps.download : straps.flash
  }

  async #start(resetCode: number, cause: ResetCause): Promise<void> {
    const { silicon, uart, straps } = this.parts
    // A reset from inside has printed its last words already: they still leave at the old rate.
    const stopped = this.#takeOver()
    await this.#halting
    if (stopped()) return
    uart.chipBaud = 115_200
    this.#registers.reset(this.#strap)
    this.#print(greeting(silicon, resetCode, this.#strap))
    if (this.#strap === straps.download) this.#receiver = new RomLoader(this.#pins(stopped))
    else await this.#bootFlash(cause, stopped)
  }

  /** Ends what runs now; the answer tells whether what begins here has ended in turn. */
  #takeOver(): () => boolean {
    const generation = ++this.#generation
    this.#receiver = undefined
    this.#stopRuntime()
    return () => generation !== this.#generation
  }

  #stopRuntime(): void {
    const runtime = this.#runtime
    this.#runtime = undefined
    if (runtime) this.#halting = Promise.all([this.#halting, runtime.halt()]).then(() => {})
  }

  async #bootFlash(cause: ResetCause, stopped: () => boolean): Promise<void> {
    const { clock } = this.parts.system
    if (this.#flash.powerIsGone) return
    const boot = bootFromFlash(this.#flash, this.parts.silicon, 48)
    this.#print(boot.lines)
    if (boot.end.to === 'complaint') {
      for (let i = 0; i < complaintsARound; i++) {
        this.#print([boot.end.line])
        await clock.sleep(complaintEveryMs)
        if (stopped()) return
      }
      this.#latchStraps()
      await this.#start(romWatchdog, cause)
    } else if (boot.end.to === 'restart') {
      await clock.sleep(restartAfterMs)
      if (!stopped()) await this.#start(systemReset, cause)
    } else if (boot.end.to === 'basic') this.#startBasic(stopped)
    else await this.#startApp(boot.end.app, cause, stopped)
  }

  #startBasic(stopped: () => boolean): void {
    const pins = this.#pins(stopped)
    pins.transmit(basicPrompt)
    this.#receiver = new Basic(pins.transmit)
  }

  async #startApp(app: AppImage, cause: ResetCause, stopped: () => boolean): Promise<void> {
    const { system, mac, flash, isPaced, log } = this.parts
    const startRuntime = await this.parts.startRuntime(app)
    if (isPaced) await system.clock.sleep(appStartMs)
    if (stopped()) return
    if (!startRuntime) {
      log(
        `runs ${app.project || 'an app without a name'}, which it cannot imitate: it stays silent`,
      )
      return
    }
    const pins = this.#pins(stopped)
    const runtime = startRuntime({
      system,
      mac,
      app,
      flash,
      resetCause: cause,
      read: (address) => this.#registers.load(address),
      write: (address, value, mask) => this.#registers.store(address, value, mask),
      transmit: pins.transmit,
      reset: (next) => {
        if (!stopped()) void this.#start(resetCodes[next], next)
      },
      log,
    })
    this.#runtime = runtime
    this.#receiver = { receive: (bytes) => runtime.receive(bytes) }
  }

  #pins(stopped: () => boolean): LoaderPins {
    const { silicon, flash, uart, hasFlashTimes, system } = this.parts
    return {
      silicon,
      flash,
      registers: this.#registers,
      transmit: (bytes) => {
        if (!stopped()) uart.sendFromChip(bytes)
      },
      setBaud: (baud) => {
        // What a divider of the 80 MHz clock can make; nonsense leaves the rate alone.
        if (baud < 300 || baud > 5_000_000) return
        system.clock.timer(rateSwitchMs, () => {
          if (!stopped()) uart.chipBaud = baud
        })
      },
      busy: async (ms) => {
        if (hasFlashTimes && ms > 0) await system.clock.sleep(ms)
      },
      leave: (next) => {
        if (!stopped()) this.#leave(next)
      },
    }
  }

  /** The watchdog's reset reads the straps anew, a software reset keeps them. */
  #resetByRegister(how: RegisterReset): void {
    if (how === 'software') {
      void this.#start(systemReset, 'software')
      return
    }
    const generation = this.#generation
    this.parts.system.clock.timer(watchdogMs, () => {
      if (generation !== this.#generation) return
      this.#latchStraps()
      void this.#start(romWatchdog, 'watchdog')
    })
  }

  #leave(next: Leaving): void {
    if (next.to === 'reset') void this.#start(systemReset, 'software')
    else if (next.to === 'flash') this.#jumpToFlash()
    else if (next.to === 'program') this.#startProgram(next.pieces)
    else this.#receiver = undefined
  }

  /** FLASH_END: the ROM goes on to its flash boot without a reset of its own. */
  #jumpToFlash(): void {
    const stopped = this.#takeOver()
    const boot: Boot = bootFromFlash(this.#flash, this.parts.silicon, 48)
    if (boot.end.to === 'complaint' && this.parts.silicon.hasBasic) {
      this.#print(nothingToBoot)
      this.#startBasic(stopped)
    } else void this.#bootFlash('software', stopped)
  }

  /** The ROM jumps into RAM. Two programs are known here; any other one hangs until the next reset. */
  #startProgram(pieces: { address: number; size: number }[]): void {
    const version = stubVersion(this.parts.silicon, pieces)
    const stopped = this.#takeOver()
    if (version) this.#receiver = new Stub(this.#pins(stopped), version)
    else this.parts.log('was made to run a program in RAM that it does not know: it hangs')
  }

  #print(lines: string[]): void {
    this.parts.uart.sendFromChip(
      new TextEncoder().encode(lines.map((one) => `${one}\r\n`).join('')),
    )
  }
}

/** Which flasher stub was uploaded, by where its code lies and how large it is. */
function stubVersion(
  silicon: Silicon,
  pieces: { address: number; size: number }[],
): StubVersion | undefined {
  const start = silicon.stubCode.find((at) => pieces.some(({ address }) => address === at))
  if (start === undefined) return undefined
  const size = pieces
    .filter(({ address }) => address >= start && address < start + 0x1_0000)
    .reduce((sum, piece) => sum + piece.size, 0)
  return size < largestOldStub ? 1 : 2
}
