import { readBundle } from '../station/bundle.js'
import { readInventory, rememberStation } from '../station/inventory.js'
import { applyProvision, type ProvisionPlan, planCode, planData } from '../station/provision.js'
import type { UpdateFlags } from './commands/update.js'
import type { Context, Result } from './context.js'
import { endLine, type InstalledStation, withStation } from './installed-station.js'
import { compiler, reportPlan } from './provision-board.js'
import { version } from './version.js'

/** Puts this package's station code onto a board that has a station; settings are not touched. */
export async function updateStation(context: Context, flags: UpdateFlags): Promise<Result> {
  const dryRun = flags.dryRun === true
  const { plan, mac } = await withStation(context, flags, async (station) => {
    const planned = await planUpdate(context, station, flags)
    reportPlan(context, planned)
    if (!planned.isEmpty && !dryRun) await apply(context, station, planned)
    return { plan: planned, mac: station.facts.mac }
  })
  const isChanged = !plan.isEmpty
  return {
    data: {
      changed: isChanged && !dryRun,
      mac,
      plan: planData(plan),
      ...(dryRun && { dryRun }),
    },
    pretty: () => [endLine(isChanged, dryRun)],
  }
}

async function planUpdate(
  context: Context,
  { repl, facts }: InstalledStation,
  flags: UpdateFlags,
): Promise<ProvisionPlan> {
  const bundle = await readBundle(context.system, await compiler(context, flags, facts))
  return planCode(repl, bundle, context.signal)
}

async function apply(
  { system, report, signal }: Context,
  { repl, facts }: InstalledStation,
  plan: ProvisionPlan,
): Promise<void> {
  const startedMs = system.clock.monotonic()
  const { files, bytes, wireBytes } = await applyProvision(repl, plan, { report, signal })
  const elapsedMs = system.clock.monotonic() - startedMs
  report({ type: 'done', stage: 'files', elapsedMs, values: { files, bytes, wireBytes } })
  const known = (await readInventory(system)).find(({ mac }) => mac === facts.mac)
  if (known) await rememberStation(system, { ...known, station: version() })
}
