import { headerBytes, isSealed, type QueuePage } from '../device/queue-page.js'
import * as codec from './queue-codec.js'
import { sealedPages } from './queue-pages.js'
import { placeInTime, type Session } from './queue-times.js'

/** A record as the station took it. */
export interface QueueRecord {
  /** Counted by the station from 0. */
  number: number
  /** Epoch milliseconds. */
  atMs: number
  /** No clock was set in that boot: its time follows from the one before, as on the station. */
  isEstimated: boolean
  /** °C, null where the sensor did not answer; so with the others. */
  temperature: number | null
  /** % */
  humidity: number | null
  /** hPa */
  pressure: number | null
  /** °C */
  caseTemperature: number | null
}

export interface QueueLog {
  /** In the order they were taken. */
  records: QueueRecord[]
  /** Records of this number and later were not acknowledged by TimeBase. */
  acknowledged: number
  /** Records that are known to have been there and cannot be read. */
  damaged: number
  /** Records of boots for which no time can be told; they are not among `records`. */
  untimed: number
  /** Pages whose beginning is damaged, and places in pages where bytes are no entry. */
  damagedPlaces: number
  pages: number
}

export interface QueueOptions {
  /** The bytes are the whole partition, nothing more or less: a page's place tells its number. */
  isPartition: boolean
  /** Acknowledged records, too, as far as they are still there. */
  all?: boolean
}

/** A record before its time is known. */
interface Taken {
  number: number
  session: Session
  /** Milliseconds since the epoch of the station or, when `isSet` is false, since the boot. */
  timeMs: number
  isSet: boolean
  values: codec.Values
}

/**
 * Reads the station's queue as the station itself does (firmware/micropython/log.py): what is
 * damaged or torn is skipped and counted, and so is what follows it up to the next whole record.
 * Never throws, whatever the bytes are. A queue that is empty or none has no pages.
 */
export function readQueueLog(bytes: Uint8Array, { isPartition, all }: QueueOptions): QueueLog {
  const { pages, damaged: damagedPages } = sealedPages(bytes, isPartition)
  const walk = new Walk()
  for (const page of pages) walk.readPage(page)
  const from = all ? (pages[0]?.first ?? 0) : walk.acknowledged
  const taken = walk.records.filter(({ number }) => number >= from)
  let damaged = 0
  let next = from
  for (const { number } of taken) {
    damaged += Math.max(0, number - next)
    next = Math.max(next, number + 1)
  }
  // Records behind the last one that can be read, known from the head of a later page.
  damaged += Math.max(0, walk.next - next)
  const timed = placeInTime(taken, walk.sessions)
  return {
    records: timed.map(({ record, atMs, isEstimated }) => ({
      ...{ number: record.number, atMs, isEstimated },
      ...measured(record.values),
    })),
    acknowledged: walk.acknowledged,
    damaged,
    untimed: taken.length - timed.length,
    damagedPlaces: walk.damagedPlaces + damagedPages,
    pages: pages.length,
  }
}

/** The units in which the station uploads: the same number, so that the same record is known. */
function measured(values: codec.Values) {
  const { temperature, humidity, pressure, caseTemperature } = values
  const none = codec.unmeasured
  return {
    temperature: temperature === none.temperature ? null : temperature / 10,
    humidity: humidity === none.humidity ? null : humidity / 10,
    pressure: pressure === none.pressure ? null : pressure / 100,
    caseTemperature: caseTemperature === none.caseTemperature ? null : caseTemperature / 10,
  }
}

/** Goes through the log once, from its oldest page on. */
class Walk {
  readonly records: Taken[] = []
  readonly sessions: Session[] = []
  acknowledged = 0
  damagedPlaces = 0
  /** Number of the next record. */
  next = 0
  #session: Session | undefined
  #intervalMs = 0
  #timeMs = 0
  #isSet = false
  /** The latest stamp so far; unset boots move it on by their own time. */
  #lastMs: number | undefined
  /** Of the record before; undefined behind damage, where a change says nothing. */
  #values: codec.Values | undefined

  readPage(page: QueuePage): void {
    const { bytes, number } = page
    this.next = page.first
    this.acknowledged = page.acknowledged
    this.#intervalMs = page.intervalMs
    this.#timeMs = page.timeMs
    this.#isSet = page.isSet
    this.#lastMs = page.lastMs
    this.#values = undefined
    this.#enter(page)
    this.#estimate(page.estimated, page.estimatedZeroMs)
    let offset = headerBytes
    while (offset < bytes.length) {
      const first = bytes[offset] ?? codec.blank
      if (first === codec.blank && isBlank(bytes, offset)) return
      const size = codec.entryBytes(first)
      if (first === codec.pad) offset++
      else if (size > 0 && isSealed(bytes, offset, size, number)) {
        this.#entry(page, new DataView(bytes.buffer, bytes.byteOffset + offset, size))
        offset += size
      } else {
        this.damagedPlaces++
        this.#values = undefined
        offset = nextKey(bytes, offset + 1, number)
      }
    }
  }

