import { WxError } from '../errors.js'
import type { Secret } from '../secret.js'
import { serverUrl } from '../timebase/client.js'
import type { Context } from './context.js'
import type { Profile } from './profiles.js'
import type { Settings } from './settings.js'
import { secretFromStdin } from './stdin.js'
import { isPrivateKey, type Tls } from './timebase.js'

export interface LoginFlags {
  user?: string
  passwordStdin?: true
  apiKey?: string
  secretStdin?: true
  sso?: true
  issuer?: string
  clientId?: string
  clientSecretStdin?: true
  scope?: string
  ca?: string
  insecure?: true
  switch?: true
}

type FromStdin = (
  flag: string,
  isWanted: true | undefined,
  question: string,
) => Promise<Secret | undefined>

/** The login that flags, settings and answers describe; asks for what they leave out. */
export async function describeLogin(
  context: Context,
  shared: Omit<Profile, 'kind' | 'user'>,
  tls: Tls,
  flags: LoginFlags,
): Promise<Profile> {
  const { prompts } = context
  const settings = settingsFor(context, shared.url)
  const fromStdin: FromStdin = async (flag, isWanted, question) =>
    isWanted ? secretFromStdin(context, flag, question) : undefined

  if (flags.sso || flags.issuer !== undefined || flags.clientId !== undefined)
    return describeExternal(context, shared, tls, flags, fromStdin)
  if (flags.apiKey !== undefined) {
    const isOwn = [undefined, flags.apiKey].includes(settings?.get('timebase.apiKey'))
    const question = `Secret of the API key ${flags.apiKey}`
    const secret =
      (await fromStdin('--secret-stdin', flags.secretStdin, question)) ??
      (isOwn ? settings?.secret('timebase.apiSecret') : undefined) ??
      (await prompts.secret(question, {
        flag: '--secret-stdin',
        env: 'WXSTATION_TIMEBASE_API_SECRET',
      }))
    const kind = isPrivateKey(secret.reveal()) ? 'session' : 'api-key'
    return { ...shared, kind, user: flags.apiKey, secret: secret.reveal() }
  }
  const user =
    flags.user ??
    settings?.get('timebase.user') ??
    (await prompts.text(
      'User',
      { flag: '--user', env: 'WXSTATION_TIMEBASE_USER' },
      { initial: 'admin' },
    ))
  const isOwn = [undefined, user].includes(settings?.get('timebase.user'))
  const question = `Password of ${user}`
  const password =
    (await fromStdin('--password-stdin', flags.passwordStdin, question)) ??
    (isOwn ? settings?.secret('timebase.password') : undefined) ??
    (await prompts.secret(question, {
      flag: '--password-stdin',
      env: 'WXSTATION_TIMEBASE_PASSWORD',
    }))
  return { ...shared, kind: 'password', user, secret: password.reveal() }
}

/** Settings that say which server they are of tell no other one their secrets. */
function settingsFor({ settings }: Context, url: string): Settings | undefined {
  const own = settings.get('timebase.url')
  return own === undefined || serverUrl(own).href === serverUrl(url).href ? settings : undefined
}

async function describeExternal(
  { system, signal }: Context,
  shared: Omit<Profile, 'kind' | 'user'>,
  tls: Tls,
  flags: LoginFlags,
  fromStdin: FromStdin,
): Promise<Profile> {
  const { readAuthInfo } = await import('../timebase/auth/provider.js')
  const info = await readAuthInfo(shared.url, system, {
    signal,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.insecure && { insecure: true }),
  })
  const configUrl = flags.issuer ?? info.configUrl
  const clientId = flags.clientId ?? (info.isExternal ? info.clientId : undefined)
  if (configUrl === undefined || clientId === undefined) {
    throw new WxError('LOGIN_REFUSED', `${shared.url} names no provider for single sign-on.`, {
      hint: 'It signs users in by itself: leave --sso out, or give --issuer and --client-id.',
    })
  }
  const secret = await fromStdin(
    '--client-secret-stdin',
    flags.clientSecretStdin,
    `Secret of the client ${clientId}`,
  )
  return {
    ...shared,
    kind: 'oauth',
    user: clientId,
    configUrl,
    ...(secret && { secret: secret.reveal() }),
    ...(info.audience !== undefined && { audience: info.audience }),
    ...(flags.scope !== undefined && { scope: flags.scope }),
  }
}
