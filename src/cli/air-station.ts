import type { Link } from '../device/link.js'
import { openWebRepl, type WebRepl } from '../device/webrepl.js'
import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import { readInventory, type Station } from '../station/inventory.js'
import type { System } from '../system.js'
import type { Context } from './context.js'
import { patienceOf } from './patience.js'
import { atStationHint, gateAddress, isAtStation, joinHint } from './station-network.js'

/** A station that is reached by its WebREPL. Reading leaves it running. */
export interface AirStation {
  readonly host: string
  /** As the inventory keeps it: without the port. */
  readonly address: string
  /** Throws NO_BOARD where it is another board than the station of the inventory that was named. */
  check(mac: string): void
  /** A file as it lies there. */
  read(path: string): Promise<Buffer>
  /** Whether a file is there; a board that is lost in this moment raises, as any does later. */
  has(path: string): Promise<boolean>
  /** Its prompt, as a link. */
  open(): Promise<Link>
  /** The same station where its password may have become another one. */
  or(password: unknown): AirStation
}

/** Asks for the password where no setting has it; touches no board. */
export async function airStation(context: Context, host: string): Promise<AirStation> {
  const { settings, prompts } = context
  const known = await namedStation(context, host)
  const password =
    settings.secret('webrepl.password') ??
    (await prompts.secret("The station's WebREPL password", {
      flag: 'the settings file',
      env: 'WXSTATION_WEBREPL_PASSWORD',
    }))
  return stationAt(context, { host: known?.address ?? host, known }, [password])
}

type Place = { host: string; known: Station | undefined }

/** A station may be named as the inventory knows it: by name, symbol or MAC. */
async function namedStation({ system }: Context, host: string): Promise<Station | undefined> {
  const known = (await readInventory(system)).find(({ name, symbol, mac }) =>
    [name, symbol, mac].includes(host),
  )
  if (!known || known.address !== undefined) return known
  throw new WxError('USAGE', `Nobody has noted at which address "${host}" is.`, {
    hint: 'Give the address: `wxstation logs` shows it after "wifi joined", and so does the router.',
  })
}

function checkMac({ host, known }: Place, mac: string): void {
  if (!known || known.mac === mac) return
  throw new WxError('NO_BOARD', `The station at ${host} is ${mac}, not ${known.mac}.`, {
    hint: `It was let go unchanged. The router knows the address that ${known.name ?? known.symbol} has now: give that with --host.`,
    details: { wanted: known.mac, found: mac, host },
  })
}

function stationAt(context: Context, place: Place, passwords: Secret[]): AirStation {
  const { host } = place
  const open = (): Promise<WebRepl> => openWithAny(context, host, passwords)
  const read = async (path: string): Promise<Buffer> => {
    const { link, readFile } = await open()
    try {
      return Buffer.from(await readFile(path))
    } finally {
      await link.close()
    }
  }
  return {
    host,
    address: host.replace(/:\d+$/, ''),
    check: (mac) => checkMac(place, mac),
    read,
    async has(path) {
      const { link, readFile } = await open()
      try {
        await readFile(path)
        return true
      } catch (error) {
        if (!(error instanceof WxError) || error.code !== 'PORT_LOST') throw error
        return false
      } finally {
        await link.close()
      }
    },
    open: async () => (await open()).link,
    // On trial the station has the new password already: it goes first.
    or: (password) =>
      stationAt(
        context,
        place,
        password instanceof Secret ? [password, ...passwords] : [...passwords],
      ),
  }
}

async function openWithAny(
  context: Context,
  host: string,
  [password, ...others]: Secret[],
): Promise<WebRepl> {
  const { signal, system, settings } = context
  try {
    const options = { host, password: password ?? new Secret(''), signal }
    return await openWebRepl({ ...options, patience: patienceOf(settings) }, system)
  } catch (error) {
    if (error instanceof WxError && error.code === 'PORT_ABSENT')
      throw await absent(error, host, system)
    const isRefused = error instanceof WxError && error.code === 'LOGIN_REFUSED'
    if (!isRefused || others.length === 0) throw error
    return openWithAny(context, host, others)
  }
}

async function absent(cause: WxError, host: string, system: System): Promise<WxError> {
  const there = 'WebREPL is on where the station has a webrepl_password.'
  const hint = (await isAtStation(system))
    ? atStationHint
    : `Check the address; ${there} ${await joinHint(system)}`
  return new WxError('PORT_ABSENT', cause.message, {
    cause,
    details: { host },
    hint: host.startsWith(gateAddress) ? await joinHint(system) : hint,
  })
}
