import type { Report } from '../events.js'
import { type BoardFiles, isUntouched, readFiles } from './board-files.js'
import { type ChipLayout, isBlank, littleFsBytes, samePlace } from './chip-layout.js'
import type { Run } from './compare.js'
import type { FlashTarget } from './flash-target.js'
import { superblockBytes } from './littlefs.js'
import type { Loader } from './loader.js'
import { findUnsent, type UnsentPage } from './moved-queue.js'
import { type Partition, queueLabel } from './partitions.js'

/** Something on the board that has no place in the new layout, or another one. */
export interface Loss {
  /** MicroPython's files, Espruino's storage, the station's queue, or whatever else a firmware keeps. */
  kind: 'files' | 'storage' | 'queue' | 'data'
  label: string
  offset: number
  size: number
  /** Of `files`: what is there, where it can be read. */
  files?: BoardFiles
  /** Of `files`: the new layout has no file system at all. */
  isHomeless?: true
  /** Of a `queue` that the new layout has no partition for: what the station still needs of it. */
  unsent?: UnsentPage[]
}

/** What becomes of the files in `vfs`; `unknown` where the image brings no table that would tell. */
export type FilesFate = 'none' | 'stay' | 'move' | 'put-back' | 'erased' | 'unknown'

/** Whether a loss goes into a file of this computer, where it is kept: all but what is put back. Pure. */
export function isSaved({ kind, isHomeless }: Loss, held: ReadonlySet<Loss['kind']>): boolean {
  return !held.has(kind) && (kind !== 'files' || isHomeless === true)
}

/** Subtypes up to here (OTA selection, radio calibration, nvs, core dumps, keys) hold nothing people made. */
const lastSystemSubtype = 0x06

/**
 * What the board holds that the target would overwrite or lose sight of. Places that are blank, and
 * a file system nobody has used, hold nothing.
 */
export async function findLosses(
  loader: Loader,
  { table, files: kept, movedQueue }: FlashTarget,
  { partitions, isKnown }: ChipLayout,
  runs: Run[],
  report: Report,
): Promise<{ losses: Loss[]; files: FilesFate }> {
  if (!table) return { losses: [], files: 'unknown' }
  const found: { loss: Loss; isKept: boolean }[] = []
  for (const old of partitions) {
    const { label, type, subtype, offset, size } = old
    if (type !== 'data' || subtype <= lastSystemSubtype) continue
    const next = table.partitions.find((one) => one.label === label)
    const isKept = samePlace(old, next) && !runs.some((run) => overlaps(run, old))
    found.push({ loss: { kind: kindOf(old), label, offset, size }, isKept })
  }
  if (!isKnown) found.push(...(await strayFiles(loader, table.partitions)))
  const losses: Loss[] = []
  let files: FilesFate = kept === 'none' ? 'none' : 'put-back'
  for (const { loss, isKept } of found) {
    const isFiles = loss.kind === 'files'
    const isMoved = isFiles ? kept !== 'none' : loss.kind === 'queue' && movedQueue
    if (isMoved || (isKept && !isFiles) || (await isEmpty(loader, loss))) continue
    // A table may promise more than the chip has: nothing was ever stored there.
    const isWhole = loss.offset + loss.size <= loader.facts.flashSizeBytes
    const isHomeless = isWhole && !table.partitions.some(({ label }) => label === loss.label)
    if (isKept) files = 'stay'
    else if (loss.kind === 'queue' && isHomeless)
      losses.push({ ...loss, unsent: await findUnsent(loader, loss, report) })
    else if (!isFiles) losses.push(loss)
    else {
      const content = isWhole ? await readFiles(loader, loss, report) : undefined
      if (content && (await isUntouched(content))) continue
      files = 'move'
      const hasVfs = table.partitions.some(({ label }) => label === loss.label)
      losses.push({
        ...loss,
        ...(content && { files: content }),
        ...(!hasVfs && { isHomeless: true }),
      })
    }
  }
  return { losses, files }
}

async function isEmpty(loader: Loader, { kind, offset, size }: Loss): Promise<boolean> {
  const end = Math.min(offset + size, loader.facts.flashSizeBytes)
  const telling = kind === 'files' ? Math.min(superblockBytes, end - offset) : end - offset
  return end <= offset || isBlank(loader, offset, telling)
}

/** Where no table tells: a file system that begins where the new one is to be. */
async function strayFiles(
  loader: Loader,
  partitions: Partition[],
): Promise<{ loss: Loss; isKept: boolean }[]> {
  const next = partitions.find(({ label }) => label === 'vfs')
  const size = next && (await littleFsBytes(loader, next.offset))
  if (!next || size === undefined) return []
  const loss = { kind: 'files' as const, label: 'vfs', offset: next.offset, size }
  return [{ loss, isKept: size === next.size }]
}

function kindOf({ label }: Partition): Loss['kind'] {
  if (label === 'vfs') return 'files'
  if (label === queueLabel) return 'queue'
  return label === 'storage' ? 'storage' : 'data'
}

function overlaps(run: Run, { offset, size }: Partition): boolean {
  return run.address < offset + size && offset < run.address + run.size
}
