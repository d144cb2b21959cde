import { createHash } from 'node:crypto'
import { isAbort, WxError } from '../errors.js'
import { forBoard, type Report } from '../events.js'
import type { System } from '../system.js'
import { type Heard, waitForBanner } from './banner.js'
import { chips } from './boards.js'
import { isSpoiled } from './commands.js'
import { differingRuns, type Run } from './compare.js'
import { type FirmwareSource, type Obtained, obtainFirmware } from './firmware-source.js'
import { type FlashPlan, planFlash } from './flash-plan.js'
import { type FlashTarget, planTarget, type Region } from './flash-target.js'
import { checkImage } from './image.js'
import { sectorBytes } from './loader.js'
import { type Packed, pack } from './pack.js'
import { Session } from './session.js'

export interface FlashOptions {
  port: string
  source: FirmwareSource
  /** Wipes the whole chip first. */
  erase: boolean
  stockPartitions: boolean
  dryRun: boolean
  /** Writes every sector and does not mind the chip's revision. Never skips the chip check. */
  force: boolean
  baud?: number | undefined
  waitForButtons: boolean
  /** Asked when files of the board cannot stay where they are. Throws to stop. */
  mayLoseFiles(): Promise<void>
}

export interface FlashResult {
  port: string
  mac: string
  chip: string
  revision: number
  flashSizeBytes: number
  runtime: string
  version: string
  /** Of the file as its publisher made it. */
  sha256: string
  partitions: 'queue' | 'stock'
  state: 'flashed' | 'already-flashed' | 'planned'
  sectors: number
  sectorsWritten: number
  wireBytes: number
  baud: number
  /** The firmware said who it is. False on a dry run, and where the port cannot reset the board. */
  answered: boolean
  elapsedMs: number
}

export interface FlashContext {
  report: Report
  signal: AbortSignal
  /** Names the board in events where several run. */
  board?: string | undefined
}

/** Wire errors that are survived in one write before the board is given up. */
const attempts = 4

/**
 * Brings one board to a firmware: connect, choose, check, compare, write what differs, verify,
 * reset, hear it answer. Every step before the write only reads. The same call again finishes
 * what was cut short.
 */
export async function flashBoard(
  options: FlashOptions,
  system: System,
  context: FlashContext,
): Promise<FlashResult> {
  const { clock } = system
  const startMs = clock.monotonic()
  const { signal, board } = context
  const report = forBoard(context.report, board)
  report({ type: 'stage', stage: 'connect' })
  const session = await Session.open({ ...options, report, signal }, system)
  let isTorn = false
  try {
    const { facts } = session.loader
    const { chip, revision, flashSizeBytes } = facts
    const known = {
      port: options.port,
      mac: session.mac,
      chip: chips[chip].name,
      revision,
      flashSizeBytes,
    }
    report({
      type: 'fact',
      fact: { kind: 'chip', values: { ...known, isSecured: facts.isSecured } },
    })
    if (facts.isSecured) throw secured(known.chip)
    const firmware = await obtainFirmware(options.source, facts, system, { report, signal })
    const { image } = firmware
    checkImage(image, options.force ? { chip, flashSizeBytes } : facts, firmware.name)
    const target = planTarget(image, flashSizeBytes, {
      stockPartitions: options.stockPartitions,
      keepData: true,
    })
    await session.raiseBaud()
    report({ type: 'stage', stage: 'compare' })
    const plan = await planFlash(session.loader, target, options, (done, total) =>
      report({ type: 'progress', stage: 'compare', done, total, unit: 'sectors' }),
    )
    const { runtime, version, sha256 } = firmware
    const result = {
      ...known,
      ...{ runtime, version, sha256 },
      partitions: target.hasQueue ? ('queue' as const) : ('stock' as const),
      sectors: plan.sectors,
      sectorsWritten: 0,
      wireBytes: 0,
      baud: session.loader.baud,
    }
    const nothingToDo = plan.sectorsToWrite === 0 && !plan.eraseAll && plan.erase.length === 0
    report({ type: 'fact', fact: { kind: 'flash-plan', values: planValues(plan, nothingToDo) } })
    if (options.dryRun) {
      return {
        ...result,
        answered: false,
        state: 'planned',
        elapsedMs: clock.monotonic() - startMs,
      }
    }
    let wireBytes = 0
    let baud = session.loader.baud
    if (!nothingToDo) {
      if (plan.losesFiles) await options.mayLoseFiles()
      isTorn = true
      await erase(session, plan, report, clock)
      wireBytes = await write(session, target, plan.runs, report)
      await verify(session, target, report)
      isTorn = false
      // The console's rate comes back with the restart.
      baud = session.loader.baud
    }
    report({ type: 'stage', stage: 'boot' })
    const heard = await hear(session, firmware, options, { report, signal }, system)
    const elapsedMs = clock.monotonic() - startMs
    const state = nothingToDo ? ('already-flashed' as const) : ('flashed' as const)
    report({
      type: 'done',
      stage: 'boot',
      elapsedMs,
      values: {
        ...{ state, answered: heard.answered },
        ...{ runtime: heard.runtime || runtime, version: heard.version || version },
      },
    })
    return {
      ...result,
      state,
      sectorsWritten: plan.sectorsToWrite,
      wireBytes,
      baud,
      answered: heard.answered,
      elapsedMs,
    }
  } catch (error) {
    // The board cannot start in this state, and the user should hear it from us first.
    if (isTorn) report({ type: 'notice', notice: 'half-written' })
    else if (isAbort(error)) report({ type: 'notice', notice: 'not-written' })
    throw error
  } finally {
    await session.close()
  }
}

