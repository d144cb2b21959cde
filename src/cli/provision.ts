import { airStation } from './air-station.js'
import type { ProvisionFlags } from './commands/provision.js'
import type { Context, Result } from './context.js'
import { awaitBack } from './over-air.js'
import { type Outcome, provisionBoard } from './provision-board.js'
import { recordLine } from './render/provision.js'
import { pairsWithStdin } from './station-pairs.js'
import { forStreams, openStreams } from './station-streams.js'
import { givenSettings } from './station-wish.js'
import { askTimebase } from './wizard.js'

/** The whole of `wxstation provision`: ask, plan, try, write, and see the first record. */
export async function provision(context: Context, flags: ProvisionFlags): Promise<Result> {
  // Said once, before anybody waits: standard input cannot be read twice.
  const given = await pairsWithStdin(context, flags.set ?? [], flags.passwordStdin)
  const settings = context.settings.with({
    port: flags.port,
    stream: flags.stream,
    ntp: flags.ntp,
    'wifi.ssid': flags.ssid,
    'station.name': flags.name,
    'station.symbol': flags.symbol,
    'station.latitude': flags.latitude?.toString(),
    'station.longitude': flags.longitude?.toString(),
    'station.height': flags.height?.toString(),
    'timebase.url': flags.timebase,
    'timebase.user': flags.user,
    'timebase.boardUrl': flags.boardUrl,
    'timebase.ca': flags.ca,
    'timebase.insecure': flags.insecure && 'yes',
  })
  const here = await askTimebase({ ...context, settings })
  const wanted = await givenSettings(here, { ...flags, given })
  const streams = await openStreams(forStreams(here, wanted.stream, wanted.status_stream))
  if (flags.all || flags.list || flags.retryFailed) {
    const { provisionAll } = await import('./fleet.js')
    return provisionAll(here, { ...flags, given }, streams)
  }
  const air = flags.host === undefined ? undefined : await airStation(here, flags.host)
  const outcome = await provisionBoard(here, { ...flags, given }, streams, undefined, air)
  if (air && !outcome.record) await awaitBack(here, air)
  return resultOf(outcome)
}

function resultOf(outcome: Outcome): Result {
  const { record } = outcome
  return {
    data: { ...outcome },
    pretty: (paint) => {
      if (outcome.dryRun) return [paint.dim('Nothing was changed: this was a dry run.')]
      if (record) return [`  ${recordLine(record)}`]
      if (outcome.changed) return []
      return [`${paint.good('✔')} Nothing to change: the station is up to date.`]
    },
    ...(!outcome.dryRun && { next: 'wxstation tail' }),
  }
}
