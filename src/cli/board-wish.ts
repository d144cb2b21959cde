import type { Repl } from '../device/repl.js'
import type { BoardFacts } from '../station/board.js'
import {
  checkPart,
  checkStation,
  type Network,
  type StationSettings,
  symbolOf,
} from '../station/config.js'
import { readInventory } from '../station/inventory.js'
import { settingsOnBoard } from '../station/provision.js'
import type { SeenNetwork } from '../station/wifi.js'
import type { ProvisionFlags } from './commands/provision.js'
import type { Context } from './context.js'
import { reportIgnored } from './installed-station.js'
import { checkAnswers, chooseNetwork } from './network-choice.js'
import { placeOf } from './place.js'
import { forStreams, openStreams, type StationStreams } from './station-streams.js'
import { hasNetworks, stationWish, type WishFlags, withNetwork } from './station-wish.js'
import { askStation, withLogin } from './wizard.js'

export interface BoardWish {
  /** With the answers that were given on the way. */
  context: Context
  facts: BoardFacts
  before: StationSettings
  wish: StationSettings
  streams: StationStreams
  /** The network of this run, with what the board's scan heard; undefined: those it knows stay. */
  chosen: { network: Network; seen: SeenNetwork[] } | undefined
}

/** Throws what is wrong with flags, settings and files without looking at any board. */
export async function checkGiven(
  context: Context,
  flags: ProvisionFlags & WishFlags,
): Promise<void> {
  checkPart(await stationWish(context, flags, {}))
  placeOf(context.settings)
  if (flags.wifi || flags.ssid !== undefined) await checkAnswers(context, flags)
}

/** Finds out what a board is to have: from what it says, from what was given, from answers. */
export async function meetBoard(
  context: Context,
  flags: ProvisionFlags & WishFlags,
  opened: StationStreams,
  repl: Repl,
  facts: BoardFacts,
): Promise<BoardWish> {
  const { system, report } = context
  const { settings: before, ignored } = settingsOnBoard(facts)
  const isNew = Object.keys(before).length === 0
  const basis = await stationWish(context, flags, before)
  const symbol = symbolOf(basis, facts.mac)
  reportBoard(context, facts, symbol)
  if (ignored.length > 0) reportIgnored(report, ignored)
  else if (facts.stationJson !== undefined && isNew)
    report({ type: 'notice', notice: 'settings-spoiled' })
  // What was given may not fit what the board has.
  checkStation(basis)
  const known = (await readInventory(system)).find(({ mac }) => mac === facts.mac)
  const asked = isNew
    ? await askStation(context, flags, basis, { symbol, known })
    : { context, wish: basis }
  const wish = await withLogin(asked.context, asked.wish)
  const streams = await streamsOf(asked.context, wish, opened)
  const needsNetwork = flags.wifi || flags.ssid !== undefined || !hasNetworks(wish)
  const chosen = needsNetwork ? await chooseNetwork(asked.context, flags, repl) : undefined
  return {
    ...{ context: asked.context, facts, before, streams, chosen },
    wish: chosen ? withNetwork(wish, chosen.network) : wish,
  }
}

/** The station's own streams, where its board or an answer names others. */
async function streamsOf(
  context: Context,
  { stream, status_stream }: StationSettings,
  opened: StationStreams,
): Promise<StationStreams> {
  if (opened.names[0] === stream && opened.names[1] === status_stream) return opened
  return openStreams(forStreams(context, stream, status_stream))
}

function reportBoard({ report }: Context, { sensors, version }: BoardFacts, symbol: string): void {
  const values = { symbol, version, ...sensors }
  report({ type: 'fact', fact: { kind: 'station', values } })
  if (!sensors.am2320 && !sensors.bmp180) report({ type: 'notice', notice: 'no-sensors' })
}
