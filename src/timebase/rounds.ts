import { type Cursor, type Cursors, grouped, groupSize } from './cursor.js'
import { after } from './read.js'
import type { TailSource } from './source.js'

/** One round: four more requests each half minute are nothing to a server. */
const groupsARound = 4
const roundMs = 30_000
/** Enough of a page to name who came back; they are read from where they stopped anyway. */
const pageRows = 1000

/**
 * Chooses which silent stations a sweep reads. Those that were retired stand at as many times as
 * there are of them, and each would be a read of its own: so one question finds whoever sends
 * newer records than all of them, as a station that comes back does sooner or later, and the
 * others are looked at in turn, a few a round.
 */
export class Rounds {
  readonly #source: Pick<TailSource, 'select'>
  readonly #cursors: Cursors
  #next = 0
  #dueAt = 0

  constructor(source: Pick<TailSource, 'select'>, cursors: Cursors) {
    this.#source = source
    this.#cursors = cursors
  }

  /** Of these symbols, whose cursors are open, those to read now. */
  async choose(silent: string[], nowMs: number, signal: AbortSignal): Promise<string[]> {
    const cursors = silent.flatMap((symbol) => this.#cursors.get(symbol) ?? [])
    const turn = nowMs >= this.#dueAt ? this.#turn(cursors) : []
    if (nowMs >= this.#dueAt) this.#dueAt = nowMs + roundMs
    if (turn.length === cursors.length) return silent
    const back = await this.#back(cursors, signal)
    return [...new Set([...back, ...turn.map(({ symbol }) => symbol)])]
  }

  #turn(cursors: Cursor[]): Cursor[] {
    const groups = grouped(cursors)
    if (groups.length <= groupsARound) return cursors
    const chosen = Array.from({ length: groupsARound }, (_, i) => (this.#next + i) % groups.length)
    this.#next = (this.#next + groupsARound) % groups.length
    return chosen.flatMap((i) => groups[i] ?? [])
  }

  /** Who has a record that is newer than the last of all of them. */
  async #back(cursors: Cursor[], signal: AbortSignal): Promise<Set<string>> {
    const times = cursors.map(({ time }) => time).sort()
    const from = after(times.at(-1) ?? '')
    const found = new Set<string>()
    for (let i = 0; i < cursors.length; i += groupSize) {
      const symbols = cursors.slice(i, i + groupSize).map(({ symbol }) => symbol)
      for await (const rows of this.#source.select({ symbols, from, rows: pageRows }, signal))
        for (const { symbol } of rows) found.add(symbol)
    }
    return found
  }
}
