import type { System } from '../system.js'
import { type ChipName, chips } from './boards.js'
import { fetchText } from './download.js'
import { compareVersions, type Firmware, type FirmwareOptions } from './firmware.js'

const site = 'https://micropython.org'
/** `<BOARD>[-<VARIANT>]-<YYYYMMDD>-v<semver>.bin`; previews carry more after the version and are left out. */
const filePattern =
  /\/resources\/firmware\/([A-Z0-9_]+)(?:-([A-Z0-9_]+))?-(\d{8})-v(\d+\.\d+\.\d+)\.bin/g

/**
 * The newest release, or the one that was asked for, on the publisher's page of a board. The page
 * gives no hashes, so the answer has none. Undefined where the page does not name it.
 */
export async function findPublished(
  wanted: { runtime: string; version: string | undefined; chip: ChipName; variant?: string },
  options: FirmwareOptions,
  system: System,
): Promise<Firmware | undefined> {
  // Espruino publishes folders, not a list: its newest version cannot be looked up.
  if (wanted.runtime !== 'micropython') return undefined
  const { micropythonBoard, bootloaderOffset } = chips[wanted.chip]
  const page = await fetchText(`${site}/download/${micropythonBoard}/`, options, system)
  return publishedOn(page, micropythonBoard)
    .filter(({ variant }) => variant === (wanted.variant ?? ''))
    .filter(
      ({ version }) =>
        wanted.version === undefined || wanted.version === 'latest' || version === wanted.version,
    )
    .sort((a, b) => compareVersions(b.version, a.version))
    .map(({ version, date, variant, url }) => ({
      runtime: 'micropython',
      version,
      date,
      board: micropythonBoard,
      variant,
      chip: wanted.chip,
      parts: [{ offset: bootloaderOffset, url }],
    }))[0]
}

/** Every release that a download page links to. */
export function publishedOn(
  page: string,
  board: string,
): { version: string; date: string; variant: string; url: string }[] {
  return [...page.matchAll(filePattern)]
    .filter(([, name]) => name === board)
    .map(([path, , variant = '', date = '', version = '']) => ({
      version,
      date: `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`,
      variant,
      url: `${site}${path}`,
    }))
}
