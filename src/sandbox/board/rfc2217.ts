import type { SerialLine } from './serial-line.js'

const iac = 255
const telnet = { se: 240, sb: 250, will: 251, wont: 252, do: 253, dont: 254 } as const
const options = { binary: 0, echo: 1, suppressGoAhead: 3, comPort: 44 } as const

/** COM-PORT-OPTION suboptions, client to server (RFC 2217 section 3); the answers are 100 higher. */
const suboptions = {
  signature: 0,
  baud: 1,
  dataSize: 2,
  parity: 3,
  stopSize: 4,
  control: 5,
  flowSuspend: 8,
  flowResume: 9,
  lineStateMask: 10,
  modemStateMask: 11,
  purge: 12,
} as const
const modemState = 107
/** No suboption of a client is longer; the rest of a longer one is dropped. */
const longestSuboption = 64
const signature = new TextEncoder().encode('wxstation')

/** Our side of each option: sent first, and acknowledged when asked for. */
const weWill: number[] = [options.echo, options.suppressGoAhead, options.binary, options.comPort]
const theyMay: number[] = [options.suppressGoAhead, options.binary, options.comPort]

type State = 'data' | 'iac' | 'option' | 'suboption' | 'suboption-iac'

/**
 * One client's telnet stream: data out of it, commands into acts on the serial line, and data of the
 * chip back into it. A client that never negotiates gets and gives plain (escaped) bytes.
 */
export class Rfc2217 {
  #state: State = 'data'
  #verb = 0
  #suboption: number[] = []
  #isSuspended = false
  #held: Uint8Array[] = []
  readonly #agreed = new Set<string>()
  #dtr = false
  #rts = false
  #isBreak = false

  constructor(
    private readonly line: SerialLine,
    private readonly send: (bytes: Uint8Array) => void,
  ) {}

  /** What a server says first, in one segment (pyserial's PortManager does the same). */
  greet(): void {
    const offers = [
      [telnet.will, options.echo],
      [telnet.will, options.suppressGoAhead],
      [telnet.do, options.binary],
      [telnet.will, options.comPort],
    ]
    for (const [verb, option] of offers) this.#agreed.add(`${verb} ${option}`)
    this.send(Uint8Array.from(offers.flatMap((offer) => [iac, ...offer])))
  }

  /** Bytes from the chip: 255 is doubled, and flow control of the client is obeyed. */
  deliver(bytes: Uint8Array): void {
    if (this.#isSuspended) {
      this.#held.push(bytes)
      return
    }
    this.send(bytes.includes(iac) ? doubled(bytes) : bytes)
  }

  /** Bytes from the client. */
  receive(bytes: Uint8Array): void {
    let data: number[] = []
    const flush = (): void => {
      if (data.length > 0) this.line.write(Uint8Array.from(data))
      data = []
    }
    for (const byte of bytes) {
      if (this.#state === 'data') {
        if (byte === iac) this.#state = 'iac'
        else data.push(byte)
      } else if (this.#state === 'iac' && byte === iac) {
        this.#state = 'data'
        data.push(iac)
      } else {
        // Data before a command leaves before the command acts.
        flush()
        this.#command(byte)
      }
    }
    flush()
  }

