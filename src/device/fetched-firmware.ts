import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { chips } from './boards.js'
import { type Download, type DownloadOptions, download, keepDownload } from './download.js'
import type { Firmware } from './firmware.js'
import { mergeParts } from './flash-target.js'
import { type Image, readImage } from './image.js'

/** A build that is here, whole, and an image for its chip. */
export interface FetchedFirmware {
  chosen: Firmware
  image: Image
  parts: (Pick<Download, 'sha256' | 'from' | 'trust'> & { url: string })[]
}

/**
 * Brings all parts of a build here and proves that together they are an image for its chip; only
 * then is what came trusted and kept. Throws FIRMWARE_CORRUPT, NETWORK_UNREACHABLE.
 */
export async function fetchFirmware(
  chosen: Firmware,
  options: DownloadOptions,
  system: System,
  onProgress: (done: number, total: number) => void,
): Promise<FetchedFirmware> {
  const got: (Download & { offset: number; url: string })[] = []
  for (const { offset, ...part } of chosen.parts) {
    got.push({ offset, url: part.url, ...(await download(part, options, system, onProgress)) })
  }
  const image = proven(chosen, got)
  for (const one of got) await keepDownload(one.url, one, system)
  const parts = got.map(({ url, sha256, from, trust }) => ({ url, sha256, from, trust }))
  return { chosen, image, parts }
}

function proven(
  chosen: Firmware,
  parts: { offset: number; url: string; bytes: Uint8Array }[],
): Image {
  const { runtime, version, board, chip } = chosen
  // A network that wants a sign-in answers every address with its page, and says 200.
  const page = parts.find(({ bytes }) =>
    /^\s*</.test(Buffer.from(bytes.subarray(0, 64)).toString()),
  )
  if (page) {
    throw new WxError('FIRMWARE_CORRUPT', `${page.url} gave a web page instead of firmware.`, {
      hint: 'Sign in to the network in a browser, then run the command again; nothing was kept.',
      details: { url: page.url },
    })
  }
  const image = readImage(mergeParts(parts), `${board} ${version}`)
  if (image.header.chip !== chip) {
    const names = `${chips[image.header.chip].name}, not for the ${chips[chip].name}`
    throw new WxError(
      'FIRMWARE_CORRUPT',
      `What came as ${runtime} ${version} is for the ${names}.`,
      {
        details: { urls: parts.map(({ url }) => url) },
      },
    )
  }
  return image
}
