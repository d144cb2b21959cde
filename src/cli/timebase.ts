import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import type { Authenticator } from '../timebase/auth/authenticator.js'
import type { TokenStore } from '../timebase/auth/tokens.js'
import { makeClient, serverUrl, type TimebaseClient } from '../timebase/client.js'
import type { Context } from './context.js'
import { findProfile, type Profile, profileTokens } from './profiles.js'

export interface Tls {
  ca?: string | undefined
  insecure?: boolean | undefined
}

/** A login that was chosen: where to, how, and where it comes from. */
export interface Login {
  url: string
  auth: Authenticator
  tls: Tls
  /** Name of the profile, or undefined where flags, environment or settings gave it. */
  profile: string | undefined
}

/** Opens the WebAdmin that flags, environment, settings or a login name; signs in when first needed. */
export async function openTimebase(context: Context): Promise<TimebaseClient> {
  return clientOf(context, await chooseLogin(context))
}

export function clientOf({ system, report }: Context, { url, auth, tls }: Login): TimebaseClient {
  return makeClient({ url, auth, ...tls }, system, report)
}

/**
 * A profile that was named wins. Otherwise settings (environment, files) win over the active
 * profile, whose secrets go to its own address only.
 */
export async function chooseLogin(context: Context): Promise<Login> {
  const { settings, system } = context
  const named = settings.get('profile')
  const kept = await findProfile(system, named)
  if (kept && named !== undefined) return profileLogin(context, kept.name, kept.profile)

  const url = settings.get('timebase.url') ?? kept?.profile.url
  if (url === undefined) throw new WxError('TIMEBASE_UNSET', 'Nothing says which TimeBase to use.')
  const tls = await tlsOf(context, settings.get('timebase.ca'), isInsecure(context))
  const auth = await settingsAuth(context, url, tls)
  if (auth) return { url, auth, tls, profile: undefined }
  if (kept && serverUrl(kept.profile.url).href === serverUrl(url).href)
    return profileLogin(context, kept.name, kept.profile)
  return { url, auth: await askedAuth(context, url, tls), tls, profile: undefined }
}

/** What environment and settings say about signing in, or undefined where they say nothing whole. */
export async function settingsAuth(
  { settings, system }: Context,
  url: string,
  tls: Tls,
): Promise<Authenticator | undefined> {
  const token = settings.secret('timebase.token')
  if (token) return (await import('../timebase/auth/token.js')).tokenAuth(token)
  const name = settings.get('timebase.apiKey')
  const secret = settings.secret('timebase.apiSecret')
  if (name !== undefined && secret) return keyAuth(system, url, name, secret, tls)
  const user = settings.get('timebase.user')
  const password = settings.secret('timebase.password')
  if (user === undefined || !password) return undefined
  const { passwordAuth } = await import('../timebase/auth/password.js')
  return passwordAuth({ url, user, password, ...tls }, system)
}

/** A wrong address is said before anybody types a password. */
export async function checkServer(context: Context, url: string, tls: Tls): Promise<void> {
  const { system, signal } = context
  const { noAuth } = await import('../timebase/auth/token.js')
  const { serverVersion } = await import('../timebase/status.js')
  try {
    await serverVersion(makeClient({ url, auth: noAuth(), ...tls }, system), system.clock, signal)
  } catch (error) {
    if (!(error instanceof WxError)) throw error
    // A version that keeps even this page behind its login is WebAdmin all the same.
    if (error.code === 'LOGIN_REFUSED') return
    // What a server of TLS does with a request in the clear: it closes, or answers 400.
    const isOdd = error.code === 'NO_ANSWER' || error.details.status === 400
    if (!isOdd || !url.startsWith('http:')) throw error
    const { code, message, details, cause } = error
    const hint = `${error.hint}\nA server of TLS wants its address with https://.`
    throw new WxError(code, message, { hint, details, cause })
  }
}

