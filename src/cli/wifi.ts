import { WxError } from '../errors.js'
import { checkStation, type Network, type StationSettings } from '../station/config.js'
import { joinNetwork } from './board-network.js'
import type { WifiFlags } from './commands/wifi.js'
import type { Context, Result } from './context.js'
import { endOf, storeSettings, withStation } from './installed-station.js'
import { chooseNetwork, wifiPassword } from './network-choice.js'
import { changeOverAir, settingsOverAir } from './over-air.js'
import { harmless } from './render/harmless.js'
import { table } from './render/tables.js'
import { withNetwork } from './station-wish.js'

/** The networks stored on a board, in the order in which they were added. */
export async function listNetworks(context: Context, flags: WifiFlags): Promise<Result> {
  const settings =
    flags.host === undefined
      ? await withStation(context, flags, async (station) => station.settings)
      : await settingsOverAir(context, flags.host)
  const networks = networksOf(settings)
  return {
    // A Secret prints as dots; an open network has none to hide.
    data: {
      networks: networks.map(({ ssid, password }) => ({
        ssid,
        password: password.isEmpty ? null : String(password),
      })),
    },
    pretty: () =>
      networks.length === 0
        ? ['The station knows no network.']
        : table(
            [{ title: 'Network' }, { title: 'Password' }],
            networks.map(({ ssid, password }) => [
              harmless(ssid),
              password.isEmpty ? '(open)' : String(password),
            ]),
          ),
    ...(networks.length === 0 && { next: 'wxstation wifi set' }),
  }
}

/** Tries a network on the board and stores it as the first of the known ones when it works. */
export async function setNetwork(context: Context, flags: WifiFlags): Promise<Result> {
  const dryRun = flags.dryRun === true
  const here = { ...context, settings: context.settings.with({ 'wifi.ssid': flags.ssid }) }
  if (flags.host !== undefined) return setOverAir(here, flags, flags.host, dryRun)
  const given = await networkOfFlags(here, flags)
  const outcome = await withStation(here, flags, async (station) => {
    const { network, seen } = given
      ? { network: given, seen: [] }
      : await chooseNetwork(here, flags, station.repl)
    // A ninth network is refused before anybody waits for a join.
    checkStation(withNetwork(station.settings, network))
    const joined = dryRun ? undefined : await joinNetwork(here, station.repl, network, seen)
    const after = withNetwork(station.settings, network)
    const changes = await storeSettings(here, station, after, dryRun)
    return { ssid: network.ssid, ...(joined && { address: joined.address }), changes }
  })
  return ended(outcome, outcome.changes.length > 0, dryRun)
}

/** Over the air the join itself is the trial: a try would end the connection it is asked for over. */
async function setOverAir(
  context: Context,
  flags: WifiFlags,
  host: string,
  dryRun: boolean,
): Promise<Result> {
  const { prompts, settings } = context
  const instead = { flag: '--ssid', env: 'WXSTATION_WIFI_SSID' }
  const ssid = settings.get('wifi.ssid') ?? (await prompts.text('Wi-Fi network', instead))
  const network = { ssid, password: await wifiPassword(context, flags, ssid) }
  checkStation({ networks: [network] })
  const change = (before: StationSettings): StationSettings => withNetwork(before, network)
  const changed = await changeOverAir(context, host, change, dryRun)
  return ended({ ssid, ...changed }, changed.changes.length > 0, dryRun, host)
}

/** Forgets a stored network. Throws USAGE for a name that the station does not know. */
export async function removeNetwork(
  context: Context,
  ssid: string,
  flags: WifiFlags,
): Promise<Result> {
  const dryRun = flags.dryRun === true
  const { host } = flags
  const without = (before: StationSettings): StationSettings => {
    const networks = networksOf(before)
    const kept = networks.filter((one) => one.ssid !== ssid)
    if (kept.length === networks.length) throw unknownNetwork(ssid, networks)
    if (kept.length === 0 && host === undefined)
      context.report({ type: 'notice', notice: 'last-network' })
    return { ...before, networks: kept }
  }
  const changed =
    host === undefined
      ? await withStation(context, flags, async (station) => ({
          changes: await storeSettings(context, station, without(station.settings), dryRun),
        }))
      : await changeOverAir(context, host, without, dryRun)
  return ended({ ssid, ...changed }, true, dryRun, host)
}

/** The network as flags and settings name it, refused before a board is touched. */
async function networkOfFlags(context: Context, flags: WifiFlags): Promise<Network | undefined> {
  const ssid = context.settings.get('wifi.ssid')
  if (ssid === undefined) return undefined
  const network = { ssid, password: await wifiPassword(context, flags, ssid) }
  checkStation({ networks: [network] })
  return network
}

function networksOf({ networks }: StationSettings): Network[] {
  return (networks ?? []) as Network[]
}

function unknownNetwork(ssid: string, networks: Network[]): WxError {
  const names = networks.map((one) => `"${one.ssid}"`).join(', ')
  return new WxError('USAGE', `The station does not know a network "${ssid}".`, {
    hint: names === '' ? 'It knows none.' : `It knows ${names}.`,
  })
}

function ended(
  data: Record<string, unknown>,
  isChanged: boolean,
  dryRun: boolean,
  host?: string,
): Result {
  return {
    data: { ...data, changed: isChanged && !dryRun, ...(dryRun && { dryRun }) },
    ...endOf(isChanged, dryRun, host),
  }
}
