import { WxError } from '../errors.js'

/** One line of a list of boards: which board, and what is special about it. */
export interface Listed {
  /** A port URL, or `id:<usb serial>`. */
  port: string
  name?: string
  symbol?: string
  latitude?: number
  longitude?: number
  height?: number
  /** Other settings, as `name=value`. */
  set: string[]
}

const own = ['port', 'usb', 'name', 'symbol', 'latitude', 'longitude', 'height']

/** Reads a CSV (with a line of titles) or JSON (an array of objects) list of boards. */
export function parseList(text: string, path: string): Listed[] {
  const rows = /^\s*[[{]/.test(text) ? jsonRows(text, path) : csvRows(text)
  if (rows.length === 0) throw invalid(path, 'names no board')
  return rows.map((row, i) => {
    const port = row.port || (row.usb ? `id:${row.usb}` : '')
    if (!port) throw invalid(path, `says for board ${i + 1} neither "port" nor "usb"`)
    const number = (name: string): { [name: string]: number } => {
      if (!row[name]) return {}
      const value = Number(row[name])
      if (Number.isNaN(value)) throw invalid(path, `has no number as ${name} of board ${i + 1}`)
      return { [name]: value }
    }
    return {
      port,
      ...(row.name && { name: row.name }),
      ...(row.symbol && { symbol: row.symbol }),
      ...number('latitude'),
      ...number('longitude'),
      ...number('height'),
      set: Object.entries(row)
        .filter(([name, value]) => !own.includes(name) && value !== '')
        .map(([name, value]) => `${name}=${value}`),
    }
  })
}

/**
 * Throws SETTINGS_INVALID where two boards of one command are to write under one symbol into one
 * stream: nobody could tell their records apart afterwards. `usual` is for boards that name none.
 */
export function checkSymbols(boards: Listed[], usual: { symbol: string; stream: string }): void {
  const seen = new Set<string>()
  for (const { symbol = usual.symbol, set } of boards) {
    const stated = (name: string): string | undefined =>
      set.findLast((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
    const name = stated('symbol') ?? symbol
    // Those are made of each board's own MAC.
    if (name === '' || name === 'mac4') continue
    const key = `${stated('stream') ?? usual.stream} ${name}`
    if (seen.has(key))
      throw new WxError('SETTINGS_INVALID', `Two boards cannot both be "${name}" in one stream.`, {
        hint: 'Leave --symbol out: each board then has a name made of its MAC. Or name each in a list.',
        details: { symbol: name },
      })
    seen.add(key)
  }
}

function invalid(path: string, why: string): WxError {
  return new WxError('SETTINGS_INVALID', `The list ${path} ${why}.`, {
    hint: 'A line needs port or usb; name, symbol and any setting of a station may follow.',
  })
}

function jsonRows(text: string, path: string): { [name: string]: string }[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid(path, 'is not valid JSON')
  }
  if (!Array.isArray(value)) throw invalid(path, 'must hold an array of boards')
  return value.map((row: unknown, i) => {
    if (row === null || typeof row !== 'object' || Array.isArray(row))
      throw invalid(path, `holds no object for board ${i + 1}`)
    const { settings = {}, ...rest } = row as { settings?: unknown }
    if (settings === null || typeof settings !== 'object' || Array.isArray(settings))
      throw invalid(path, `holds no object as settings of board ${i + 1}`)
    return Object.fromEntries(
      Object.entries({ ...rest, ...settings }).map(([name, inner]) => [
        name,
        cellText(inner, () =>
          invalid(path, `holds no text or number as ${name} of board ${i + 1}`),
        ),
      ]),
    )
  })
}

/** Lists of texts (time servers) are written with commas, as in a CSV cell. */
function cellText(value: unknown, wrong: () => WxError): string {
  const one = (part: unknown): string => {
    if (typeof part === 'string' || typeof part === 'number') return String(part)
    throw wrong()
  }
  return Array.isArray(value) ? value.map(one).join(',') : one(value)
}

/** RFC 4180: quotes protect commas, two quotes are one. */
function csvRows(text: string): { [name: string]: string }[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const [titles = [], ...rows] = lines.map(csvCells)
  return rows.map((cells) =>
    Object.fromEntries(titles.map((title, i) => [title.trim(), (cells[i] ?? '').trim()])),
  )
}

function csvCells(line: string): string[] {
  return [...`,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
}
