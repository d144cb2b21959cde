import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import {
  blankMd5,
  type ChipLayout,
  isBlank,
  littleFsBytes,
  noLayout,
  readLayout,
  samePlace,
} from './chip-layout.js'
import { differingRuns, type Run } from './compare.js'
import type { FlashTarget, Region } from './flash-target.js'
import { type Held, heldBy } from './kept-files.js'
import { superblockBytes } from './littlefs.js'
import { type Loader, sectorBytes } from './loader.js'
import { type FilesFate, findLosses, type Loss } from './losses.js'
import { type Partition, queueLabel } from './partitions.js'

/** What has to be done to make a chip's flash equal to a target. */
export interface FlashPlan {
  /** The whole chip first. */
  eraseAll: boolean
  /** Partitions that are new where something old lies: emptied, so that nothing is misread. */
  erase: { label: string; address: number; size: number }[]
  runs: Run[]
  sectors: number
  sectorsToWrite: number
  /** What the board holds that has no place in the new layout. */
  losses: Loss[]
  /** What of that goes into the new layout all the same. */
  held: Held
  files: FilesFate
  queueBytes: number
}

const noLosses = { losses: [], files: 'erased' as const }

/** Compares chip and target. Only reads. */
export async function planFlash(
  loader: Loader,
  target: FlashTarget,
  options: { erase: boolean; force: boolean },
  report: Report,
): Promise<FlashPlan> {
  const sectors = target.regions.reduce((sum, { bytes }) => sum + bytes.length / sectorBytes, 0)
  const queue = target.table?.partitions.find(({ label }) => label === queueLabel)
  const before = options.erase ? noLayout : await readLayout(loader)
  if (!target.table) checkRoom(target, before)
  const fresh = options.erase ? [] : await freshPartitions(loader, target, before)
  const runs: Run[] = []
  let compared = 0
  for (const region of target.regions) {
    runs.push(
      ...(await runsToWrite(loader, region, options, (count) => {
        compared += count
        report({
          type: 'progress',
          stage: 'compare',
          done: compared,
          total: sectors,
          unit: 'sectors',
        })
      })),
    )
  }
  const fates = options.erase ? noLosses : await findLosses(loader, target, before, runs, report)
  return {
    eraseAll: options.erase,
    erase: fresh,
    runs,
    sectors,
    sectorsToWrite: runs.reduce((sum, { size }) => sum + size / sectorBytes, 0),
    ...fates,
    held: heldBy(target, fates.losses),
    queueBytes: queue?.size ?? 0,
  }
}

/** The plan with the files that go into the new `vfs`: all of them, before the rest. */
export function planWithFiles(
  plan: FlashPlan,
  target: FlashTarget,
  before: FlashTarget,
): FlashPlan {
  const own = target.regions.filter((region) => !before.regions.includes(region))
  const runs = own.map(({ address, bytes }) => ({ address, size: bytes.length }))
  const sectors = runs.reduce((sum, { size }) => sum + size / sectorBytes, 0)
  return {
    ...plan,
    runs: [...runs, ...plan.runs],
    sectors: plan.sectors + sectors,
    sectorsToWrite: plan.sectorsToWrite + sectors,
  }
}

/** The plan as the user is shown it, without addresses. */
export function planValues({ losses, held, ...plan }: FlashPlan) {
  const moving = losses.find(({ kind }) => kind === 'files')?.files
  return {
    nothingToDo: plan.sectorsToWrite === 0 && !plan.eraseAll && plan.erase.length === 0,
    eraseAll: plan.eraseAll,
    sectors: plan.sectors,
    sectorsToWrite: plan.sectorsToWrite,
    queueBytes: plan.queueBytes,
    files: plan.files,
    losesFiles: plan.files === 'move',
    ...(moving && { movingFiles: moving.count, movingBytes: moving.bytes }),
    ...(moving && { filesFit: held.kinds.has('files') }),
    movesQueue: held.kinds.has('queue'),
    loses: losses.map(({ label }) => label).join(' '),
    erases: plan.erase.map(({ label }) => label).join(' '),
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

/** An app alone starts only where the chip's own table has room for it. */
function checkRoom({ image, regions }: FlashTarget, { partitions }: ChipLayout): void {
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

/** Where vfs or the queue come to lie anew on something that is not theirs. */
async function freshPartitions(
  loader: Loader,
  { table, files }: FlashTarget,
  { partitions, isKnown }: ChipLayout,
): Promise<FlashPlan['erase']> {
  const erase: FlashPlan['erase'] = []
  for (const partition of table?.partitions ?? []) {
    const { label, offset, size } = partition
    if (label !== 'vfs' && label !== queueLabel) continue
    // A job that was cut short has emptied both before it put the files in.
    if (files === 'there') continue
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
