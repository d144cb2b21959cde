import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { type ChipName, chips } from './boards.js'
import { fetchText } from './download.js'

export interface FirmwarePart {
  /** Where it belongs in flash. */
  offset: number
  url: string
  size?: number
  /** Absent where the publisher gives none and nobody measured it: trusted at first use. */
  sha256?: string
}

/** One build of a runtime for one chip. */
export interface Firmware {
  runtime: string
  version: string
  date: string
  board: string
  variant: string
  chip: ChipName
  parts: FirmwarePart[]
}

export interface FirmwareOptions {
  /** Base address of a mirror, instead of our catalog and the publishers. */
  mirror: string | undefined
  /** Uses what is on this computer and nothing else. */
  offline: boolean
  signal?: AbortSignal | undefined
}

/** `micropython`, `micropython@1.28.0`, `espruino@2v25`, `micropython@latest`; undefined for anything else. */
export function parseFirmwareName(
  text: string,
): { runtime: string; version: string | undefined } | undefined {
  const match = /^(micropython|espruino)(?:@v?([0-9a-z.-]+))?$/i.exec(text)
  return match?.[1] ? { runtime: match[1].toLowerCase(), version: match[2] } : undefined
}

/** The catalog of the mirror, or our own, which pins what the publishers do not. */
export async function loadCatalog(options: FirmwareOptions, system: System): Promise<Firmware[]> {
  if (options.mirror === undefined) {
    const path = join(system.packageFolder, 'firmware', 'catalog.json')
    return parseCatalog((await system.files.readText(path)) ?? '', path)
  }
  const base = mirrorBase(options.mirror)
  const url = new URL('catalog.json', base).href
  const catalog = await fetchText(url, (text) => parseCatalog(text, url), options, system)
  return catalog.map((entry) => ({
    ...entry,
    parts: entry.parts.map((part) => ({ ...part, url: new URL(part.url, base).href })),
  }))
}

function mirrorBase(mirror: string): string {
  if (URL.canParse(mirror) && /^https?:$/.test(new URL(mirror).protocol))
    return mirror.endsWith('/') ? mirror : `${mirror}/`
  throw new WxError('SETTINGS_INVALID', `The firmware mirror "${mirror}" is no web address.`, {
    hint: 'Set firmware.mirror (WXSTATION_FIRMWARE_MIRROR) to the http:// or https:// address of a folder with catalog.json.',
    details: { mirror },
  })
}

/** Reads a catalog; entries for chips or of shapes we do not know are errors, not surprises later. */
export function parseCatalog(text: string, from: string): Firmware[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new WxError('FIRMWARE_CORRUPT', `${from} is not a firmware catalog.`, { cause })
  }
  const { version, firmware } = (value ?? {}) as { version?: unknown; firmware?: unknown }
  if (version !== 1 || !Array.isArray(firmware) || !firmware.every(isFirmware)) {
    throw new WxError('FIRMWARE_CORRUPT', `${from} is not a firmware catalog of version 1.`)
  }
  return firmware
}

function isFirmware(value: unknown): value is Firmware {
  const entry = value as Partial<Record<keyof Firmware, unknown>> | null
  const texts = [entry?.runtime, entry?.version, entry?.date, entry?.board, entry?.variant]
  return (
    texts.every((text) => typeof text === 'string') &&
    typeof entry?.chip === 'string' &&
    entry.chip in chips &&
    Array.isArray(entry.parts) &&
    entry.parts.length > 0 &&
    entry.parts.every(isPart)
  )
}

function isPart(value: unknown): value is FirmwarePart {
  const part = value as Partial<Record<keyof FirmwarePart, unknown>> | null
  return (
    Number.isInteger(part?.offset) &&
    typeof part?.url === 'string' &&
    (part.size === undefined || Number.isInteger(part.size)) &&
    (part.sha256 === undefined || /^[0-9a-f]{64}$/.test(String(part.sha256)))
  )
}

/** `1.28.0` < `1.29.0`, `2v9` < `2v25`: by the numbers in them. */
export function compareVersions(a: string, b: string): number {
  const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number)
  const [left, right] = [numbers(a), numbers(b)]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The build that fits: of the version that was asked for, or the newest. Undefined where there is none. */
export function selectFirmware(
  catalog: Firmware[],
  wanted: { runtime: string; version: string | undefined; chip: ChipName; variant?: string },
): Firmware | undefined {
  return catalog
    .filter(
      ({ runtime, version, chip, variant }) =>
        runtime === wanted.runtime &&
        chip === wanted.chip &&
        variant === (wanted.variant ?? '') &&
        (wanted.version === undefined || version === wanted.version),
    )
    .sort((a, b) => compareVersions(b.version, a.version))[0]
}

/** Espruino's versions cannot be looked up: the newest that one chip has, the others have too. */
function publishedName<T extends { runtime: string; version: string | undefined }>(
  wanted: T,
  catalog: Firmware[],
): T {
  if (wanted.runtime !== 'espruino' || /^\d/.test(wanted.version ?? '')) return wanted
  const versions = catalog.filter(({ runtime }) => runtime === 'espruino')
  const newest = versions.sort((a, b) => compareVersions(b.version, a.version))[0]
  return { ...wanted, version: newest?.version }
}

/**
 * The build to flash. A version that the catalog does not have is looked up on the publisher's
 * page. Throws FIRMWARE_UNKNOWN.
 */
export async function chooseFirmware(
  wanted: { runtime: string; version: string | undefined; chip: ChipName; variant?: string },
  options: FirmwareOptions,
  system: System,
): Promise<Firmware> {
  const catalog = await loadCatalog(options, system)
  const isLatest = wanted.version === 'latest'
  const known = selectFirmware(catalog, {
    ...wanted,
    version: isLatest ? undefined : wanted.version,
  })
  const mayAsk = options.mirror === undefined && !options.offline
  if (known && !(isLatest && mayAsk)) return known
  const { findPublished } = await import('./publisher.js')
  const found = mayAsk
    ? await findPublished(publishedName(wanted, catalog), options, system)
    : undefined
  const best = [found, known]
    .filter((one) => one !== undefined)
    .sort((a, b) => compareVersions(b.version, a.version))[0]
  if (best) return best
  const chip = chips[wanted.chip].name
  const there = catalog
    .filter(({ runtime, chip }) => runtime === wanted.runtime && chip === wanted.chip)
    .map(({ version }) => version)
  const name = [wanted.runtime, wanted.version, wanted.variant].filter(Boolean).join(' ')
  throw new WxError('FIRMWARE_UNKNOWN', `There is no ${name} for the ${chip} in the catalog.`, {
    ...(there.length > 0 && { hint: `There is ${there.join(', ')}; or give an image file.` }),
    details: { ...wanted, available: there },
  })
}
