import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import { differingRuns, type Run } from './compare.js'
import type { FlashTarget, Region } from './flash-target.js'
import { type Loader, sectorBytes } from './loader.js'
import { type Partition, queueLabel, readPartitionTable, tableOffset } from './partitions.js'

/** What has to be done to make a chip's flash equal to a target. */
export interface FlashPlan {
  /** The whole chip first. */
  eraseAll: boolean
  /** Partitions that are new where something old lies: emptied, so that nothing is misread. */
  erase: { label: string; address: number; size: number }[]
  runs: Run[]
  sectors: number
  sectorsToWrite: number
  /** The board has files that do not survive, because vfs moves or changes its size. */
  losesFiles: boolean
  queueBytes: number
}

/** LittleFS keeps its superblock in the first two; a blank first one makes MicroPython format. */
const superblockBytes = 2 * sectorBytes

/** What lies on the chip, as far as its table tells. */
interface Before {
  partitions: Partition[]
  /**
   * False where the table is gone or was cut short: then nothing says what does not exist, and
   * only what a place itself holds does.
   */
  isKnown: boolean
}

/** Compares chip and target. Only reads. */
export async function planFlash(
  loader: Loader,
  target: FlashTarget,
  options: { erase: boolean; force: boolean },
  onCompared: (done: number, total: number) => void,
): Promise<FlashPlan> {
  const sectors = target.regions.reduce((sum, { bytes }) => sum + bytes.length / sectorBytes, 0)
  const queue = target.table?.partitions.find(({ label }) => label === queueLabel)
  const before = options.erase ? nothing : await readBefore(loader)
  if (!target.table) checkRoom(target, before)
  const fresh = options.erase ? [] : await freshPartitions(loader, target, before)
  const runs: Run[] = []
  let compared = 0
  for (const region of target.regions) {
    runs.push(
      ...(await runsToWrite(loader, region, options, (count) => {
        compared += count
        onCompared(compared, sectors)
      })),
    )
  }
  return {
    eraseAll: options.erase,
    erase: fresh,
    runs,
    sectors,
    sectorsToWrite: runs.reduce((sum, { size }) => sum + size / sectorBytes, 0),
    losesFiles: options.erase ? false : await losesFiles(loader, target, before),
    queueBytes: queue?.size ?? 0,
  }
}

function runsToWrite(
  loader: Loader,
  region: Region,
  { erase, force }: { erase: boolean; force: boolean },
  onCompared: (count: number) => void,
): Promise<Run[]> {
  if (force && !erase) {
    onCompared(region.bytes.length / sectorBytes)
    return Promise.resolve([{ address: region.address, size: region.bytes.length }])
  }
  // After an erase the chip holds ones everywhere: no need to ask it.
  const md5 = erase
    ? async (_address: number, size: number): Promise<string> => blankMd5(size)
    : (address: number, size: number): Promise<string> => loader.md5(address, size)
  return differingRuns(region, md5, onCompared)
}

function blankMd5(size: number): string {
  return createHash('md5').update(new Uint8Array(size).fill(0xff)).digest('hex')
}

const nothing: Before = { partitions: [], isKnown: false }

/** What is on the chip now; a chip without a readable table has none. */
export async function partitionsOnChip(loader: Loader): Promise<Partition[]> {
  return (await readBefore(loader)).partitions
}

async function readBefore(loader: Loader): Promise<Before> {
  const bytes = await loader.readAll(tableOffset, sectorBytes)
  try {
    const { partitions, hasDigest } = readPartitionTable(bytes.subarray(0, 0xc00), 'the chip')
    // Every table of the last years ends with its digest: one that does not was cut short.
    return { partitions, isKnown: hasDigest }
  } catch (error) {
    if (error instanceof WxError) return nothing
    throw error
  }
}

/** An app alone starts only where the chip's own table has room for it. */
function checkRoom({ image, regions }: FlashTarget, { partitions }: Before): void {
  const end = Math.max(...regions.map(({ address, bytes }) => address + bytes.length))
  const app = partitions.find(({ type, offset }) => type === 'app' && offset === image.offset)
  if (app && app.offset + app.size >= end) return
  const at = `0x${image.offset.toString(16)}`
  throw new WxError(
    'IMAGE_INVALID',
    app
      ? `The app is larger than the board's partition ${app.label} (${app.size} bytes).`
      : `The file is an app alone, and the board has no app partition at ${at}.`,
    {
      hint: 'Flash the combined image of this firmware: it brings bootloader and partition table.',
      details: { offset: image.offset, sizeBytes: image.bytes.length },
    },
  )
}

function samePlace(a: Partition | undefined, b: Partition | undefined): boolean {
  return a?.offset === b?.offset && a?.size === b?.size
}

async function losesFiles(
  loader: Loader,
  { table }: FlashTarget,
  { partitions, isKnown }: Before,
): Promise<boolean> {
  const old = partitions.find(({ label }) => label === 'vfs')
  const next = table?.partitions.find(({ label }) => label === 'vfs')
  if (!next || samePlace(old, next)) return false
  if (old) return !(await isBlank(loader, old.offset, superblockBytes))
  if (isKnown) return false
  const found = await littleFsBytes(loader, next.offset)
  return found !== undefined && found !== next.size
}

/** Where vfs or the queue come to lie anew on something that is not theirs. */
async function freshPartitions(
  loader: Loader,
  { table }: FlashTarget,
  { partitions, isKnown }: Before,
): Promise<FlashPlan['erase']> {
  const erase: FlashPlan['erase'] = []
  for (const partition of table?.partitions ?? []) {
    const { label, offset, size } = partition
    if (label !== 'vfs' && label !== queueLabel) continue
    const old = partitions.find((one) => one.label === label)
    if (samePlace(old, partition)) continue
    if (!old && !isKnown && (await isOurs(loader, partition))) continue
    const end = Math.min(offset + size, loader.facts.flashSizeBytes)
    const wiped = label === 'vfs' ? superblockBytes : end - offset
    if (!(await isBlank(loader, offset, wiped))) erase.push({ label, address: offset, size: wiped })
  }
  return erase
}

/**
 * Whether a place may hold what it is for, where no table says so. The station's queue checks every
 * page it finds and erases each before it writes: it needs no help, and its records are kept.
 */
async function isOurs(loader: Loader, { label, offset, size }: Partition): Promise<boolean> {
  return label === queueLabel || (await littleFsBytes(loader, offset)) === size
}

/** Size of the LittleFS 2 that begins at an address, from either copy of its superblock. */
async function littleFsBytes(loader: Loader, address: number): Promise<number | undefined> {
  for (const at of [address, address + sectorBytes]) {
    const head = await loader.readAll(at, 32)
    if (Buffer.from(head.subarray(8, 16)).toString('latin1') !== 'littlefs') continue
    const view = new DataView(head.buffer, head.byteOffset)
    return view.getUint32(24, true) * view.getUint32(28, true)
  }
  return undefined
}

async function isBlank(loader: Loader, address: number, size: number): Promise<boolean> {
  return (await loader.md5(address, size)) === blankMd5(size)
}
