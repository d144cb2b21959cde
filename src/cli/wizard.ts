import { WxError } from '../errors.js'
import type { StationSettings } from '../station/config.js'
import { readInventory, type Station } from '../station/inventory.js'
import { checkNewStreamName } from '../timebase/names.js'
import type { Context } from './context.js'
import { givenSettings, urlFault, type WishFlags } from './station-wish.js'

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
        { ...(await foundUrl(system)), check: (text) => urlFault(text) ?? true },
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

/** A server that answers: on this computer, else the one that the last board was provisioned for. */
async function foundUrl(system: Context['system']): Promise<{ initial?: string }> {
  const last = (await readInventory(system))
    .filter(({ timebaseUrl, provisionedAt }) => timebaseUrl && provisionedAt)
    .sort((a, b) => ((a.provisionedAt ?? '') < (b.provisionedAt ?? '') ? 1 : -1))[0]
  for (const url of [usualUrl, last?.timebaseUrl])
    if (url !== undefined && (await answersPing(system, url))) return { initial: url }
  return {}
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

/**
 * How a board that is new is called and where it writes, asked on a terminal where nothing says so
 * yet. A board that has settings keeps them unasked.
 */
export async function askStation(
  context: Context,
  flags: WishFlags,
  wish: StationSettings,
  { symbol, known }: { symbol: string; known: Station | undefined },
): Promise<{ context: Context; wish: StationSettings }> {
  const { prompts, settings } = context
  if (!prompts.canAsk) return { context, wish }
  const given = await givenSettings(context, flags)
  const name =
    settings.get('station.name') ??
    (await prompts.text(
      'Station name',
      { flag: '--name', env: 'WXSTATION_STATION_NAME' },
      { initial: known?.name ?? symbol },
    ))
  const stream =
    given.stream ??
    (await prompts.text(
      'Stream',
      { flag: '--stream', env: 'WXSTATION_STREAM' },
      { initial: String(wish.stream), check: streamFault },
    ))
  // A station that is called like its symbol has no other name: it would stay when that changes.
  const own = name === symbol ? {} : { 'station.name': name }
  return { context: { ...context, settings: settings.with(own) }, wish: { ...wish, stream } }
}

function streamFault(name: string): string | true {
  try {
    checkNewStreamName(name)
    return true
  } catch (error) {
    return error instanceof WxError ? `${error.message} ${error.hint}` : String(error)
  }
}
