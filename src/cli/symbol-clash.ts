import { symbolOf } from '../station/config.js'
import { clashingStation, readInventory } from '../station/inventory.js'
import { lastRecord } from '../timebase/stream.js'
import type { Context } from './context.js'
import type { StationStreams } from './station-streams.js'

interface Named {
  mac: string
  symbol: string
  stream: string
}

/** Symbols that boards of the same command write under: their MACs by stream and symbol. */
export type Claims = Map<string, string>

/** Says who else writes under a board's symbol: in this command, the inventory or the stream. */
export async function warnOfClashes(
  { system, report, signal }: Context,
  { client, missing }: StationStreams,
  board: Named,
  claims: Claims,
): Promise<void> {
  const { mac, symbol, stream } = board
  const key = `${stream} ${symbol}`
  const claimed = claims.get(key)
  claims.set(key, claimed ?? mac)
  const stations = await readInventory(system)
  const other = clashingStation(stations, board)
  const name = claimed !== undefined && claimed !== mac ? claimed : (other?.name ?? other?.mac)
  if (name !== undefined) {
    report({ type: 'notice', notice: 'symbol-clash', values: { symbol, other: name } })
    return
  }
  // A name made of the board's own MAC can hardly be somebody else's; a chosen one can.
  const isOwn =
    symbol === symbolOf({}, mac) || stations.some((one) => one.mac === mac && one.symbol === symbol)
  const last =
    isOwn || missing.includes(stream) ? undefined : await lastRecord(client, stream, symbol, signal)
  if (last)
    report({
      type: 'notice',
      notice: 'symbol-in-use',
      values: { symbol, stream, last: last.timestamp },
    })
}
