/** Telnet as RFC 854, 856 and 2217 need it: codes, escaping, and a parser that takes any split. */
export const telnet = {
  IAC: 255,
  DONT: 254,
  DO: 253,
  WONT: 252,
  WILL: 251,
  SB: 250,
  SE: 240,
} as const

export const option = { BINARY: 0, ECHO: 1, SUPPRESS_GO_AHEAD: 3, COM_PORT: 44 } as const

/** RFC 2217 suboptions, client to server; the server answers with the same code + 100. */
export const comPort = {
  SET_BAUDRATE: 1,
  SET_DATASIZE: 2,
  SET_PARITY: 3,
  SET_STOPSIZE: 4,
  SET_CONTROL: 5,
  PURGE_DATA: 12,
} as const

/** Values of SET_CONTROL. */
export const control = { NO_FLOW: 1, DTR_ON: 8, DTR_OFF: 9, RTS_ON: 11, RTS_OFF: 12 } as const

/** Data as it goes on the wire: 0xFF doubled. */
export function escapeData(bytes: Uint8Array): Uint8Array {
  let extra = 0
  for (const byte of bytes) if (byte === telnet.IAC) extra++
  if (extra === 0) return bytes
  const out = new Uint8Array(bytes.length + extra)
  let at = 0
  for (const byte of bytes) {
    out[at++] = byte
    if (byte === telnet.IAC) out[at++] = telnet.IAC
  }
  return out
}

/** One COM-PORT suboption as a frame. */
export function subnegotiation(code: number, value: number[] | Uint8Array): Uint8Array {
  return Uint8Array.from([
    telnet.IAC,
    telnet.SB,
    option.COM_PORT,
    code,
    ...escapeData(Uint8Array.from(value)),
    telnet.IAC,
    telnet.SE,
  ])
}

export type TelnetItem =
  | { type: 'data'; bytes: Uint8Array }
  | { type: 'negotiate'; verb: number; option: number }
  | { type: 'suboption'; bytes: Uint8Array }

/** A suboption longer than this is not RFC 2217: its rest is dropped, so a hostile server cannot fill memory. */
const longestSuboption = 1024

type State = 'data' | 'iac' | 'verb' | 'sub' | 'sub-iac'

/** Splits what a telnet peer sends into data, negotiation and suboptions, wherever TCP cut it. */
export class TelnetParser {
  #state: State = 'data'
  #verb = 0
  #sub: number[] = []

  parse(chunk: Uint8Array): TelnetItem[] {
    const items: TelnetItem[] = []
    const data = new Uint8Array(chunk.length)
    let length = 0
    const flush = (): void => {
      if (length > 0) items.push({ type: 'data', bytes: data.slice(0, length) })
      length = 0
    }
    for (const byte of chunk) {
      switch (this.#state) {
        case 'data':
          if (byte === telnet.IAC) this.#state = 'iac'
          else data[length++] = byte
          break
        case 'iac':
          this.#state = 'data'
          if (byte === telnet.IAC) data[length++] = byte
          else if (byte === telnet.SB) {
            this.#sub = []
            this.#state = 'sub'
          } else if (byte >= telnet.WILL && byte <= telnet.DONT) {
            this.#verb = byte
            this.#state = 'verb'
          }
          break
        case 'verb':
          flush()
          items.push({ type: 'negotiate', verb: this.#verb, option: byte })
          this.#state = 'data'
          break
        case 'sub':
          if (byte === telnet.IAC) this.#state = 'sub-iac'
          else if (this.#sub.length < longestSuboption) this.#sub.push(byte)
          break
        case 'sub-iac':
          if (byte === telnet.SE) {
            flush()
            items.push({ type: 'suboption', bytes: Uint8Array.from(this.#sub) })
            this.#state = 'data'
          } else {
            if (this.#sub.length < longestSuboption) this.#sub.push(byte)
            this.#state = 'sub'
          }
          break
      }
    }
    flush()
    return items
  }
}
