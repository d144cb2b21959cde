import { WxError } from '../errors.js'

/** One row of a weather stream has some 150 bytes; a single element beyond this is no row. */
const maxElementBytes = 16_000_000
/** So many bytes behind the last seam wait for the next one: many times a row, one piece at most. */
const mostRestBytes = 65_536
/** Blanks around the array; a server that sends on and on without a row must not hold anybody up. */
const maxBlanks = 1_000_000

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Reads elements of a known form faster than JSON.parse: RowScanner. */
export interface ElementScanner {
  /** Adds what it could read of `bytes` to `rows`; answers where it stopped: `end` or an element. */
  scan(bytes: Buffer, start: number, end: number, rows: unknown[]): number
}

/**
 * Reads a JSON array piece by piece: yields the elements that each piece of the answer completes,
 * so that an answer of any length needs the memory of one piece. A piece may be overwritten once the
 * next is asked for. An array that ends before its
 * bracket throws ANSWER_INCOMPLETE: the server's cursor failed midway or the connection broke.
 */
export async function* jsonRows(
  chunks: AsyncIterable<Uint8Array>,
  scanner?: ElementScanner,
): AsyncGenerator<unknown[]> {
  const leap = makeLeaper(scanner)
  for await (const chunk of chunks) {
    const rows = leap.take(chunk)
    if (rows.length > 0) yield rows
  }
  const rows = leap.rest()
  if (rows.length > 0) yield rows
  leap.end()
}

/**
 * Stands between two messages of a select. Within a message it could only stand in an array of
 * objects; what is cut there does not parse.
 */
const seam = Buffer.from('},{"$type":')

interface Leaper extends Scanner {
  /** What is complete when no more comes. */
  rest(): unknown[]
}

/**
 * Leaps to the last seam of each piece instead of looking at every byte: three times as fast as
 * the scanner (`npm run bench -- tail`). Whatever does not fit goes to the scanner, for good.
 */
function makeLeaper(scanner: ElementScanner | undefined): Leaper {
  let scan: Scanner | undefined
  // One buffer for all pieces: memory outside of V8's heap is given back late.
  let joined = Buffer.alloc(0)
  let restBytes = 0
  let isFirst = true

  const join = (chunk: Uint8Array): Buffer => {
    const size = restBytes + chunk.length
    if (joined.length < size) {
      const larger = Buffer.allocUnsafeSlow(2 * size)
      joined.copy(larger, 0, 0, restBytes)
      joined = larger
    }
    joined.set(chunk, restBytes)
    return joined.subarray(0, size)
  }
  const giveUp = (bytes: Uint8Array): unknown[] => {
    scan = makeScanner()
    if (!isFirst) scan.take(openArray)
    return scan.take(bytes)
  }
  const rest = (): Buffer => joined.subarray(0, restBytes)
  return {
    take(chunk) {
      if (scan) return scan.take(chunk)
      const at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).lastIndexOf(seam)
      const bytes = join(chunk)
      if (at < 0 && (isFirst || bytes.length > mostRestBytes)) return giveUp(bytes)
      if (at < 0) {
        // A piece that ends a row, or cuts a seam in two.
        restBytes = bytes.length
        return []
      }
      const cut = restBytes + at + 1
      const rows: unknown[] = []
      let start = 0
      if (isFirst) {
        if (bytes[0] !== openBracket) return giveUp(bytes)
        isFirst = false
        start = 1
      }
      while (start < cut) {
        if (scanner) start = scanner.scan(bytes, start, cut, rows)
        if (start >= cut) break
        // Where the scanner stops at a row, only this one is parsed, as far as it can be told.
        const end = scanner ? bytes.indexOf(seam, start) + 1 : cut
        const found = parsed(bytes, start, end) ?? parsed(bytes, start, cut)
        if (!found) return [...rows, ...giveUp(bytes.subarray(start))]
        for (const row of found.rows) rows.push(row)
        start = found.end + 1
      }
      bytes.copyWithin(0, cut + 1)
      restBytes = bytes.length - cut - 1
      return rows
    },
    rest() {
      if (scan || isFirst) return []
      const bytes = rest()
      const rows: unknown[] = []
      // A last row of another origin than all others would have V8 compile every reader anew.
      const bracket = lastBracket(bytes)
      const start = scanner && bracket > 0 ? scanner.scan(bytes, 0, bracket, rows) : 0
      if (bracket <= 0 || start < bracket) return [...rows, ...giveUp(bytes.subarray(start))]
      scan = makeScanner()
      scan.take(emptyArray)
      return rows
    },
    end() {
      if (!scan) giveUp(rest())
      scan?.end()
    },
  }
}

