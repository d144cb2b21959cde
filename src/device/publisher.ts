import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { type ChipName, chips } from './boards.js'
import { fetchText } from './download.js'
import { compareVersions, type Firmware, type FirmwareOptions } from './firmware.js'
import { tableOffset } from './partitions.js'

const site = 'https://micropython.org'
/** `<BOARD>[-<VARIANT>]-<YYYYMMDD>-v<semver>.bin`; previews carry more after the version and are left out. */
const filePattern =
  /\/resources\/firmware\/([A-Z0-9_]+)(?:-([A-Z0-9_]+))?-(\d{8})-v(\d+\.\d+\.\d+)\.bin/g

const espruinoSite = 'https://www.espruino.com/binaries'
/** Chips that Espruino is built for, by the end of the names of its files. */
const espruinoChips: Partial<Record<ChipName, string>> = {
  esp32: 'esp32',
  esp32c3: 'esp32c3',
  esp32s3: 'esp32s3',
}

interface Wanted {
  runtime: string
  version: string | undefined
  chip: ChipName
  variant?: string
}

/**
 * A release as its publisher has it: of MicroPython the newest, or the one that was asked for, on
 * the page of a board; of Espruino the one that was asked for, in the folder where it must be.
 * Neither gives hashes, so the answer has none. Undefined where there is none.
 */
export async function findPublished(
  wanted: Wanted,
  options: FirmwareOptions,
  system: System,
): Promise<Firmware | undefined> {
  if (wanted.runtime === 'espruino') return espruino(wanted)
  const { micropythonBoard, bootloaderOffset } = chips[wanted.chip]
  const url = `${site}/download/${micropythonBoard}/`
  const releases = await fetchText(url, (page) => releasesOn(page, url), options, system)
  return releases
    .filter(
      ({ board, variant }) => board === micropythonBoard && variant === (wanted.variant ?? ''),
    )
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

/** Espruino publishes a folder for each version and chip and no list of them: the newest cannot be looked up. */
function espruino({ version, chip, variant }: Wanted): Firmware | undefined {
  const suffix = espruinoChips[chip]
  if (!suffix || variant || !version || !/^\d+v\d+/.test(version)) return undefined
  const folder = `${espruinoSite}/espruino_${version}_${suffix}`
  const table = chip === 'esp32' ? 'partitions_espruino.bin' : 'partition-table.bin'
  return {
    ...{ runtime: 'espruino', version, date: '', board: chips[chip].name, variant: '', chip },
    parts: [
      { offset: chips[chip].bootloaderOffset, url: `${folder}/bootloader.bin` },
      { offset: tableOffset, url: `${folder}/${table}` },
      { offset: 0x10000, url: `${folder}/espruino_${suffix}.bin` },
    ],
  }
}

/** Every release that a download page links to. Throws FIRMWARE_CORRUPT at a page that names none. */
function releasesOn(
  page: string,
  from: string,
): { board: string; version: string; date: string; variant: string; url: string }[] {
  const links = [...page.matchAll(filePattern)]
  if (links.length === 0) {
    throw new WxError('FIRMWARE_CORRUPT', `${from} is not the download page it was.`, {
      hint: 'Sign in to the network in a browser if it wants that, or give an image file.',
      details: { url: from },
    })
  }
  return links.map(([path, board = '', variant = '', date = '', version = '']) => ({
    ...{ board, version, variant },
    date: `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`,
    url: `${site}${path}`,
  }))
}
