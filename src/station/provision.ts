import {
  type FilePlan,
  isEmptyPlan,
  type LocalFile,
  planFiles,
  surveyFiles,
} from '../device/files.js'
import { applyFiles, type Pushed, type PushOptions } from '../device/push.js'
import type { Repl } from '../device/repl.js'
import { checkRoom } from '../device/room.js'
import type { BoardFacts } from './board.js'
import { type Bundle, dataNames } from './bundle.js'
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
  signal?: AbortSignal,
): Promise<ProvisionPlan> {
  checkStation(after)
  const wanted: LocalFile[] = [
    ...bundle.files,
    { name: 'station.json', data: new TextEncoder().encode(stationText(after)) },
    ...(rootDer ? [{ name: 'ca.der', data: rootDer }] : []),
  ]
  const files = planFiles(wanted, await surveyFiles(repl, wanted, signal), {
    retired: bundle.retired,
    data: dataNames,
  })
  checkRoom(files)
  const isFirst = Object.keys(before).length === 0
  const settings = (isFirst ? settingChanges : runningChanges)(before, after)
  return { files, settings, isEmpty: isEmptyPlan(files) }
}

/** Writes what the plan says, all or nothing. */
export function applyProvision(
  repl: Repl,
  plan: ProvisionPlan,
  options: PushOptions,
): Promise<Pushed> {
  return applyFiles(repl, plan.files, options)
}

/** The plan as data: names, sizes, old and new values; secrets are dots. */
export function planData({ files, settings }: ProvisionPlan): Record<string, unknown> {
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
    settings,
  }
}
