import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import { stillFits } from '../station/address.js'
import {
  isLocalhost,
  type Network,
  parseStation,
  type StationSettings,
  type StationValue,
} from '../station/config.js'
import { stationRules } from '../station/rules.js'
import type { Context } from './context.js'
import type { SettingKey } from './settings.js'

export interface WishFlags {
  symbol?: string
  stream?: string
  user?: string
  boardUrl?: string
  ntp?: string
  insecure?: true
  set?: string[]
  from?: string
}

/** WebAdmin's own port; TimeBase's compose file and the sandbox keep it. */
const usualUrl = 'http://localhost:8099'

/** The settings of the tool that provision cannot do without, asked for on a terminal. */
export async function askTimebase(context: Context): Promise<Context> {
  const { prompts, system } = context
  const settings = await withProfile(context)
  if (!prompts.canAsk) return { ...context, settings }
  const has = (key: Parameters<typeof settings.get>[0]): boolean => settings.get(key) !== undefined
  const hasKey = has('timebase.apiKey') || has('timebase.token')
  const url = has('timebase.url')
    ? undefined
    : await prompts.text(
        'TimeBase WebAdmin',
        { flag: '--timebase', env: 'WXSTATION_TIMEBASE_URL' },
        { ...((await answersPing(system, usualUrl)) && { initial: usualUrl }) },
      )
  const user =
    has('timebase.user') || hasKey
      ? undefined
      : await prompts.text(
          'TimeBase user',
          { flag: '--user', env: 'WXSTATION_TIMEBASE_USER' },
          { initial: 'admin' },
        )
  const password =
    has('timebase.password') || hasKey
      ? undefined
      : await prompts.secret('TimeBase password', {
          flag: 'the settings file',
          env: 'WXSTATION_TIMEBASE_PASSWORD',
        })
  return {
    ...context,
    settings: settings.with({
      'timebase.url': url,
      'timebase.user': user,
      'timebase.password': password?.reveal(),
    }),
  }
}

/** A login knows the address, and mostly what a station needs too; tokens are not for a board. */
async function withProfile({ settings, system }: Context): Promise<Context['settings']> {
  const { findProfile } = await import('./profiles.js')
  const kept = await findProfile(system, settings.get('profile'))
  if (!kept || settings.get('timebase.url') !== undefined) return settings
  const { url, kind, user, secret } = kept.profile
  return settings.with({
    'timebase.url': url,
    ...(kind === 'password' && { 'timebase.user': user, 'timebase.password': secret }),
    ...(kind === 'api-key' && { 'timebase.apiKey': user, 'timebase.apiSecret': secret }),
  })
}

async function answersPing(system: Context['system'], url: string): Promise<boolean> {
  try {
    const answer = await system.fetch(`${url}/ping`, {
      connectTimeoutMs: 1000,
      headersTimeoutMs: 2000,
    })
    await answer.discard()
    return answer.status === 200
  } catch {
    return false
  }
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
    ...fromTool(context, before),
    ...(flags.from && (await fromFile(context, flags.from))),
    ...fromFlags(context, flags),
    ...fromPairs(flags.set ?? []),
    version: 1,
  }
  // The address of this computer's own loopback says nothing to a board.
  if (isLocalhost(String(wish.timebase_url ?? ''))) delete wish.timebase_url
  checkUrl(wish.timebase_url)
  return wish
}

/** What the tool itself was told, by environment, files or answers, as a station's settings. */
function fromTool({ settings, system }: Context, before: StationSettings): StationSettings {
  const told = (key: SettingKey): string | undefined =>
    settings.all().some((one) => one.key === key && one.origin !== 'default')
      ? settings.get(key)
      : undefined
  const [stream, status] = [told('stream'), told('statusStream')]
  const user = told('timebase.user')
  const password = settings.secret('timebase.password')
  const [key, secret] = [told('timebase.apiKey'), settings.secret('timebase.apiSecret')]
  const url = settings.get('timebase.boardUrl') ?? settings.get('timebase.url') ?? ''
  const isKept =
    isLocalhost(url) && stillFits(String(before.timebase_url ?? ''), url, system.host.addresses())
  return {
    ...(stream && { stream }),
    ...(status && { status_stream: status }),
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
  if (value === undefined || value === '' || /^https?:\/\/[^\s/]/.test(String(value))) return
  throw new WxError('SETTINGS_INVALID', `"${value}" is no address of TimeBase WebAdmin.`, {
    hint: 'Write it with its scheme, for example http://192.168.1.20:8099.',
  })
}

/** A station signs in by itself: without a password it could not send. */
export async function withLogin(
  { prompts }: Context,
  wish: StationSettings,
): Promise<StationSettings> {
  if (wish.auth === 'api-key' || wish.password !== undefined) return wish
  const password = await prompts.secret("TimeBase password of the station's user", {
    flag: '--from',
    env: 'WXSTATION_TIMEBASE_PASSWORD',
  })
  return { ...wish, password }
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

/** `name=value` pairs: numbers and lists become what the setting is. */
export function fromPairs(pairs: string[]): StationSettings {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      const name = at < 0 ? pair : pair.slice(0, at)
      const rule = stationRules[name]
      if (at < 1 || !rule || rule.kind === 'networks') {
        // The value may be a secret: only the name is repeated.
        throw new WxError('USAGE', `"${name}" is no setting that can be set this way.`, {
          hint: `Settings are: ${Object.keys(stationRules).join(', ')}.`,
        })
      }
      return [name, settingValue(pair.slice(at + 1), rule.kind)]
    }),
  )
}

function settingValue(text: string, kind: string): StationValue {
  if (kind === 'number') return text.trim() === '' ? Number.NaN : Number(text)
  if (kind === 'secret') return new Secret(text)
  if (kind === 'texts') return text.split(',').map((one) => one.trim())
  return text
}
