import { isAbort, WxError } from '../errors.js'
import { forBoard, type Report } from '../events.js'
import type { System } from '../system.js'
import { type Heard, waitForBanner } from './banner.js'
import type { BoardFiles } from './board-files.js'
import { chips } from './boards.js'
import { type FirmwareSource, type Obtained, obtainFirmware } from './firmware-source.js'
import { type FlashPlan, planFlash, planValues, planWithFiles } from './flash-plan.js'
import { planTarget } from './flash-target.js'
import { erasePlanned, writeRegions } from './flash-write.js'
import { checkImage } from './image.js'
import { type Held, type KeptFiles, keepFiles, waitingFiles } from './kept-files.js'
import { isSaved, type Loss } from './losses.js'
import { hearReturned, mayReturn } from './returned-port.js'
import { type SavedPartition, savePartition } from './saved-partition.js'
import { Session } from './session.js'

export interface FlashOptions {
  port: string
  /** The board that was named, where it was named and not its port. */
  mac?: string | undefined
  source: FirmwareSource
  /** Wipes the whole chip first. */
  erase: boolean
  stockPartitions: boolean
  /** Files that an earlier run saved and did not put back are let go too. */
  discardFiles: boolean
  dryRun: boolean
  /** Writes every sector and does not mind the chip's revision. Never skips the chip check. */
  force: boolean
  baud?: number | undefined
  patience?: number | undefined
  waitForButtons: boolean
  /**
   * Asked when something on the board has no place in the new layout. What is kept: kinds that are
   * held by being put back, everything else but files by a file here. Throws to stop.
   */
  mayLose(losses: Loss[], held: Held['kinds']): Promise<'keep' | 'lose'>
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
  /** What was, or with --dry-run would be, written, erased and lost. */
  plan: ReturnType<typeof planValues>
  /** What had no place in the new layout and lies in files of this computer now. */
  saved: SavedPartition[]
  state: 'flashed' | 'already-flashed' | 'planned'
  sectors: number
  sectorsWritten: number
  wireBytes: number
  /** The data phase alone: from the first byte written to the last answer. */
  writeMs: number
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
  let flash: 'untouched' | 'torn' | 'written' = 'untouched'
  let kept: KeptFiles | undefined
  const saved: SavedPartition[] = []
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
      fact: {
        kind: 'chip',
        values: {
          ...known,
          ...(session.bridge && { bridge: session.bridge }),
          isSecured: facts.isSecured,
        },
      },
    })
    if (facts.isSecured) throw secured(known.chip)
    const firmware = await obtainFirmware(options.source, facts, system, { report, signal })
    const { image } = firmware
    if (image.kind === 'app')
      report({ type: 'notice', notice: 'plain-offset', values: { offset: image.offset } })
    checkImage(image, options.force ? { chip, flashSizeBytes } : facts, firmware.name)
    const bare = planTarget(image, flashSizeBytes, {
      stockPartitions: options.stockPartitions,
      keepData: true,
    })
    await session.raiseBaud()
    report({ type: 'stage', stage: 'compare' })
    if (!options.erase) kept = await waitingFiles(bare, session, system, { ...options, report })
    let target = kept?.target ?? bare
    let plan = await planFlash(session.loader, target, options, report)
    const { runtime, version, sha256 } = firmware
    const values = planValues(plan)
    const { nothingToDo } = values
    report({ type: 'fact', fact: { kind: 'flash-plan', values } })
    const result = {
      ...known,
      plan: values,
      saved,
      ...{ runtime, version, sha256 },
      partitions: target.hasQueue ? ('queue' as const) : ('stock' as const),
      sectors: plan.sectors,
      sectorsWritten: 0,
      wireBytes: 0,
      writeMs: 0,
      baud: session.loader.baud,
    }
    if (options.dryRun) {
      return {
        ...result,
        answered: false,
        state: 'planned',
        elapsedMs: clock.monotonic() - startMs,
      }
    }
    let written = { wireBytes: 0, writeMs: 0 }
    let baud = session.loader.baud
    if (!nothingToDo) {
      const { files, others } = await thingsToKeep(plan, options)
      for (const loss of others) {
        const one = await savePartition(loss, session, system, report)
        saved.push(one)
        report({ type: 'notice', notice: 'partition-saved', values: { ...one } })
      }
      if (files) {
        kept = await keepFiles(files, target, session.mac, system)
        report({
          type: 'notice',
          notice: 'files-saved',
          values: {
            ...{ path: kept.path, files: files.count, bytes: files.bytes },
            ...{ queue: plan.held.kinds.has('queue') },
          },
        })
        plan = planWithFiles(plan, kept.target, target)
        target = kept.target
      }
      flash = 'torn'
      await erasePlanned(session, plan, report, clock)
      written = await writeRegions(session, target.regions, plan.runs, report, clock)
      flash = 'written'
      // The console's rate comes back with the restart.
      baud = session.loader.baud
    }
    // Written and verified, or found there: the copy has done its work.
    if (kept) {
      await system.files.remove(kept.path)
      if (target.files !== 'none') report({ type: 'notice', notice: 'files-back' })
    }
    report({ type: 'stage', stage: 'boot' })
    const [, heard] = await Promise.all([
      // First, while the rate of the write is still there; on the disk while the board starts.
      flash === 'written' && session.countRun(),
      hear(session, firmware, options, { report, signal }, system),
    ])
    const elapsedMs = clock.monotonic() - startMs
    const state = nothingToDo ? ('already-flashed' as const) : ('flashed' as const)
    report({
      type: 'done',
      stage: 'boot',
      elapsedMs,
      values: {
        ...{ state, answered: heard.answered, isGone: heard.isGone === true },
        saidWho: heard.runtime !== '',
        ...{ runtime: heard.runtime || runtime, version: heard.version || version },
      },
    })
    return {
      ...result,
      state,
      sectorsWritten: plan.sectorsToWrite,
      ...written,
      baud,
      answered: heard.answered,
      elapsedMs,
    }
  } catch (error) {
    // The board cannot start in this state, and the user should hear it from us first.
    if (flash === 'torn') report({ type: 'notice', notice: 'half-written' })
    // For --json, where the error is all there is to read.
    if (error instanceof WxError && flash !== 'untouched')
      error.details.flash = flash === 'torn' ? 'half-written' : 'written'
    if (flash !== 'written' && kept)
      report({ type: 'notice', notice: 'files-wait', values: { path: kept.path } })
    else if (flash !== 'torn' && isAbort(error)) {
      const notice = flash === 'written' ? 'written-not-heard' : 'not-written'
      report({ type: 'notice', notice })
    }
    throw error
  } finally {
    await session.close()
  }
}

