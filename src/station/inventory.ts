import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'

/** One station as this computer knows it: what, where, when, which versions. No secrets. */
export interface Station {
  /** Lower case hex with colons: what a station is known by. */
  mac: string
  symbol: string
  stream: string
  name?: string
  port?: string
  usbSerial?: string
  /** Address on its Wi-Fi network. */
  address?: string
  latitude?: number
  longitude?: number
  /** Meters above sea level, for the pressure reduced to it. */
  heightM?: number
  firmware?: string
  /** Version of the station's code. */
  station?: string
  timebaseUrl?: string
  /** ISO time of the last provisioning. */
  provisionedAt?: string
}

function path(system: System): string {
  return join(system.folders.data, 'inventory.json')
}

/** The known stations; an absent file is an empty inventory. */
export async function readInventory(system: System): Promise<Station[]> {
  const text = await system.files.readText(path(system))
  if (text === undefined) return []
  try {
    const { stations } = JSON.parse(text) as { stations?: Station[] }
    if (Array.isArray(stations)) return stations
  } catch {
    // Said below, as for a file of another form.
  }
  throw new WxError('SETTINGS_INVALID', `${path(system)} is no inventory.`, {
    hint: 'Mend or remove the file; provisioning a board writes its entry again.',
  })
}

/** Adds or changes one station, by its MAC; other programs wait for the lock. */
export async function rememberStation(system: System, station: Station): Promise<void> {
  await system.files.makeFolder(system.folders.data)
  await system.files.locked(path(system), async () => {
    const stations = await readInventory(system)
    const before = stations.find(({ mac }) => mac === station.mac)
    const others = stations.filter(({ mac }) => mac !== station.mac)
    const all = [...others, { ...before, ...station }].sort((a, b) => (a.mac < b.mac ? -1 : 1))
    await system.files.write(path(system), `${JSON.stringify({ stations: all }, null, 2)}\n`)
  })
}

/** Another board that writes under the same symbol into the same stream. */
export function clashingStation(
  stations: Station[],
  { mac, symbol, stream }: Pick<Station, 'mac' | 'symbol' | 'stream'>,
): Station | undefined {
  return stations.find((one) => one.mac !== mac && one.symbol === symbol && one.stream === stream)
}
