/** One reading: its time in ms since 1970 and its four values, null where nothing was measured. */
export interface Reading {
  atMs: number
  values: (number | null)[]
}

export interface Taken extends Reading {
  /** The power failed while it was being queued: it may be there or not. */
  isTorn: boolean
}

export interface Ledger {
  kept: number
  /** Taken, and neither stored nor queued, in the order of taking. */
  lost: Taken[]
  /** Stored or queued, and never taken with these values at about this time, or kept twice. */
  foreign: Reading[]
}

/**
 * Compares what was taken with what is stored and queued, both in their order, record by record.
 * isNear judges whether a record may have that stamp.
 */
export function closeLedger(
  taken: Taken[],
  kept: Reading[],
  isNear: (taken: Taken, stampMs: number) => boolean,
): Ledger {
  const ledger: Ledger = { kept: 0, lost: [], foreign: [] }
  let next = 0
  for (const record of kept) {
    const key = record.values.join()
    let at = next
    while (at < taken.length && !isIt(taken[at] as Taken)) at++
    if (at === taken.length) {
      ledger.foreign.push(record)
      continue
    }
    ledger.lost.push(...taken.slice(next, at).filter(({ isTorn }) => !isTorn))
    ledger.kept++
    next = at + 1

    function isIt(one: Taken): boolean {
      return one.values.join() === key && isNear(one, record.atMs)
    }
  }
  ledger.lost.push(...taken.slice(next).filter(({ isTorn }) => !isTorn))
  return ledger
}
