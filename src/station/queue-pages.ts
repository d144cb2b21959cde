import { pageBytes, type QueuePage, readPageHead } from '../device/queue-page.js'
import { blank } from './queue-codec.js'

/**
 * The pages that hold the log, oldest first, and how many have something else at their beginning.
 * In a whole partition a page counts only at the place its number gives it; elsewhere (a piece of
 * a flash) by its seal alone, and what has none belongs to somebody else.
 */
export function sealedPages(
  bytes: Uint8Array,
  isPartition: boolean,
): { pages: QueuePage[]; damaged: number } {
  const total = Math.floor(bytes.length / pageBytes)
  const found = new Map<number, QueuePage>()
  let damaged = 0
  for (let index = 0; index < total; index++) {
    const at = bytes.subarray(index * pageBytes, (index + 1) * pageBytes)
    const page = readPageHead(at)
    if (page && (!isPartition || page.number % total === index) && !found.has(page.number))
      found.set(page.number, page)
    else if (isPartition && at.some((byte) => byte !== blank)) damaged++
  }
  const pages = [...found.values()].sort((a, b) => a.number - b.number)
  const head = pages.at(-1)?.number ?? 0
  // Older ones stood in a partition of another size.
  const oldest = isPartition ? head - total + 1 : 0
  return { pages: pages.filter(({ number }) => number >= oldest), damaged }
}
