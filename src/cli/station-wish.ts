import { WxError } from '../errors.js'
import { stillFits } from '../station/address.js'
import {
  isLocalhost,
  type Network,
  parseStation,
  type StationSettings,
  type StationValue,
} from '../station/config.js'
import type { Context } from './context.js'
import type { SettingKey } from './settings.js'

export interface WishFlags {
  symbol?: string
  stream?: string
  user?: string
  boardUrl?: string
  ntp?: string
  insecure?: true
  from?: string
  /** What --set and a line of a list name. */
  given?: StationSettings
}

/**
 * A station's settings: what the board has, under what this computer's settings say, under the file
 * of --from, under the command line. Without the network, which is chosen on the board.
 * `timebase_url` stays open where only the joined board can tell it.
 */
export async function stationWish(
  context: Context,
  flags: WishFlags,
  before: StationSettings,
): Promise<StationSettings> {
  const { settings } = context
  const wish: StationSettings = {
    stream: settings.get('stream') ?? '',
    status_stream: settings.get('statusStream') ?? '',
    ...before,
    // Trust without proof is asked for each time: it never stays because it was there once.
    ...(before.tls === 'insecure' && { tls: 'verified' }),
    ...(await givenSettings(context, flags, before)),
    version: 1,
  }
  // The address of this computer's own loopback says nothing to a board.
  if (isLocalhost(String(wish.timebase_url ?? ''))) delete wish.timebase_url
  checkUrl(wish.timebase_url)
  return wish
}

/** The same without the board and without defaults: what somebody has said. */
export async function givenSettings(
  context: Context,
  flags: WishFlags,
  before: StationSettings = {},
): Promise<StationSettings> {
  return {
    ...fromTool(context, before),
    ...(flags.from && (await fromFile(context, flags.from))),
    ...fromFlags(context, flags),
    ...flags.given,
  }
}

/** What the tool itself was told, by environment, files or answers, as a station's settings. */
function fromTool({ settings, system }: Context, before: StationSettings): StationSettings {
  const told = (key: SettingKey): string | undefined =>
    settings.all().some((one) => one.key === key && one.origin !== 'default')
      ? settings.get(key)
      : undefined
  const [stream, status] = [told('stream'), told('statusStream')]
  const symbol = told('station.symbol')
  const user = told('timebase.user')
  const password = settings.secret('timebase.password')
  const [key, secret] = [told('timebase.apiKey'), settings.secret('timebase.apiSecret')]
  const url = settings.get('timebase.boardUrl') ?? settings.get('timebase.url') ?? ''
  const isKept =
    isLocalhost(url) && stillFits(String(before.timebase_url ?? ''), url, system.host.addresses())
  return {
    ...(stream && { stream }),
    ...(status && { status_stream: status }),
    ...(symbol && { symbol }),
    ...(told('ntp') && { ntp_servers: hosts(told('ntp')) }),
    ...(user && { username: user }),
    ...(password && { password }),
    ...(key && secret && !password && { auth: 'api-key', api_key: key, api_secret: secret }),
    ...(/^(1|true|yes|on)$/i.test(told('timebase.insecure') ?? '') && { tls: 'insecure' }),
    ...(url !== '' && !isKept && { timebase_url: url.replace(/\/$/, '') }),
  }
}

/** Flags say what this station shall have, and win over a file. */
function fromFlags({ settings }: Context, flags: WishFlags): StationSettings {
  const { symbol, stream, user, boardUrl, ntp, insecure } = flags
  const password = settings.secret('timebase.password')
  return {
    ...(symbol !== undefined && { symbol }),
    ...(stream !== undefined && { stream }),
    // A user of its own ends a station's signing by key.
    ...(user !== undefined && { username: user, ...(password && { auth: 'password' }) }),
    ...(boardUrl !== undefined && { timebase_url: boardUrl.replace(/\/$/, '') }),
    ...(ntp !== undefined && { ntp_servers: hosts(ntp) }),
    ...(insecure && { tls: 'insecure' }),
  }
}

function hosts(text = ''): string[] {
  return text.split(',').map((one) => one.trim())
}

function checkUrl(value: StationValue | undefined): void {
  const fault = value === undefined || value === '' ? undefined : urlFault(String(value))
  if (fault === undefined) return
  throw new WxError('SETTINGS_INVALID', fault, {
    hint: 'Write it with its scheme, for example http://192.168.1.20:8099.',
  })
}

/** Why a text is no address of WebAdmin; undefined where it can be one. */
export function urlFault(text: string): string | undefined {
  if (/^https?:\/\/[^\s/]/.test(text) && URL.canParse(text)) return undefined
  return `"${text}" is no address of TimeBase WebAdmin.`
}

export function withNetwork(wish: StationSettings, network: Network): StationSettings {
  const others = ((wish.networks ?? []) as Network[]).filter(({ ssid }) => ssid !== network.ssid)
  return { ...wish, networks: [network, ...others] }
}

export function hasNetworks({ networks }: StationSettings): boolean {
  return Array.isArray(networks) && networks.length > 0
}

async function fromFile({ system }: Context, path: string): Promise<StationSettings> {
  const text = await system.files.readText(path)
  if (text === undefined) throw new WxError('FILE_UNREADABLE', `There is no file ${path}.`)
  const { $schema: _schema, ...settings } = parseStation(text, path)
  return settings
}
