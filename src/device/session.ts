import type { System } from '../system.js'
import { findBridge } from './bridges.js'
import { macText } from './chip-facts.js'
import { isSpoiled } from './commands.js'
import { type Entered, type EntryOptions, enter, romRate } from './entry.js'
import { checkNamed, type KnownBoard, readMemory, rememberBoard } from './known-boards.js'
import type { Link } from './link.js'
import { openLink } from './links/open.js'
import type { Loader } from './loader.js'
import { consoleBaud, firstStep, ladder, topOf } from './rate.js'
import { applyReset, hardReset } from './reset.js'
import { greeted, selfReset } from './self-reset.js'

/** A rate that fails costs a new start of the loader, some 2 s: not more than one run in four pays it. */
const cleanRunsToClimb = 3

export interface SessionOptions extends EntryOptions {
  /** The board that was named: where another one answers, it is let go untouched. */
  mac?: string | undefined
  /** Factor on every deadline of the board; 1 unless told. */
  patience?: number | undefined
}

/** A board held in its loader: opened, identified, and let go in whatever state it is in. */
export class Session {
  link: Link
  loader: Loader
  readonly #system: System
  readonly #options: SessionOptions
  #triedTop = false
  #slowed = false
  /** It stopped answering once, whatever it was sent. */
  #fellSilent = false
  #isHeld = true
  /** A reset by the lines was seen to work. */
  #hasReset: boolean
  /** The rate the ROM fell silent at; whether the cable is to blame shows when the stub tries it. */
  readonly #missedRomRate: number | undefined

  private constructor(link: Link, entered: Entered, options: SessionOptions, system: System) {
    this.link = link
    this.loader = entered.loader
    this.#hasReset = entered.wasReset
    this.#missedRomRate = entered.missedRomRate
    this.#options = options
    this.#system = system
  }

  /**
   * Opens the port and brings the board into its loader. Throws what openLink and connectLoader throw,
   * and NO_BOARD where another board than the one named answers.
   */
  static async open(options: SessionOptions, system: System): Promise<Session> {
    const { port, signal, patience } = options
    const opening = { baud: consoleBaud, patience, ...(signal && { signal }) }
    const link = await openLink(port, opening, system)
    try {
      const romBaud = await romRate(link, options, system)
      const entered = await enter(link, options, system, romBaud)
      const session = new Session(link, entered, options, system)
      const isOther = options.mac !== undefined && options.mac !== session.mac
      // Without lines to reset it by, it is only let go from inside its loader.
      if (isOther && !session.canReset) await session.restart(signal)
      checkNamed(options.mac, session.mac, port)
      // ROM or cable: the stub's own try tells, and the next command knows.
      if (entered.missedRomRate !== undefined) await session.raiseBaud()
      return session
    } catch (error) {
      // A board is never left in its loader, whatever went wrong.
      if (link.hasControlLines) await applyReset(link, hardReset, system.clock).catch(() => {})
      await link.close()
      throw error
    }
  }

  /** The name of what sits between computer and board, where the computer knows it. */
  get bridge(): string | undefined {
    const { usb } = this.link
    return usb && findBridge(usb.vendorId, usb.productId)?.name
  }

  get mac(): string {
    return macText(this.loader.facts.mac)
  }