/** The files to put back and what to save here, where that is wanted. Throws where the job is not. */
async function thingsToKeep(
  { losses, held }: FlashPlan,
  options: FlashOptions,
): Promise<{ files: BoardFiles | undefined; others: Loss[] }> {
  const { kinds, files } = held
  if (losses.length === 0 || (await options.mayLose(losses, kinds)) === 'lose')
    return { files: undefined, others: [] }
  return { files, others: losses.filter((loss) => isSaved(loss, kinds)) }
}

async function hear(
  session: Session,
  firmware: Obtained,
  { waitForButtons }: FlashOptions,
  { report, signal }: FlashContext,
  system: System,
): Promise<Heard> {
  const { runtime, version } = firmware
  const isKnown = runtime === 'micropython' || runtime === 'espruino'
  const expected = {
    runtime: isKnown ? (runtime as 'micropython' | 'espruino') : undefined,
    version: version === '' ? undefined : version,
  }
  const restart = (): Promise<void> => session.restart(signal, { hasFirmware: true })
  const canReset = (): boolean => session.canReset
  const { link } = session
  try {
    const options = { restart, canReset, waitForButtons, report, signal }
    return await waitForBanner(link, expected, system.clock, options)
  } catch (error) {
    if (!mayReturn(error, link)) throw error
    return hearReturned(link, expected, { report, signal }, system)
  }
}

function secured(chip: string): WxError {
  return new WxError(
    'CHIP_SECURED',
    `This ${chip} has secure boot, flash encryption or secure download switched on.`,
    { details: { chip } },
  )
}
