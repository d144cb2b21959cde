import { checkPart, type StationSettings } from '../station/config.js'
import type { ConfigSetFlags } from './commands/config.js'
import type { Context, Result } from './context.js'
import { endOf, storeSettings, withStation } from './installed-station.js'
import { changeOverAir } from './over-air.js'
import { pairsWithStdin } from './station-pairs.js'

/** Changes settings of a station: `pairs` are `name=value`; a secret's `-` is standard input. */
export async function setStationSettings(
  context: Context,
  pairs: string[],
  flags: ConfigSetFlags,
): Promise<Result> {
  const wish = await pairsWithStdin(context, pairs)
  checkPart(wish)
  const dryRun = flags.dryRun === true
  const changed = (before: StationSettings): StationSettings => ({ ...before, ...wish })
  const { host } = flags
  const outcome =
    host === undefined
      ? await withStation(context, flags, async (station) => ({
          changes: await storeSettings(context, station, changed(station.settings), dryRun),
        }))
      : await changeOverAir(context, host, changed, dryRun)
  const isChanged = outcome.changes.length > 0
  return {
    data: { changed: isChanged && !dryRun, ...outcome, ...(dryRun && { dryRun }) },
    ...endOf(isChanged, dryRun, host),
  }
}