  /**
   * Climbs to the highest rate that works, or goes straight to the one that did last time. After some
   * clean runs at a lower rate the next one up is tried again: a bad cable does not stay for ever.
   */
  async raiseBaud(): Promise<void> {
    // USB-OTG has no rate, whatever is asked for.
    if (this.#triedTop || !this.link.hasControlLines || this.loader.isOverOtg) return
    this.#triedTop = true
    const { baud: wanted } = this.#options
    const { baud: known, cleanRuns = 0 } = (await this.#remembered()) ?? {}
    const start = wanted ?? known
    const above = ladder.filter((rate) => rate <= topOf(this.link) && rate > (start ?? consoleBaud))
    const steps = start === undefined ? above.filter((rate) => rate >= firstStep) : [start]
    if (wanted === undefined && known !== undefined && cleanRuns >= cleanRunsToClimb)
      steps.push(...above.slice(0, 1))
    for (const rate of steps) if (!(await this.#climb(rate))) break
    await this.#remember()
  }

  /** Tries a rate; where it does not work, the next lower one that does. */
  async #climb(rate: number): Promise<boolean> {
    const before = this.loader.baud
    if (rate === before || (await this.loader.changeBaud(rate))) return true
    const lower = ladder.filter((one) => one < rate && one <= topOf(this.link)).reverse()
    for (const next of before === consoleBaud ? lower : [before]) {
      await this.reenter()
      if (next === consoleBaud || (await this.loader.changeBaud(next))) break
    }
    this.#say(rate, this.loader.baud)
    this.#slowed = true
    return false
  }

  /**
   * A write is done, at the rate of this moment: one that lost nothing counts for a higher rate the
   * next time.
   */
  async countRun(): Promise<void> {
    const { baud } = this.loader
    const { cleanRuns = 0 } = (await this.#remembered()) ?? {}
    await this.#remember(this.#slowed ? 0 : cleanRuns + 1, baud)
  }

  /** After errors on the wire: one step down, from the loader's beginning where it no longer answers. */
  async stepDown(): Promise<void> {
    const before = this.loader.baud
    const lower = ladder.filter((rate) => rate < before).at(-1) ?? consoleBaud
    // A bad wire loses bytes, it does not silence a loader: the first time, its power is to blame.
    const isSilent = !(await this.#hears())
    const isPower = isSilent && !this.#fellSilent
    if (isPower) this.#fellSilent = true
    else this.#slowed = true
    const rate = isPower ? before : lower
    if (isSilent || !(await this.#change(rate))) {
      await this.reenter()
      if (rate !== consoleBaud) await this.loader.changeBaud(rate)
    }
    if (rate !== before) this.#say(before, rate)
    await this.#remember()
  }

  /** Whether the loader answers again. */
  async #hears(): Promise<boolean> {
    try {
      await this.loader.resync()
      return true
    } catch (error) {
      if (isSpoiled(error)) return false
      throw error
    }
  }

  /** Whether the loader goes over to this rate, or has it. */
  async #change(rate: number): Promise<boolean> {
    if (rate === this.loader.baud || !this.link.hasControlLines) return true
    try {
      return await this.loader.changeBaud(rate)
    } catch (error) {
      if (isSpoiled(error)) return false
      throw error
    }
  }

  async reenter(): Promise<void> {
    await this.link.setBaud(consoleBaud)
    const { loader, wasReset } = await enter(this.link, this.#options, this.#system)
    this.loader = loader
    this.#hasReset ||= wasReset
  }

  async #remembered(): Promise<KnownBoard | undefined> {
    const { boards } = await readMemory(this.#system)
    return boards.find(({ mac }) => mac === this.mac)
  }

  #say(rate: number, used: number): void {
    this.#options.report({ type: 'notice', notice: 'slower-baud', values: { rate, used } })
  }

  async #remember(cleanRuns?: number, rate = this.loader.baud): Promise<void> {
    const { port, baud } = this.#options
    const { usb } = this.link
    const missed = this.#missedRomRate
    await rememberBoard(this.#system, {
      mac: this.mac,
      chip: this.loader.facts.chip,
      port,
      ...(usb?.serialNumber && { usbSerial: usb.serialNumber }),
      ...(baud === undefined && { baud: rate }),
      ...(missed !== undefined && rate >= missed && { hasSlowRom: true }),
      ...(cleanRuns === undefined ? this.#slowed && { cleanRuns: 0 } : { cleanRuns }),
    })
  }

  /** Whether the board can be reset from here: not where its lines lead nowhere. */
  get canReset(): boolean {
    return this.link.hasControlLines && this.#hasReset
  }

  /**
   * Lets the board run what is in its flash. Without a line to EN the chip is asked to reset
   * itself, and only what it prints tells whether it did.
   */
  async restart(signal?: AbortSignal, { hasFirmware = false } = {}): Promise<void> {
    const { link, loader } = this
    const { clock } = this.#system
    // Over USB-OTG nothing follows the lines.
    const isOverOtg = this.#isHeld && loader.isOverOtg
    const followsLines = link.hasControlLines && !isOverOtg
    const isUnproven = followsLines && !this.#hasReset
    // Somebody held BOOT and tapped RESET: where the lines lead nowhere, the loader must hear us.
    if (isUnproven && this.#isHeld) await loader.changeBaud(consoleBaud)
    await link.setBaud(consoleBaud)
    link.discardInput()
    if (followsLines) await applyReset(link, hardReset, clock, signal)
    if (isUnproven) this.#hasReset = (await greeted(link, clock)) !== ''
    if ((isOverOtg || !this.canReset) && this.#isHeld)
      await selfReset(link, loader.facts.chip, clock, { hasFirmware })
    this.#isHeld = false
  }

  /** Lets the board go, and the port. Never throws. */
  async close(): Promise<void> {
    try {
      if (this.#isHeld) await this.restart()
    } catch {
      // The port is gone, and the board with it.
    }
    await this.link.close()
  }
}
