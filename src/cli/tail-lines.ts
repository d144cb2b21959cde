import type { Row } from '../timebase/row.js'
import { type RowLine, ScannedRow } from '../timebase/row-scanner.js'
import type { Context } from './context.js'

/** What a tail prints, in its order. Records that are written as they were read stay bytes. */
export class TailLines {
  #pieces: (string | Uint8Array)[] = []
  #texts: string[] = []
  #plain: Row[] = []
  /** Lines that were read as they are to be written, one behind the other. */
  #verbatim: RowLine | undefined

  push(...lines: string[]): void {
    this.#endPlain()
    this.#endVerbatim()
    this.#texts.push(...lines)
  }

  /** A record as NDJSON, nothing added to it; `isAsRead` when nothing in it was changed either. */
  record(row: Row, isAsRead: boolean): void {
    const line = isAsRead ? ScannedRow.lineOf(row) : undefined
    const before = this.#verbatim
    if (line && before?.block === line.block && before.end === line.start) {
      before.end = line.end
      return
    }
    this.#endVerbatim()
    if (!line) {
      this.#plain.push(row)
      return
    }
    this.#endPlain()
    this.#verbatim = { ...line }
  }

  async emit(emit: Context['emit']): Promise<void> {
    this.#endPlain()
    this.#endVerbatim()
    this.#endTexts()
    const pieces = this.#pieces
    this.#pieces = []
    for (const piece of pieces) await emit(piece)
  }

  #endTexts(): void {
    if (this.#texts.length > 0) this.#pieces.push(this.#texts.join('\n'))
    this.#texts = []
  }

  #endVerbatim(): void {
    if (!this.#verbatim) return
    const { block, start, end } = this.#verbatim
    this.#verbatim = undefined
    this.#endTexts()
    this.#pieces.push(block.bytes.subarray(start, end))
  }

  /** Plain records as one text: half the time of one by one. */
  #endPlain(): void {
    const rows = this.#plain
    if (rows.length === 0) return
    this.#plain = []
    const parts = JSON.stringify(rows).slice(1, -1).split(seam)
    // Rows of a server that does not begin with the type have no seam.
    if (parts.length === rows.length) this.#texts.push(parts.join(seam.replace(',', '\n')))
    else this.#texts.push(...rows.map((row) => JSON.stringify(row)))
  }
}

/** What stands between two flat records in JSON: inside a text its quote would be escaped. */
const seam = '},{"$type":'
