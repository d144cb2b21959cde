import { isEmptyPlan, planFiles, surveyFiles } from '../device/files.js'
import { isInstaller } from '../device/install-pack.js'
import { applyFiles } from '../device/push.js'
import { enterRawRepl } from '../device/raw-repl.js'
import type { Repl } from '../device/repl.js'
import { WxError } from '../errors.js'
import { type BoardFacts, readFacts } from '../station/board.js'
import { dataNames, readBundle } from '../station/bundle.js'
import {
  checkStation,
  runningChanges,
  type SettingChange,
  type StationSettings,
  stationText,
} from '../station/config.js'
import { settingsOnBoard } from '../station/provision.js'
import type { AirStation } from './air-station.js'
import type { Context, Result } from './context.js'
import { checkPromised, openBoardLink } from './port.js'
import { rootFor } from './server-root.js'

/** A board at its prompt that has a station on it. */
export interface InstalledStation {
  repl: Repl
  facts: BoardFacts
  settings: StationSettings
}

/**
 * Stops the station for `work` and lets it run again afterwards, whatever happened. Throws
 * BOARD_FAULT where no station is installed, SETTINGS_INVALID where its settings cannot be read, and
 * NO_BOARD where another board answers than the one that was named.
 */
export async function withStation<T>(
  context: Context,
  from: { port?: string } | AirStation,
  work: (station: InstalledStation) => Promise<T>,
): Promise<T> {
  const { system, report, signal } = context
  const isAir = 'host' in from
  const here = isAir
    ? context
    : { ...context, settings: context.settings.with({ port: from.port }) }
  const link = isAir ? await from.open() : await openBoardLink(here)
  let repl: Repl | undefined
  try {
    report({ type: 'stage', stage: 'connect' })
    // Not fresh over the air: a soft reset would end the connection that it is asked for over.
    repl = await enterRawRepl(link, { signal, report, fresh: !isAir }, system)
    const facts = await readFacts(repl, { scl: 22, sda: 21 }, signal)
    if (isAir) from.check(facts.mac)
    else await checkPromised(here, link, facts.mac)
    return await work(stationOf(repl, facts, report))
  } finally {
    await repl?.leave()
    await link.close()
  }
}

function stationOf(repl: Repl, facts: BoardFacts, report: Context['report']): InstalledStation {
  const { settings, ignored } = settingsOnBoard(facts)
  if (ignored.length > 0) reportIgnored(report, ignored)
  if (Object.keys(settings).length > 0) return { repl, facts, settings }
  const isAbsent = facts.stationJson === undefined
  throw new WxError(
    isAbsent ? 'BOARD_FAULT' : 'SETTINGS_INVALID',
    isAbsent
      ? 'There is no station on this board yet.'
      : 'The station.json on the board cannot be read.',
    { hint: 'Run `wxstation provision --wifi` first.' },
  )
}

/**
 * Checks the settings, says what changes and, unless it is a dry run, writes station.json: whole or
 * not at all. The station starts with them when the caller leaves the board.
 */
export async function storeSettings(
  context: Context,
  { repl, settings: before }: InstalledStation,
  after: StationSettings,
  dryRun: boolean,
): Promise<SettingChange[]> {
  const { report, signal, system } = context
  checkStation(after)
  const changes = runningChanges(before, after)
  reportSettings(report, changes)
  if (changes.length === 0 || dryRun) return changes
  // Another server, or one that has to prove itself from now on: the board needs its certificate.
  const isOther = changes.some(({ name }) => name === 'timebase_url' || name === 'tls')
  const root = isOther ? await rootFor(context, after) : undefined
  // The board's own install.py may be of a version that knows no packs.
  const installer = (await readBundle(system)).files.filter(isInstaller)
  const wanted = [
    { name: 'station.json', data: new TextEncoder().encode(stationText(after)) },
    ...(root ? [{ name: 'ca.der', data: root.der }] : []),
    ...installer,
  ]
  const survey = await surveyFiles(repl, wanted, signal)
  const plan = planFiles(wanted, survey, { retired: [], data: dataNames })
  if (isEmptyPlan(plan)) return changes
  const startedMs = system.clock.monotonic()
  const { files, bytes, wireBytes } = await applyFiles(repl, plan, { report, signal })
  const elapsedMs = system.clock.monotonic() - startedMs
  report({ type: 'done', stage: 'files', elapsedMs, values: { files, bytes, wireBytes } })
  return changes
}

export function reportIgnored(report: Context['report'], ignored: string[]): void {
  report({ type: 'notice', notice: 'settings-ignored', values: { names: ignored.join(', ') } })
}

export function reportSettings(report: Context['report'], changes: SettingChange[]): void {
  const settings = changes.map(({ name, from, to }) => `${name}\t${from}\t${to}`).join('\n')
  const none = { add: 0, change: 0, remove: 0, bytes: 0, foreign: '', unchanged: 1 }
  report({ type: 'fact', fact: { kind: 'changes', values: { ...none, settings } } })
}

/** How a command that changes a station ends. */
export function endOf(
  isChanged: boolean,
  dryRun: boolean,
  host?: string,
): Required<Pick<Result, 'pretty'>> & Pick<Result, 'next'> {
  if (isChanged && !dryRun && host !== undefined)
    return {
      pretty: () => ['Done: the station called home with this and keeps it.'],
      next: 'wxstation tail',
    }
  if (dryRun) return { pretty: () => ['Nothing was changed: this was a dry run.'] }
  if (!isChanged) return { pretty: () => ['Nothing to change: the station has this already.'] }
  return { pretty: () => ['Done: the station starts again with this.'], next: 'wxstation logs' }
}
