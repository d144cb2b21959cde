import { createHash } from 'node:crypto'
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

/** Compares chip and target. Only reads. */
export async function planFlash(
  loader: Loader,
  target: FlashTarget,
  options: { erase: boolean; force: boolean },
  onCompared: (done: number, total: number) => void,
): Promise<FlashPlan> {
  const sectors = target.regions.reduce((sum, { bytes }) => sum + bytes.length / sectorBytes, 0)
  const queue = target.table?.partitions.find(({ label }) => label === queueLabel)
  const before = options.erase || !target.table ? [] : await partitionsOnChip(loader)
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
    losesFiles: await losesFiles(loader, target, before),
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

/** What is on the chip now; a chip without a readable table has none. */
export async function partitionsOnChip(loader: Loader): Promise<Partition[]> {
  const bytes = await loader.readAll(tableOffset, sectorBytes)
  try {
    return readPartitionTable(bytes.subarray(0, 0xc00), 'the chip').partitions
  } catch {
    return []
  }
}

function samePlace(a: Partition | undefined, b: Partition | undefined): boolean {
  return a?.offset === b?.offset && a?.size === b?.size
}

async function losesFiles(
  loader: Loader,
  { table }: FlashTarget,
  before: Partition[],
): Promise<boolean> {
  const old = before.find(({ label }) => label === 'vfs')
  const next = table?.partitions.find(({ label }) => label === 'vfs')
  if (!old || samePlace(old, next)) return false
  return !(await isBlank(loader, old.offset, superblockBytes))
}

/** Where vfs or the queue come to lie anew on something that is not theirs. */
async function freshPartitions(
  loader: Loader,
  { table }: FlashTarget,
  before: Partition[],
): Promise<FlashPlan['erase']> {
  const erase: FlashPlan['erase'] = []
  for (const partition of table?.partitions ?? []) {
    const { label, offset, size } = partition
    if (label !== 'vfs' && label !== queueLabel) continue
    const old = before.find((one) => one.label === label)
    if (samePlace(old, partition)) continue
    const end = Math.min(offset + size, loader.facts.flashSizeBytes)
    const wiped = label === 'vfs' ? superblockBytes : end - offset
    if (!(await isBlank(loader, offset, wiped))) erase.push({ label, address: offset, size: wiped })
  }
  return erase
}

async function isBlank(loader: Loader, address: number, size: number): Promise<boolean> {
  return (await loader.md5(address, size)) === blankMd5(size)
}
