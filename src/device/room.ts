import { WxError } from '../errors.js'
import { type BoardStore, type FilePlan, isEmptyPlan } from './files.js'
import { isInstaller, type Packs, packFiles } from './install-pack.js'

/** What a push needs at its largest step, and what there is. */
export interface RoomNeed {
  neededBytes: number
  freeBytes: number
}

// lfs2 keeps files of up to its cache, 4 times progsize's 32 bytes, in the blocks of their folder.
const inlineBytes = 128
// Root may outgrow its pair of blocks: small files of the new version stand in it.
const rootBlocks = 2
// A line of the list in the copy of old files: name, size, hash and their JSON.
const listBytes = 60

/** Blocks of a file in littlefs: block n begins with ctz(n) + 1 pointers of 4 bytes (its SPEC.md). */
export function fileBlocks(size: number, blockBytes: number): number {
  let blocks = 0
  for (let left = size; left > 0; blocks++) {
    const pointers = blocks === 0 ? 0 : 32 - Math.clz32(blocks & -blocks)
    left -= blockBytes - 4 * pointers
  }
  return blocks
}

/**
 * The largest of three steps: the new install.py beside the old one; the pack beside all old files
 * (on trial, also a copy of these); the pack beside all new files. Pure.
 */
export function roomNeed(
  plan: FilePlan,
  packs: Packs,
  store: BoardStore,
  trial: boolean,
): RoomNeed {
  const { blockBytes, freeBlocks } = store
  const taken = (bytes: number): number => fileBlocks(bytes, blockBytes)
  const freed = ({ size = 0 }): number => (size > inlineBytes ? taken(size) : 0)
  const sum = (numbers: number[]): number => numbers.reduce((total, one) => total + one, 0)
  const old = plan.replaced.filter((file) => !isInstaller(file))
  const files = [...plan.add, ...plan.change].filter((file) => !isInstaller(file))

  const installer = taken(packs.installer?.file.data.length ?? 0)
  const first = installer + taken(packs.installer?.data.length ?? 0)
  const grown = installer - sum(plan.replaced.filter(isInstaller).map(freed))
  const copy = sum(old.map(({ size = 0 }) => size + listBytes))
  const beside = grown + taken(packs.rest.length) + (trial ? taken(copy) : 0)
  const after = beside + sum(files.map(({ data }) => taken(data.length))) - sum(old.map(freed))
  return {
    neededBytes: Math.max(first, beside, after + rootBlocks) * blockBytes,
    freeBytes: freeBlocks * blockBytes,
  }
}

/** Whether a plan fits its board; on trial it needs more room. */
export function fits(plan: FilePlan, trial = false): boolean {
  const need = needOf(plan, trial)
  return need === undefined || need.neededBytes <= need.freeBytes
}

/** Undefined where nothing is to be written. */
function needOf(plan: FilePlan, trial: boolean): RoomNeed | undefined {
  const { store } = plan
  if (!store || isEmptyPlan(plan)) return undefined
  return roomNeed(plan, packFiles(plan, store.windowBits, trial), store, trial)
}

/** Throws BOARD_FULL where a plan does not fit its board. */
export function checkRoom(plan: FilePlan, trial = false): void {
  const need = needOf(plan, trial)
  if (!need || need.neededBytes <= need.freeBytes) return
  const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1024)} KB`
  throw new WxError(
    'BOARD_FULL',
    `The board has no room for this: it takes ${kilobytes(need.neededBytes)} at its largest step, ${kilobytes(need.freeBytes)} are free.`,
    {
      details: { ...need },
      ...(trial && { hint: 'Do it over the cable, where no copy of the old files is kept.' }),
    },
  )
}
