import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import { checkStation, type StationSettings } from '../station/config.js'
import type { ConfigSetFlags } from './commands/config.js'
import type { Context, Result } from './context.js'
import { endLine, storeSettings, withStation } from './installed-station.js'
import { changeOverAir } from './over-air.js'
import { secretFromStdin } from './stdin.js'
import { fromPairs } from './wizard.js'

/** Changes settings of a station: `pairs` are `name=value`; a secret's `-` is standard input. */
export async function setStationSettings(
  context: Context,
  pairs: string[],
  flags: ConfigSetFlags,
): Promise<Result> {
  const wish = await withStdin(context, fromPairs(pairs))
  // The widest pair stands in for what only the board knows: each limit is checked before it is
  // touched, the rule between the two when it has been read.
  checkStation({ sample_interval: 2, upload_interval: 86_400, ...wish })
  const dryRun = flags.dryRun === true
  const changed = (before: StationSettings): StationSettings => ({ ...before, ...wish })
  const { host } = flags
  const changes =
    host === undefined
      ? await withStation(context, flags, (station) =>
          storeSettings(context, station, changed(station.settings), dryRun),
        )
      : await changeOverAir(context, host, changed, dryRun)
  const isChanged = changes.length > 0
  return {
    data: { changed: isChanged && !dryRun, changes, ...(dryRun && { dryRun }) },
    pretty: () => [endLine(isChanged, dryRun, host)],
  }
}

/** A command line can be read by every user of the machine: `password=-` keeps a secret out of it. */
async function withStdin({ system }: Context, wish: StationSettings): Promise<StationSettings> {
  const asked = Object.entries(wish).filter(
    ([, value]) => value instanceof Secret && value.reveal() === '-',
  )
  const [first, second] = asked
  if (!first) return wish
  if (second)
    throw new WxError('USAGE', 'Standard input can give one secret only.', {
      hint: 'Set the secrets one after the other.',
    })
  return { ...wish, [first[0]]: await secretFromStdin(system.terminal, `${first[0]}=-`) }
}