  #entry(page: QueuePage, entry: DataView): void {
    const byte = entry.getUint8(0)
    const kind = byte >> 4
    if (byte === codec.boot) {
      const boot = entry.getUint16(1)
      // The page that was opened for this entry says the same boot already.
      if (this.#session?.boot !== boot || this.#session.hasBegun) this.#begin(boot, this.#lastMs)
      this.#intervalMs = entry.getInt32(3)
      this.#timeMs = 0
      this.#isSet = false
      this.#values = undefined
    } else if (byte === codec.clock) {
      const wallMs = entry.getInt32(7) * 1000 + entry.getUint16(11)
      const upMs = entry.getInt32(1) * 1000 + entry.getUint16(5)
      if (this.#session) {
        this.#session.zeroMs ??= wallMs - upMs
        this.#session.isSet = true
      }
      this.#timeMs = this.#lastMs = wallMs
      this.#isSet = true
      this.#values = undefined
    } else if (byte === codec.estimate) {
      this.#estimate(entry.getUint16(1), entry.getInt32(3) * 1000 + entry.getUint16(7))
    } else if (kind === codec.ack) {
      const low = ((byte & 0xf) << 16) | entry.getUint16(1)
      const number = (this.acknowledged & ~0xfffff) | low
      this.acknowledged = number < this.acknowledged ? number + 0x100000 : number
    } else if (kind === codec.key) this.#key(page, entry)
    else this.#relative(entry, byte)
  }

  #key(page: QueuePage, entry: DataView): void {
    const boot = entry.getUint16(15)
    if (boot !== this.#session?.boot) {
      this.#begin(boot, this.#lastMs)
      this.#timeMs = 0
    }
    const ms = entry.getUint16(13)
    this.#isSet = (ms & 0x8000) !== 0
    this.next = page.first + entry.getUint16(7)
    this.#take(codec.wholeValues(entry), entry.getInt32(9) * 1000 + (ms & 0x7fff))
  }

  #relative(entry: DataView, byte: number): void {
    // Sound, but relative to a record that is damaged: the next key's number tells of both.
    if (!this.#values) return
    const isWhole = byte >= 0x80
    const extraMs =
      byte >> 4 === codec.shifted
        ? entry.getInt16(7)
        : !isWhole && byte >= codec.lateMin
          ? entry.getInt8(2)
          : 0
    const values = isWhole ? codec.wholeValues(entry) : codec.changedValues(this.#values, entry)
    this.#take(values, this.#timeMs + this.#intervalMs + extraMs)
  }

  #take(values: codec.Values, timeMs: number): void {
    const session = this.#session
    if (!session) return
    if (this.#isSet) this.#lastMs = timeMs
    else {
      if (this.#lastMs !== undefined && timeMs >= this.#timeMs)
        this.#lastMs += timeMs - this.#timeMs
      session.upMs = timeMs
    }
    if (this.#isSet) session.isSet = true
    session.hasBegun = true
    this.#timeMs = timeMs
    this.#values = values
    this.records.push({ number: this.next, session, timeMs, isSet: this.#isSet, values })
    this.next++
  }

  #enter({ boot, isSet, timeMs, zeroMs, lastMs }: QueuePage): void {
    const session = this.#session?.boot === boot ? this.#session : this.#begin(boot)
    if (session.previousMs === undefined && !session.hasBegun && !isSet && lastMs !== undefined)
      session.previousMs = lastMs - timeMs
    if (!isSet) return
    session.isSet = session.hasBegun = true
    session.zeroMs ??= zeroMs
  }

  #begin(boot: number, previousMs?: number): Session {
    const session: Session = { boot, previousMs, upMs: 0, isSet: false, hasBegun: false }
    this.#session = session
    this.sessions.push(session)
    return session
  }

  #estimate(boot: number, zeroMs: number): void {
    if (boot === 0) return
    // A chip that was erased counts its boots anew: the latest of that number is meant.
    const session = this.sessions.findLast((one) => one.boot === boot)
    if (session) session.estimatedZeroMs = zeroMs
  }
}

function isBlank(bytes: Uint8Array, from: number): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== codec.blank) return false
  return true
}

/** After damage only an entry that needs nothing before it counts; the page's end: there is none. */
function nextKey(bytes: Uint8Array, from: number, number: number): number {
  for (let offset = from; offset + codec.keyBytes <= bytes.length; offset++)
    if ((bytes[offset] ?? 0) >> 4 === codec.key && isSealed(bytes, offset, codec.keyBytes, number))
      return offset
  return bytes.length
}
