import { readBoot } from '../station/board.js'
import { readBundle } from '../station/bundle.js'
import { readInventory, rememberStation } from '../station/inventory.js'
import { applyProvision, type ProvisionPlan, planCode, planData } from '../station/provision.js'
import { checkTrial } from '../station/trial.js'
import { airStation } from './air-station.js'
import type { UpdateFlags } from './commands/update.js'
import type { Context, Result } from './context.js'
import { homeWitness } from './home-witness.js'
import { endOf, type InstalledStation, withStation } from './installed-station.js'
import { awaitBack, awaitFiles } from './over-air.js'
import { compiler, reportPlan } from './provision-board.js'
import { version } from './version.js'

/** Puts this package's station code onto a board that has a station; settings are not touched. */
export async function updateStation(context: Context, flags: UpdateFlags): Promise<Result> {
  const dryRun = flags.dryRun === true
  const { host } = flags
  const air = host === undefined ? undefined : await airStation(context, host)
  const { plan, mac, witness } = await withStation(context, air ?? flags, async (station) => {
    if (air) checkTrial(station.settings)
    const planned = await planUpdate(context, station, flags, air !== undefined)
    reportPlan(context, planned, { trial: air !== undefined })
    const { settings, facts } = station
    const { mac } = facts
    const isDone = planned.isEmpty || dryRun
    const witness =
      air && !isDone
        ? homeWitness(context, { ...(await readBoot(station.repl)), after: settings })
        : undefined
    if (!isDone) await apply(context, station, planned, air !== undefined)
    return { plan: planned, mac, witness }
  })
  const isChanged = !plan.isEmpty
  if (air && (dryRun || !isChanged)) await awaitBack(context, air)
  if (isChanged && !dryRun) {
    if (air) await awaitFiles(context, air, plan.files, { mac, witness })
    const known = (await readInventory(context.system)).find((one) => one.mac === mac)
    if (known) await rememberStation(context.system, { ...known, station: version() })
  }
  return {
    data: {
      changed: isChanged && !dryRun,
      mac,
      plan: planData(plan, air !== undefined),
      ...(dryRun && { dryRun }),
    },
    ...endOf(isChanged, dryRun, host),
  }
}

async function planUpdate(
  context: Context,
  { repl, facts }: InstalledStation,
  flags: UpdateFlags,
  trial: boolean,
): Promise<ProvisionPlan> {
  const bundle = await readBundle(context.system, await compiler(context, flags, facts))
  return planCode(repl, bundle, { signal: context.signal, trial })
}

async function apply(
  { system, report, signal }: Context,
  { repl }: InstalledStation,
  plan: ProvisionPlan,
  trial: boolean,
): Promise<void> {
  const startedMs = system.clock.monotonic()
  const { files, bytes, wireBytes } = await applyProvision(repl, plan, { report, signal, trial })
  const elapsedMs = system.clock.monotonic() - startedMs
  report({ type: 'done', stage: 'files', elapsedMs, values: { files, bytes, wireBytes } })
}
