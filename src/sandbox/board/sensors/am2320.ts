import type { Conditions } from '../../weather.js'
import type { Slave } from './bus.js'

/** It wakes within this time after its address was seen, and sleeps again later (data sheet). */
const wakeMs = 0.8
const awakeMs = 3000
/** A read is answered this long after the request. */
const conversionMs = 1.5
const measureEveryMs = 2000

const readRegisters = 0x03
const writeRegisters = 0x10
const fault = { function: 0x80, address: 0x81, write: 0x82, crc: 0x83 } as const
const registerCount = 0x20
const userRegisters = { first: 0x10, last: 0x13 }

/** Aosong AM2320: humidity and temperature; sleeps, and gives the value of the read before. */
export class Am2320 implements Slave {
  readonly name = 'am2320'
  readonly address = 0x5c
  /** It was last spoken to at. */
  #wokenAt = -Infinity
  #lastSeen = -Infinity
  #measuredAt = -Infinity
  #answer: Uint8Array = new Uint8Array(0)
  #answerAt = 0
  readonly #registers = new Uint8Array(registerCount)

  constructor(private readonly outside: { now(): number; weather(): Conditions }) {
    // Model 0x0000 is what the parts on the market answer; version 1, some id.
    this.#registers.set([0x01, 0x00, 0x0d, 0x6b, 0x2a], 0x0a)
    // It measures once when it gets its power.
    this.#measure()
  }

  addressed(): boolean {
    const now = this.outside.now()
    const isAwake = now - this.#lastSeen < awakeMs
    if (!isAwake) {
      this.#wokenAt = now
      this.#lastSeen = now
      this.#answer = new Uint8Array(0)
      return false
    }
    if (now - this.#wokenAt < wakeMs) return false
    this.#lastSeen = now
    return true
  }

  write(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#answer = this.#respond(bytes)
    this.#answerAt = this.outside.now() + conversionMs
  }

  read(size: number): Uint8Array {
    // Asked before it has measured, it sends what lies in its buffer: nothing yet.
    const isReady = this.outside.now() >= this.#answerAt
    const answer = isReady ? this.#answer : new Uint8Array(0)
    return Uint8Array.from({ length: size }, (_, i) => answer[i] ?? (isReady ? 0xff : 0))
  }

  #respond(request: Uint8Array): Uint8Array {
    const [code, start = 0, count = 0] = request
    if (code === readRegisters) return this.#read(start, count)
    if (code === writeRegisters) return this.#write(request)
    return withCrc([(code ?? 0) | 0x80, fault.function])
  }

  #read(start: number, count: number): Uint8Array {
    if (start + count > registerCount || count > 10) {
      return withCrc([readRegisters | 0x80, fault.address])
    }
    const answer = withCrc([
      readRegisters,
      count,
      ...this.#registers.subarray(start, start + count),
    ])
    // The registers are filled after they were read: the next reader gets this measurement.
    if (start < 4) this.#measure()
    return answer
  }

  #write(request: Uint8Array): Uint8Array {
    const [code = 0, start = 0, count = 0] = request
    const { first, last } = userRegisters
    if (start < first || start + count - 1 > last) return withCrc([code | 0x80, fault.write])
    const body = request.subarray(0, 3 + count)
    const crc = crc16(body)
    if (request[3 + count] !== (crc & 255) || request[4 + count] !== crc >> 8) {
      return withCrc([code | 0x80, fault.crc])
    }
    this.#registers.set(request.subarray(3, 3 + count), start)
    return withCrc([code, start, count])
  }

  #measure(): void {
    const now = this.outside.now()
    if (now - this.#measuredAt < measureEveryMs) return
    this.#measuredAt = now
    const { temperature, humidity } = this.outside.weather()
    const wet = Math.round(Math.min(99.9, Math.max(0, humidity)) * 10)
    const warm = Math.round(Math.min(80, Math.max(-40, temperature)) * 10)
    // Sign and magnitude.
    const sign = warm < 0 ? 0x80 : 0
    const size = Math.abs(warm)
    this.#registers.set([wet >> 8, wet & 255, (size >> 8) | sign, size & 255])
  }
}

function withCrc(bytes: number[]): Uint8Array {
  const crc = crc16(Uint8Array.from(bytes))
  return Uint8Array.from([...bytes, crc & 255, crc >> 8])
}

/** CRC-16/MODBUS. */
function crc16(bytes: Uint8Array): number {
  let crc = 0xffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1
  }
  return crc
}
