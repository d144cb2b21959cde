import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { cacheFolder } from './download.js'
import { defaultAppOffset, type Image, readImage } from './image.js'
import { type Loader, sectorBytes } from './loader.js'

/** Folders in the cache: host, path of the publisher, name. */
const deepestCache = 8

/**
 * What a range of flash probably holds: erased flash, the firmware that this computer has flashed or
 * fetched, and what earlier backups say, the later ones over the earlier. Nothing of it is believed:
 * the chip's MD5 tells which sectors are so and need no reading.
 */
export async function guessFlash(
  { offset, size }: { offset: number; size: number },
  earlier: string[],
  loader: Loader,
  system: System,
): Promise<Uint8Array> {
  const guess = new Uint8Array(size).fill(0xff)
  const firmware = await firmwareOnChip(loader, system)
  if (firmware) {
    const at = firmware.offset - offset
    const bytes = firmware.bytes.subarray(Math.max(0, -at), Math.max(0, size - at))
    if (bytes.length > 0) guess.set(bytes, Math.max(0, at))
  }
  for (const path of earlier) {
    const bytes = await system.files.read(path)
    if (bytes) guess.set(bytes.subarray(0, size))
  }
  return guess
}

/** The image in the cache whose app begins and ends as the chip's does. */
async function firmwareOnChip(loader: Loader, system: System): Promise<Image | undefined> {
  for (const image of await cachedImages(system)) {
    const { header, bytes, offset } = image
    const first = defaultAppOffset - offset
    const last = bytes.length - (bytes.length % sectorBytes) - sectorBytes
    if (header.chip !== loader.facts.chip || last < first) continue
    const isOn = async (at: number): Promise<boolean> => {
      const sector = bytes.subarray(at, at + sectorBytes)
      const wanted = createHash('md5').update(sector).digest('hex')
      return (await loader.md5(offset + at, sectorBytes)) === wanted
    }
    if ((await isOn(first)) && (await isOn(last))) return image
  }
  return undefined
}

async function cachedImages(system: System): Promise<Image[]> {
  const images: Image[] = []
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const name of await system.files.list(folder)) {
      const path = join(folder, name)
      if ((await system.files.stat(path))?.isFolder) {
        if (depth < deepestCache) await walk(path, depth + 1)
      } else if (name.endsWith('.bin')) {
        const image = await readAny(path, system)
        if (image) images.push(image)
      }
    }
  }
  await walk(cacheFolder(system), 0)
  return images
}

/** Parts of Espruino, and files that were cut short, are no images. */
async function readAny(path: string, system: System): Promise<Image | undefined> {
  try {
    const bytes = await system.files.read(path)
    return bytes && readImage(bytes, path)
  } catch (error) {
    if (error instanceof WxError && error.code === 'IMAGE_INVALID') return undefined
    throw error
  }
}
