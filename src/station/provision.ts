import {
  type FilePlan,
  isEmptyPlan,
  type LocalFile,
  planFiles,
  surveyFiles,
} from '../device/files.js'
import { applyFiles, type Pushed, type PushOptions } from '../device/push.js'
import type { Repl } from '../device/repl.js'
import { fits } from '../device/room.js'
import type { BoardFacts } from './board.js'
import { type Bundle, dataNames } from './bundle.js'
import { checkCompactedRoom, makeRoom } from './compaction.js'
import {
  checkStation,
  parseStation,
  runningChanges,
  type SettingChange,
  type StationSettings,
  settingChanges,
  soundSettings,
  stationText,
} from './config.js'

export interface ProvisionPlan {
  files: FilePlan
  settings: SettingChange[]
  /** Nothing to write. */
  isEmpty: boolean
  /** What makes room on a board that has none. */
  bundle: Bundle
  wanted: LocalFile[]
}

/**
 * The settings on the board, or none where its file is absent or spoiled; `ignored` names those the
 * board itself passes over.
 */
export function settingsOnBoard({ stationJson }: BoardFacts): {
  settings: StationSettings
  ignored: string[]
} {
  try {
    if (stationJson !== undefined) return soundSettings(parseStation(stationJson, 'station.json'))
  } catch {
    // Spoiled: the caller says so, and what it writes takes its place.
  }
  return { settings: {}, ignored: [] }
}

interface PlanOptions {
  signal?: AbortSignal
  /** The new files go on trial: the copy of the old ones takes room too. */
  trial?: boolean
}

/**
 * What has to change on the board. Reads it in one round trip, two where something differs, and
 * changes nothing. Throws BOARD_FULL where it does not fit.
 */
export async function planProvision(
  repl: Repl,
  bundle: Bundle,
  before: StationSettings,
  after: StationSettings,
  rootDer: Uint8Array | undefined,
  options: PlanOptions = {},
): Promise<ProvisionPlan> {
  checkStation(after)
  const wanted: LocalFile[] = [
    ...bundle.files,
    { name: 'station.json', data: new TextEncoder().encode(stationText(after)) },
    ...(rootDer ? [{ name: 'ca.der', data: rootDer }] : []),
  ]
  const plan = await planCode(repl, bundle, options, wanted)
  const isFirst = Object.keys(before).length === 0
  const settings = (isFirst ? settingChanges : runningChanges)(before, after)
  return { ...plan, settings }
}

/** The same for the code alone. */
export async function planCode(
  repl: Repl,
  bundle: Bundle,
  { signal, trial = false }: PlanOptions = {},
  wanted = bundle.files,
): Promise<ProvisionPlan> {
  const files = await compareFiles(repl, bundle, wanted, signal)
  checkCompactedRoom(files, trial)
  return { files, settings: [], isEmpty: isEmptyPlan(files), bundle, wanted }
}

async function compareFiles(
  repl: Repl,
  { retired }: Bundle,
  wanted: LocalFile[],
  signal: AbortSignal | undefined,
): Promise<FilePlan> {
  return planFiles(wanted, await surveyFiles(repl, wanted, signal), { retired, data: dataNames })
}

/** Writes what the plan says, all or nothing; makes room for it where that takes some. */
export async function applyProvision(
  repl: Repl,
  { files, bundle, wanted }: ProvisionPlan,
  options: PushOptions,
): Promise<Pushed> {
  const { compile } = bundle
  const replan = (): Promise<FilePlan> => compareFiles(repl, bundle, wanted, options.signal)
  const fitting = compile ? await makeRoom(repl, files, compile, replan, options) : files
  return applyFiles(repl, fitting, options)
}

/** Whether applying a plan begins with compiling old code on the board; on trial it takes more room. */
export function isCompactedFirst({ files, bundle }: ProvisionPlan, trial: boolean): boolean {
  return bundle.compile !== undefined && !fits(files, trial)
}

/** The plan as data: names, sizes, old and new values; secrets are dots. */
export function planData(plan: ProvisionPlan, trial: boolean): Record<string, unknown> {
  const { files, settings } = plan
  const sized = ({ name, data }: LocalFile): { name: string; size: number } => ({
    name,
    size: data.length,
  })
  return {
    add: files.add.map(sized),
    change: files.change.map(sized),
    remove: files.remove,
    unchanged: files.same,
    foreign: files.foreign,
    compacts: isCompactedFirst(plan, trial),
    settings,
  }
}
