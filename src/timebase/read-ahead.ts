import type { Arrived, FetchResponse } from '../system.js'
import type { Exchange, Patience } from './patience.js'

/** The body of a select. */
export interface SelectBody {
  rows: number
  from?: string
  reverse?: true
  offset?: number
  symbols?: string[]
  to?: string
}

type Send = (body: SelectBody, signal: AbortSignal) => Promise<FetchResponse>

/** One select that was sent. */
export interface Page {
  exchange: Exchange
  answer: Promise<FetchResponse>
  /** Size of the answer, once it has arrived. */
  bytes?: number | undefined
}

/**
 * So many pages may wait. The server works while the first ones are read, when our own code is not
 * compiled yet and slower than it: some 8 MB.
 */
const mostPages = 4
/** A row without any field has more bytes than this. */
const leastRowBytes = 60
/** Rows of other stations and times differ in length by less than this. */
const likely = 0.9
const stamp = Buffer.from('"timestamp":"')
const stampLength = '2026-01-01T00:00:00.000Z'.length

/**
 * Asks for the pages that will be wanted next, each as soon as the one before has arrived: whoever
 * reads a stream page by page goes on at the time of the last row. A wrong guess is dropped.
 */
export class ReadAhead {
  readonly #patience: Patience
  readonly #send: Send
  #guesses: { key: string; page: Page }[] = []
  /** The next guess, where there was no room for it yet. */
  #next: { body: SelectBody; signal: AbortSignal } | undefined
  #chain = {}
  /** What a row has at least, as far as is known: a page of fewer bytes is not full, so the last one. */
  #rowBytes = leastRowBytes

  constructor(patience: Patience, send: Send) {
    this.#patience = patience
    this.#send = send
  }

  /** The page of a select: one that is on its way already, or a new one. */
  page(body: SelectBody, signal: AbortSignal): Page {
    const first = this.#guesses[0]
    if (first?.key === JSON.stringify(body)) {
      this.#guesses.shift()
      this.#goOn()
      return first.page
    }
    this.drop()
    return this.#ask(body, signal)
  }

  /** Learns from a page that was read how long rows are. */
  learn({ bytes }: Page, rows: number): void {
    if (bytes !== undefined && rows > 0)
      this.#rowBytes = Math.max(leastRowBytes, (likely * bytes) / rows)
  }

  /** Gives up what was asked for and not fetched. */
  drop(): void {
    for (const { page } of this.#guesses) page.exchange.abandon()
    this.#guesses = []
    this.#next = undefined
    this.#chain = {}
  }

  #ask(body: SelectBody, signal: AbortSignal): Page {
    const exchange = this.#patience.begin(signal)
    const answer = exchange.step(this.#send(body, exchange.signal))
    const chain = this.#chain
    const page: Page = { exchange, answer }
    const follow = async (): Promise<void> => {
      const arrived = await (await answer).arrived
      page.bytes = arrived?.bytes
      if (!arrived || chain !== this.#chain || arrived.bytes < body.rows * this.#rowBytes) return
      const last = lastTime(arrived, body)
      if (last === undefined) return
      this.#next = { body: { ...body, from: last }, signal }
      this.#goOn()
    }
    // Whoever reads the page is told what is wrong with it.
    follow().catch(() => undefined)
    return page
  }

  #goOn(): void {
    if (!this.#next || this.#guesses.length >= mostPages) return
    const { body, signal } = this.#next
    this.#next = undefined
    this.#guesses.push({ key: JSON.stringify(body), page: this.#ask(body, signal) })
  }
}

/**
 * Time of the last row of a page; undefined where that row was read before the page's end arrived:
 * then its reader asks as soon.
 */
function lastTime({ rest }: Arrived, body: SelectBody): string | undefined {
  if (body.reverse || body.offset) return undefined
  const end = Buffer.concat(rest.slice(-2))
  const at = end.lastIndexOf(stamp)
  if (at < 0) return undefined
  const time = end.toString('latin1', at + stamp.length, at + stamp.length + stampLength)
  return time === body.from || Number.isNaN(Date.parse(time)) ? undefined : time
}
