import { readInventory } from '../station/inventory.js'
import type { System } from '../system.js'

// ESP-IDF's access point: its own address, and the beginning of those that it gives away.
export const gateAddress = '192.168.4.1'
const guestPrefix = '192.168.4.'
const webReplPort = 8266
// One hop over Wi-Fi takes milliseconds; whoever needs longer is no station next to us.
const knockMs = 1500

/**
 * Whether this computer is in the network that a station without Wi-Fi opens, and the station
 * answers there. Costs nothing anywhere else.
 */
export async function isAtStation({ host, net, clock }: System): Promise<boolean> {
  const isGuest = host
    .addresses()
    .some(({ address }) => address.startsWith(guestPrefix) && address !== gateAddress)
  if (!isGuest) return false
  const giveUp = new AbortController()
  const cancel = clock.timer(knockMs, () => giveUp.abort())
  try {
    const socket = await net.connect(gateAddress, webReplPort, giveUp.signal)
    socket.destroy()
    return true
  } catch {
    return false
  } finally {
    cancel()
  }
}

/** For whoever is in that network already. */
export const atStationHint = `This computer is in the network of a station without Wi-Fi. Give it one: \`wxstation wifi set --host ${gateAddress}\`.`

/** For whoever does not find a station: which network to join, and what to type there. */
export async function joinHint(system: System): Promise<string> {
  const symbols = (await readInventory(system).catch(() => [])).map(({ symbol }) => symbol)
  const names =
    symbols.length > 0 && symbols.length <= 4 ? symbols.join(' or ') : 'by its symbol, as esp123456'
  return `A minute after it lost its Wi-Fi a station with an ap_password opens a network of its own (${names}): join that, then run \`wxstation wifi set --host ${gateAddress}\`.`
}
