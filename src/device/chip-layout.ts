import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import { type Loader, sectorBytes } from './loader.js'
import { type Partition, readPartitionTable, tableOffset } from './partitions.js'

/** What lies on the chip, as far as its table tells. */
export interface ChipLayout {
  partitions: Partition[]
  /**
   * False where the table is gone or was cut short: then nothing says what does not exist, and
   * only what a place itself holds does.
   */
  isKnown: boolean
}

export const noLayout: ChipLayout = { partitions: [], isKnown: false }

export async function readLayout(loader: Loader): Promise<ChipLayout> {
  const bytes = await loader.readAll(tableOffset, 0xc00)
  try {
    const { partitions, hasDigest } = readPartitionTable(bytes, 'the chip')
    // Every table of the last years ends with its digest: one that does not was cut short.
    return { partitions, isKnown: hasDigest }
  } catch (error) {
    if (error instanceof WxError) return noLayout
    throw error
  }
}

export function samePlace(a: Partition | undefined, b: Partition | undefined): boolean {
  return a?.offset === b?.offset && a?.size === b?.size
}

/** Size of the LittleFS 2 that begins at an address, from either copy of its superblock. */
export async function littleFsBytes(loader: Loader, address: number): Promise<number | undefined> {
  for (const at of [address, address + sectorBytes]) {
    const head = await loader.readAll(at, 32)
    if (Buffer.from(head.subarray(8, 16)).toString('latin1') !== 'littlefs') continue
    const view = new DataView(head.buffer, head.byteOffset)
    return view.getUint32(24, true) * view.getUint32(28, true)
  }
  return undefined
}

export function blankMd5(size: number): string {
  return createHash('md5').update(new Uint8Array(size).fill(0xff)).digest('hex')
}

export async function isBlank(loader: Loader, address: number, size: number): Promise<boolean> {
  return (await loader.md5(address, size)) === blankMd5(size)
}