const openArray = Buffer.from('[')
const emptyArray = Buffer.from('[]')

/** Place of the bracket that the bytes end with, but for blanks; -1 where they do not. */
function lastBracket(bytes: Uint8Array): number {
  let at = bytes.length - 1
  while (at >= 0 && isSpace(bytes[at] as number)) at--
  return bytes[at] === closeBracket ? at : -1
}

function parsed(
  bytes: Buffer,
  start: number,
  end: number,
): { rows: unknown[]; end: number } | undefined {
  try {
    return { rows: JSON.parse(`[${bytes.toString('utf8', start, end)}]`) as unknown[], end }
  } catch {
    return undefined
  }
}

interface Scanner {
  take(chunk: Uint8Array): unknown[]
  end(): void
}

function makeScanner(): Scanner {
  let place: 'before' | 'inside' | 'after' = 'before'
  let depth = 0
  let inString = false
  let escaped = false
  let hasElements = false
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let blanks = 0

  /** Parses what is pending plus `last`: a list of elements with commas between them. */
  const parse = (last: Uint8Array, isEnd: boolean): unknown[] => {
    const text = Buffer.concat([...pending, last]).toString('utf8')
    pending = []
    pendingBytes = 0
    // Only an array without any element may have nothing before its closing bracket.
    if (isEnd && !hasElements && text.trim() === '') return []
    hasElements = true
    try {
      return JSON.parse(`[${text.trim() === '' ? ',' : text}]`) as unknown[]
    } catch (cause) {
      throw new WxError('ANSWER_INVALID', 'The server sent rows that are not valid JSON.', {
        cause,
      })
    }
  }

  const take = (piece: Uint8Array): unknown[] => {
    // What is kept of it outlives the piece.
    const chunk = Buffer.from(piece)
    const rows: unknown[][] = []
    let start = 0
    let boundary = -1
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number
      if (place === 'inside') {
        if (inString) {
          if (escaped) escaped = false
          else if (byte === backslash) escaped = true
          else if (byte === quote) inString = false
        } else if (byte === quote) inString = true
        else if (byte === openBrace || byte === openBracket) depth++
        else if (byte === comma) {
          if (depth === 1) boundary = i
        } else if (byte === closeBrace || byte === closeBracket) {
          depth--
          if (depth === 0) {
            if (byte !== closeBracket) throw notAnArray(chunk)
            rows.push(parse(chunk.subarray(start, i), true))
            place = 'after'
          }
        }
      } else if (!isSpace(byte)) {
        if (place === 'after' || byte !== openBracket) throw notAnArray(chunk)
        place = 'inside'
        depth = 1
        start = i + 1
      }
    }
    if (place !== 'inside') {
      blanks += rows.length > 0 ? 0 : chunk.length
      if (blanks > maxBlanks)
        throw new WxError('ANSWER_INVALID', 'The server sent an answer without end.')
      return rows.flat()
    }
    let first = start
    if (boundary >= start) {
      rows.push(parse(chunk.subarray(start, boundary), false))
      first = boundary + 1
    }
    const rest = chunk.subarray(first)
    pending.push(rest)
    pendingBytes += rest.length
    if (pendingBytes > maxElementBytes)
      throw new WxError('ANSWER_INVALID', 'The server sent a row of more than 16 MB.')
    return rows.length === 1 ? (rows[0] ?? []) : rows.flat()
  }

  return {
    take,
    end() {
      if (place === 'after') return
      throw new WxError('ANSWER_INCOMPLETE', 'The answer of the server ended in the middle.')
    },
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function notAnArray(chunk: Uint8Array): WxError {
  const start = Buffer.from(chunk.subarray(0, 200)).toString('utf8').trimStart()
  return start.startsWith('<')
    ? new WxError('NOT_WEBADMIN', 'The server answered with a web page instead of rows.')
    : new WxError('ANSWER_INVALID', 'The server answered with something that is no list of rows.')
}