async function askedAuth(context: Context, url: string, tls: Tls): Promise<Authenticator> {
  const { settings, system, prompts } = context
  if (prompts.canAsk) await checkServer(context, url, tls)
  const key = settings.get('timebase.apiKey')
  if (key !== undefined) {
    const env = 'WXSTATION_TIMEBASE_API_SECRET'
    const question = `Secret of the API key ${key}`
    const secret = await prompts.secret(question, { flag: '`wxstation login --api-key`', env })
    return keyAuth(system, url, key, secret, tls)
  }
  const user =
    settings.get('timebase.user') ??
    (await prompts.text('TimeBase user', {
      flag: '`wxstation login`',
      env: 'WXSTATION_TIMEBASE_USER',
    }))
  const password =
    settings.secret('timebase.password') ??
    (await prompts.secret(`Password of ${user}`, {
      flag: '`wxstation login`',
      env: 'WXSTATION_TIMEBASE_PASSWORD',
    }))
  const { passwordAuth } = await import('../timebase/auth/password.js')
  return passwordAuth({ url, user, password, ...tls }, system)
}

/** The login that a profile describes, with the tokens that are kept of it or those of `store`. */
export async function profileLogin(
  context: Context,
  name: string,
  profile: Profile,
  store: TokenStore = profileTokens(context.system, name, profile),
): Promise<Login> {
  const { system, settings } = context
  const { url } = profile
  const tls = await tlsOf(
    context,
    profile.ca ?? settings.get('timebase.ca'),
    profile.insecure ?? isInsecure(context),
  )
  const login = (auth: Authenticator): Login => ({ url, auth, tls, profile: name })
  const secret = new Secret(profile.secret ?? '')
  switch (profile.kind) {
    case 'password': {
      const { passwordAuth } = await import('../timebase/auth/password.js')
      const options = { url, user: profile.user, password: secret, store, ...tls }
      return login(passwordAuth(options, system))
    }
    case 'api-key':
    case 'session':
      return login(await keyAuth(system, url, profile.user, secret, tls))
    case 'oauth': {
      const { externalAuth } = await import('../timebase/auth/external.js')
      const { discoverProvider } = await import('../timebase/auth/provider.js')
      const trust = {
        ...(tls.ca !== undefined && { ca: tls.ca }),
        ...(tls.insecure && { insecure: true }),
      }
      const options = {
        discover: (signal: AbortSignal) =>
          discoverProvider(profile.configUrl ?? '', system, { ...trust, signal }),
        audience: profile.audience,
        clientId: profile.user,
        clientSecret: profile.secret === undefined ? undefined : secret,
        scope: profile.scope,
        store,
        canAsk: context.prompts.canAsk,
        ...tls,
      }
      return login(externalAuth(options, system, context.report))
    }
  }
}

/** A private key (PEM) means session mode, any other secret basic mode; what kind of key, is asked later. */
export function isPrivateKey(secret: string): boolean {
  return /-----BEGIN ([A-Z]+ )*PRIVATE KEY-----/.test(secret)
}

async function keyAuth(
  system: Context['system'],
  url: string,
  name: string,
  secret: Secret,
  tls: Tls,
): Promise<Authenticator> {
  if (isPrivateKey(secret.reveal())) {
    const { sessionAuth } = await import('../timebase/auth/session.js')
    return sessionAuth({ url, name, privateKey: secret, ...tls }, system)
  }
  const { apiKeyAuth } = await import('../timebase/auth/api-key.js')
  return apiKeyAuth({ name, secret }, system)
}

export function isInsecure({ settings }: Context): boolean {
  return /^(1|true|yes|on)$/i.test(settings.get('timebase.insecure') ?? '')
}

export async function tlsOf(
  { system }: Context,
  path: string | undefined,
  insecure: boolean,
  from = 'timebase.ca',
): Promise<Tls> {
  if (path === undefined) return { insecure }
  const ca = await system.files.readText(path)
  if (ca?.includes('BEGIN CERTIFICATE')) return { ca, insecure }
  const what = ca === undefined ? 'There is no file' : 'There is no certificate in'
  throw new WxError('SETTINGS_INVALID', `${what} ${path}, which ${from} names.`)
}