  #command(byte: number): void {
    if (this.#state === 'iac') {
      this.#verb = byte
      if (byte === telnet.sb) {
        this.#suboption = []
        this.#state = 'suboption'
      } else this.#state = byte >= telnet.will && byte <= telnet.dont ? 'option' : 'data'
    } else if (this.#state === 'option') {
      this.#state = 'data'
      this.#negotiate(this.#verb, byte)
    } else if (this.#state === 'suboption') {
      if (byte === iac) this.#state = 'suboption-iac'
      else this.#keep(byte)
    } else if (byte === iac) {
      this.#state = 'suboption'
      this.#keep(iac)
    } else {
      // Anything but SE ends a broken suboption too, or the stream would be lost for ever.
      this.#state = 'data'
      if (byte === telnet.se) this.#obey(this.#suboption)
    }
  }

  #keep(byte: number): void {
    if (this.#suboption.length < longestSuboption) this.#suboption.push(byte)
  }

  /** Answers a change once: two sides that answer answers never stop. */
  #negotiate(verb: number, option: number): void {
    const isDo = verb === telnet.do || verb === telnet.dont
    const allowed = (isDo ? weWill : theyMay).includes(option)
    const isYes = (verb === telnet.do || verb === telnet.will) && allowed
    const [yes, no] = isDo ? [telnet.will, telnet.wont] : [telnet.do, telnet.dont]
    const key = `${yes} ${option}`
    if (isYes && this.#agreed.has(key)) return
    if (!isYes && (verb === telnet.dont || verb === telnet.wont) && !this.#agreed.has(key)) return
    if (isYes) this.#agreed.add(key)
    else this.#agreed.delete(key)
    this.send(Uint8Array.from([iac, isYes ? yes : no, option]))
    if (isYes && isDo && option === options.comPort) this.#notifyModemState()
  }

  /** Nothing is wired to CTS, DSR, RI and CD of the bridge. */
  #notifyModemState(): void {
    this.#answer(modemState - 100, [0])
  }

  #answer(suboption: number, value: Uint8Array | number[]): void {
    const body = doubled(Uint8Array.from(value))
    this.send(
      Uint8Array.from([iac, telnet.sb, options.comPort, suboption + 100, ...body, iac, telnet.se]),
    )
  }

  #obey([option, suboption, ...value]: number[]): void {
    if (option !== options.comPort || suboption === undefined) return
    switch (suboption) {
      case suboptions.signature:
        if (value.length === 0) this.#answer(suboption, signature)
        break
      case suboptions.baud:
        this.#setBaud(value)
        break
      // Nothing but 8N1 makes sense to this chip; a question (0) is answered with it.
      case suboptions.dataSize:
        this.#answer(suboption, [value[0] || 8])
        break
      case suboptions.parity:
      case suboptions.stopSize:
        this.#answer(suboption, [value[0] || 1])
        break
      case suboptions.control:
        this.#answer(suboption, [this.#control(value[0] ?? 0)])
        break
      case suboptions.flowSuspend:
        this.#isSuspended = true
        break
      case suboptions.flowResume: {
        this.#isSuspended = false
        const held = this.#held
        this.#held = []
        for (const bytes of held) this.deliver(bytes)
        break
      }
      case suboptions.lineStateMask:
      case suboptions.modemStateMask:
        this.#answer(suboption, [value[0] ?? 0])
        break
      case suboptions.purge:
        this.line.purge({ toHost: value[0] !== 2, toChip: value[0] !== 1 })
        if (value[0] !== 2) this.#held = []
        this.#answer(suboption, [value[0] ?? 3])
        break
    }
  }

  #setBaud(value: number[]): void {
    const baud = new DataView(Uint8Array.from([...value, 0, 0, 0, 0]).buffer).getUint32(0)
    if (value.length === 4 && baud > 0) this.line.setBaud(baud)
    const view = new DataView(new ArrayBuffer(4))
    view.setUint32(0, this.line.baud)
    this.#answer(suboptions.baud, new Uint8Array(view.buffer))
  }

  /** Acts on one SET-CONTROL value and answers the value that now holds. */
  #control(value: number): number {
    switch (value) {
      case 0:
        return 1
      case 4:
        return this.#isBreak ? 5 : 6
      case 5:
      case 6:
        this.#isBreak = value === 5
        this.line.setBreak(this.#isBreak)
        return value
      case 7:
        return this.#dtr ? 8 : 9
      case 8:
      case 9:
        this.#dtr = value === 8
        this.line.setLines(this.#dtr, this.#rts)
        return value
      case 10:
        return this.#rts ? 11 : 12
      case 11:
      case 12:
        this.#rts = value === 11
        this.line.setLines(this.#dtr, this.#rts)
        return value
      case 13:
        return 14
      default:
        return value
    }
  }
}

function doubled(bytes: Uint8Array): Uint8Array {
  const out: number[] = []
  for (const byte of bytes) byte === iac ? out.push(iac, iac) : out.push(byte)
  return Uint8Array.from(out)
}
