import { createHash } from 'node:crypto'
import type { Region } from './flash-target.js'
import { sectorBytes } from './loader.js'

/** The chip's own MD5 of a piece of flash. */
export type ChipMd5 = (address: number, size: number) => Promise<string>

/** A run of neighboring sectors that differ, by address. */
export interface Run {
  address: number
  size: number
}

/** Fewest questions for a few changes in an image of 1.7 MB, scattered or together (counted). */
const firstParts = 24
const narrowing = 2
/** Of a region that differs everywhere, this many sectors in between are looked at before it is believed. */
const sampleEvery = 12

/**
 * Which sectors of a region differ from what the chip holds: the whole region first, then its
 * parts, then parts of those that differ. A region that differs wherever it is sampled is taken
 * as different altogether: asking further would cost more than it saves.
 */
export async function differingRuns(
  { address, bytes }: Region,
  md5: ChipMd5,
  onCompared: (sectors: number) => void,
): Promise<Run[]> {
  const sectors = bytes.length / sectorBytes
  const isSame = async (from: number, count: number): Promise<boolean> => {
    const piece = bytes.subarray(from * sectorBytes, (from + count) * sectorBytes)
    const wanted = createHash('md5').update(piece).digest('hex')
    return (await md5(address + from * sectorBytes, piece.length)) === wanted
  }
  const different: number[] = []
  /** Looks into sectors of which one at least differs. */
  const split = async (from: number, count: number, parts: number): Promise<void> => {
    if (count === 1) {
      different.push(from)
      onCompared(1)
      return
    }
    const size = Math.ceil(count / parts)
    let allSame = true
    for (let at = 0; at < count; at += size) {
      const part = Math.min(size, count - at)
      // Where the others are the same, the last part is the one that differs: nobody needs to ask.
      const isIt = allSame && at + part === count
      if (!isIt && (await isSame(from + at, part))) {
        onCompared(part)
        continue
      }
      allSame = false
      await split(from + at, part, narrowing)
    }
  }

  if (sectors === 0) return []
  if (await isSame(0, sectors)) {
    onCompared(sectors)
    return []
  }
  if (sectors > 2 * firstParts && (await differsEverywhere(sectors, isSame))) {
    onCompared(sectors)
    return [{ address, size: bytes.length }]
  }
  await split(0, sectors, firstParts)
  return runsOf(different, address)
}

async function differsEverywhere(
  sectors: number,
  isSame: (from: number, count: number) => Promise<boolean>,
): Promise<boolean> {
  let same = 0
  let asked = 0
  for (let at = 0; at < sectors; at += sampleEvery) {
    asked++
    if (await isSame(at, 1)) same++
    // A tenth that is the same already pays for looking further.
    if (same >= 2 || same * 10 > sectors / sampleEvery) return false
  }
  return same * 10 <= asked
}

/** Neighbors as one run. An equal sector between two is left alone, and begins another. */
function runsOf(sectors: number[], base: number): Run[] {
  const runs: Run[] = []
  for (const sector of sectors) {
    const address = base + sector * sectorBytes
    const last = runs.at(-1)
    if (last && last.address + last.size === address) last.size += sectorBytes
    else runs.push({ address, size: sectorBytes })
  }
  return runs
}