function planValues(
  plan: FlashPlan,
  nothingToDo: boolean,
): Record<string, string | number | boolean> {
  return {
    nothingToDo,
    eraseAll: plan.eraseAll,
    sectors: plan.sectors,
    sectorsToWrite: plan.sectorsToWrite,
    queueBytes: plan.queueBytes,
    losesFiles: plan.losesFiles,
    erases: plan.erase.map(({ label }) => label).join(' '),
  }
}

async function erase(
  session: Session,
  plan: FlashPlan,
  report: Report,
  clock: System['clock'],
): Promise<void> {
  if (!plan.eraseAll && plan.erase.length === 0) return
  const startMs = clock.monotonic()
  report({ type: 'stage', stage: 'erase' })
  if (plan.eraseAll) await session.loader.eraseAll()
  for (const { address, size } of plan.erase) await session.loader.eraseRegion(address, size)
  report({ type: 'done', stage: 'erase', elapsedMs: clock.monotonic() - startMs })
}

interface Job {
  region: Region
  run: Run
  packed: Packed
}

async function jobsFor(regions: Region[], runs: Run[]): Promise<Job[]> {
  const jobs: Job[] = []
  for (const run of runs) {
    const region = regions.find(
      ({ address, bytes }) => run.address >= address && run.address < address + bytes.length,
    )
    if (!region) continue
    const from = run.address - region.address
    jobs.push({ region, run, packed: await pack(region.bytes.subarray(from, from + run.size)) })
  }
  return jobs
}

/** Writes runs; what the wire spoiled is found by comparing again, and written at a lower rate. Answers bytes sent. */
async function write(
  session: Session,
  { regions }: FlashTarget,
  runs: Run[],
  report: Report,
): Promise<number> {
  report({ type: 'stage', stage: 'write' })
  let sent = 0
  let failures = 0
  let jobs = await jobsFor(regions, runs)
  let total = jobs.reduce((sum, { packed }) => sum + packed.deflated.length, 0)
  while (jobs.length > 0) {
    const job = jobs[0] as Job
    let reached = 0
    try {
      await session.loader.write(job.run.address, job.packed, (done) => {
        reached = done
        report({ type: 'progress', stage: 'write', done: sent + done, total, unit: 'bytes' })
      })
      sent += job.packed.deflated.length
      jobs.shift()
    } catch (error) {
      if (!isSpoiled(error) || ++failures >= attempts) throw error
      sent += reached
      await session.stepDown()
      const rest: Job[] = []
      for (const { region, run } of jobs) {
        const from = run.address - region.address
        const piece = { address: run.address, bytes: region.bytes.subarray(from, from + run.size) }
        const left = await differingRuns(
          piece,
          (at, size) => session.loader.md5(at, size),
          () => {},
        )
        rest.push(...(await jobsFor([region], left)))
      }
      jobs = rest
      total = sent + jobs.reduce((sum, { packed }) => sum + packed.deflated.length, 0)
    }
  }
  return sent
}

/** Every region as a whole, by the chip's own MD5. */
async function verify(session: Session, { regions }: FlashTarget, report: Report): Promise<void> {
  report({ type: 'stage', stage: 'verify' })
  for (const { address, bytes } of regions) {
    const wanted = createHash('md5').update(bytes).digest('hex')
    const actual = await session.loader.md5(address, bytes.length)
    if (actual !== wanted) {
      const at = `0x${address.toString(16)}`
      throw new WxError('VERIFY_FAILED', `The flash at ${at} does not hold what was written.`, {
        details: {
          address,
          size: bytes.length,
          sectors: bytes.length / sectorBytes,
          wanted,
          actual,
        },
      })
    }
  }
}

async function hear(
  session: Session,
  firmware: Obtained,
  { waitForButtons }: FlashOptions,
  { report, signal }: FlashContext,
  { clock }: System,
): Promise<Heard> {
  const { runtime, version } = firmware
  const isKnown = runtime === 'micropython' || runtime === 'espruino'
  const expected = {
    runtime: isKnown ? (runtime as 'micropython' | 'espruino') : undefined,
    version: version === '' ? undefined : version,
  }
  const restart = (): Promise<void> => session.restart(signal)
  return waitForBanner(session.link, expected, clock, { restart, waitForButtons, report, signal })
}

function secured(chip: string): WxError {
  return new WxError(
    'CHIP_SECURED',
    `This ${chip} has secure boot, flash encryption or secure download switched on.`,
    { details: { chip } },
  )
}
