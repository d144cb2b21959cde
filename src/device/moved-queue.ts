import type { Report } from '../events.js'
import { isBlank } from './chip-layout.js'
import type { Loader } from './loader.js'
import { headerBytes, pageBytes, type QueuePage, readPageHead } from './queue-page.js'

/** A page of a queue's partition with records that may not be sent. */
export interface UnsentPage {
  number: number
  /** The whole page, from the chip. */
  read(): Promise<Uint8Array>
}

/** A digest of this much takes the chip about as long as one head on the wire. */
const stretchPages = 16

/**
 * The pages of a queue's partition that its station still needs: from the one with the first record
 * that its last page does not call acknowledged. None where no sound page is found. Reads every head.
 */
export async function findUnsent(
  loader: Loader,
  { offset, size }: { offset: number; size: number },
  report: Report,
): Promise<UnsentPage[]> {
  const heads = await readHeads(loader, offset, Math.floor(size / pageBytes))
  const { number: last, acknowledged } = heads.at(-1) ?? { number: 0, acknowledged: 0 }
  const begun = heads.filter(({ first }) => first <= acknowledged).at(-1) ?? heads[0]
  const unsent = heads.filter(({ number }) => number >= (begun?.number ?? last))
  let done = 0
  return unsent.map(({ number }) => ({
    number,
    async read() {
      const place = number % Math.floor(size / pageBytes)
      const page = await loader.readAll(offset + place * pageBytes, pageBytes)
      done = Math.min(unsent.length, done + 1)
      report({ type: 'progress', stage: 'backup', done, total: unsent.length, unit: 'sectors' })
      return page
    },
  }))
}

/** Sound pages at the places that their numbers give them, oldest first. */
async function readHeads(loader: Loader, offset: number, total: number): Promise<QueuePage[]> {
  const heads: QueuePage[] = []
  for (let first = 0; first < total; first += stretchPages) {
    const end = Math.min(first + stretchPages, total)
    if (await isBlank(loader, offset + first * pageBytes, (end - first) * pageBytes)) continue
    for (let index = first; index < end; index++) {
      const head = readPageHead(await loader.readAll(offset + index * pageBytes, headerBytes))
      if (head && head.number % total === index) heads.push(head)
    }
  }
  return heads.sort((a, b) => a.number - b.number)
}
