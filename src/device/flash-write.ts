import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { Clock } from '../system.js'
import { isSlowness, isSpoiled } from './commands.js'
import { differingRuns, type Run } from './compare.js'
import type { FlashPlan } from './flash-plan.js'
import type { Region } from './flash-target.js'
import { sectorBytes } from './loader.js'
import { type Packed, pack } from './pack.js'
import type { Session } from './session.js'

interface Job {
  run: Run
  packed: Packed
}

/** Failures in a row without a sector gained before the board is given up. */
const attempts = 4
/** Times that a difference found after the write is written again: a sound chip needs one. */
const rounds = 3

/** Empties what has to be empty before anything is written. */
export async function erasePlanned(
  session: Session,
  plan: FlashPlan,
  report: Report,
  clock: Clock,
): Promise<void> {
  if (!plan.eraseAll && plan.erase.length === 0) return
  const startMs = clock.monotonic()
  report({ type: 'stage', stage: 'erase' })
  if (plan.eraseAll) await session.loader.eraseAll()
  for (const { address, size } of plan.erase) await session.loader.eraseRegion(address, size)
  report({ type: 'done', stage: 'erase', elapsedMs: clock.monotonic() - startMs })
}

/**
 * Writes runs and proves every region by the chip's own MD5. What the wire spoiled is found by
 * comparing again, and written at a lower rate. Throws VERIFY_FAILED where
 * the chip does not keep what it is given, and the wire's last error where nothing goes forward.
 */
export async function writeRegions(
  session: Session,
  regions: Region[],
  runs: Run[],
  report: Report,
  clock: Clock,
): Promise<{ wireBytes: number; writeMs: number }> {
  let wireBytes = 0
  let writeMs = 0
  let left = runs
  for (let round = 1; ; round++) {
    report({ type: 'stage', stage: 'write' })
    const jobs = await jobsFor(regions, left)
    const startMs = clock.monotonic()
    wireBytes += await write(session, regions, jobs, report)
    writeMs += clock.monotonic() - startMs
    report({ type: 'stage', stage: 'verify' })
    left = await persistently(session, () => unlike(session, regions))
    const [first] = left
    if (!first) return { wireBytes, writeMs }
    if (round === rounds) throw verifyFailed(first)
  }
}

async function write(
  session: Session,
  regions: Region[],
  first: Job[],
  report: Report,
): Promise<number> {
  let sent = 0
  let jobs = [...first]
  let isSure = true
  const work = async (): Promise<void> => {
    if (!isSure) jobs = await jobsFor(regions, await unlike(session, regions))
    isSure = false
    const total = sent + jobs.reduce((sum, { packed }) => sum + packed.deflated.length, 0)
    const last = jobs.at(-1)
    for (let job = jobs[0]; job; job = jobs[0]) {
      const before = sent
      await session.loader.send(job.run.address, job.packed, (done) => {
        sent = before + done
        report({ type: 'progress', stage: 'write', done: sent, total, unit: 'bytes' })
      })
      jobs.shift()
    }
    if (last) await session.loader.settle(last.packed)
  }
  await persistently(session, work, () => sizeOf(jobs))
  return sent
}

function sizeOf(jobs: Job[]): number {
  return jobs.reduce((sum, { run }) => sum + run.size, 0)
}

/** Does work over a wire that loses bytes: again and slower, as long as something is gained. */
async function persistently<T>(
  session: Session,
  work: () => Promise<T>,
  left: () => number = () => 0,
): Promise<T> {
  let failures = 0
  let least = Number.POSITIVE_INFINITY
  let isSlow = false
  while (true) {
    try {
      if (isSlow) await session.loader.resync()
      else if (failures > 0) await session.stepDown()
      return await work()
    } catch (error) {
      if (!isSpoiled(error)) throw error
      if (left() < least) failures = 0
      least = Math.min(least, left())
      if (++failures >= attempts) throw error
      isSlow = isSlowness(error)
    }
  }
}

/** Compressed side by side, which takes as many cores as there are. */
function jobsFor(regions: Region[], runs: Run[]): Promise<Job[]> {
  const jobs = runs.flatMap((run) => {
    const region = regions.find(
      ({ address, bytes }) => run.address >= address && run.address < address + bytes.length,
    )
    if (!region) return []
    const from = run.address - region.address
    return [{ run, bytes: region.bytes.subarray(from, from + run.size) }]
  })
  return Promise.all(
    jobs.map(async ({ run, bytes }) => ({ run, packed: await pack(bytes, run.address) })),
  )
}

/** What the chip does not hold; each region as a whole first. */
async function unlike(session: Session, regions: Region[]): Promise<Run[]> {
  const runs: Run[] = []
  const md5 = (at: number, size: number): Promise<string> => session.loader.md5(at, size)
  for (const region of regions) {
    const wanted = createHash('md5').update(region.bytes).digest('hex')
    if ((await md5(region.address, region.bytes.length)) === wanted) continue
    runs.push(...(await differingRuns(region, md5, () => {})))
  }
  return runs
}

function verifyFailed({ address, size }: Run): WxError {
  const at = `0x${address.toString(16)}`
  return new WxError('VERIFY_FAILED', `The flash at ${at} does not hold what was written.`, {
    details: { address, size, sectors: size / sectorBytes },
  })
}
