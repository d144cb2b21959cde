import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'

/** What the inventory knows of a station, as far as readers of records care. */
export interface KnownStation {
  name?: string
  /** Height above sea level. */
  heightMeters?: number
}

/**
 * Stations by symbol, from the inventory that provisioning keeps. A file that is absent, broken or
 * of another shape names nobody: records are shown all the same, by symbol.
 */
export async function knownStations(system: System): Promise<Map<string, KnownStation>> {
  const known = new Map<string, KnownStation>()
  let entries: unknown
  try {
    const text = await system.files.readText(join(system.folders.data, 'inventory.json'))
    const value = JSON.parse(text ?? '{}') as { stations?: unknown }
    entries = value?.stations ?? value
  } catch {
    return known
  }
  if (entries === null || typeof entries !== 'object') return known
  for (const [key, entry] of Object.entries(entries as Record<string, unknown>)) {
    if (entry === null || typeof entry !== 'object') continue
    const { symbol, name, heightM } = entry as Record<string, unknown>
    const id = typeof symbol === 'string' ? symbol : Array.isArray(entries) ? '' : key

    if (id === '') continue
    known.set(id, {
      ...(typeof name === 'string' && name !== '' && { name }),
      ...(typeof heightM === 'number' && { heightMeters: heightM }),
    })
  }
  return known
}

/**
 * Whether a symbol is one of the stations a person named: by symbol, by name (case does not
 * matter), or by a pattern with `*`. Without any name every station is wanted.
 */
export function stationFilter(
  wanted: string[],
  known: Map<string, KnownStation>,
): ((symbol: string) => boolean) | undefined {
  if (wanted.length === 0) return undefined
  const patterns = wanted.map((text) => {
    const escaped = text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
    return new RegExp(`^${escaped}$`, 'i')
  })
  return (symbol) => {
    const name = known.get(symbol)?.name
    return (
      wanted.includes(symbol) ||
      patterns.some((pattern) => pattern.test(name ?? '') && name !== undefined) ||
      patterns.some((pattern, i) => wanted[i]?.includes('*') && pattern.test(symbol))
    )
  }
}

/** For names that no station of a stream has. */
export function noStation(stream: string, wanted: string[], there: string[]): WxError {
  const some = there.slice(0, 8).join(', ')
  const more = there.length > 8 ? ` and ${there.length - 8} more` : ''
  return new WxError('USAGE', `No station of "${stream}" is called ${wanted.join(' or ')}.`, {
    hint: there.length > 0 ? `It has ${some}${more}.` : 'It has no station yet.',
    details: { stream, wanted },
  })
}
