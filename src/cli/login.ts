import { resolve } from 'node:path'
import { WxError } from '../errors.js'
import type { Secret } from '../secret.js'
import { serverUrl } from '../timebase/client.js'
import { type Rights, readRights } from '../timebase/status.js'
import type { Context, Result } from './context.js'
import {
  activateProfile,
  type Profile,
  profilesFile,
  removeProfiles,
  saveProfile,
} from './profiles.js'
import { fact } from './render/tables.js'
import { loginText, rightsText } from './render/timebase.js'
import { secretFromStdin } from './stdin.js'
import { checkServer, clientOf, isPrivateKey, profileLogin, tlsOf } from './timebase.js'

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

/** Asks for what is missing, signs in once for proof, then keeps the login. */
export async function login(
  context: Context,
  address: string | undefined,
  flags: LoginFlags,
): Promise<Result> {
  const { system, settings, signal } = context
  if (flags.switch) return switchTo(system, settings.get('profile'))
  const url = await askUrl(context, address)
  const ca = flags.ca === undefined ? undefined : resolve(system.cwd, flags.ca)
  const shared = {
    url,
    // Kept for commands that run in other folders.
    ...(ca !== undefined && { ca }),
    ...(flags.insecure && { insecure: true }),
  }
  const name = settings.get('profile') ?? 'default'
  const tls = await tlsOf(context, ca, flags.insecure ?? false, '--ca')
  await checkServer(context, url, tls)
  const profile = await describeLogin(context, shared, flags)
  const chosen = await profileLogin(context, name, profile)
  const { rights } = await readRights(clientOf(context, chosen), signal)
  await saveProfile(system, name, profile)
  const { auth } = chosen
  return {
    data: { profile: name, url, kind: auth.kind, user: auth.user, rights },
    pretty: (paint) => [
      `${paint.good('✔')} Signed in to ${url} as ${loginText(auth)}: ${rightsText(rights)}.`,
      paint.dim(`  Login "${name}" is kept in ${profilesFile(system)}, which only you can read.`),
    ],
    next: `wxstation ${rights.write === false ? 'tail' : 'stream create'}`,
  }
}

async function switchTo(system: Context['system'], name: string | undefined): Promise<Result> {
  if (name === undefined)
    throw new WxError('USAGE', '--switch needs the name of a login.', {
      hint: 'Give it with --profile; `wxstation whoami` shows the names.',
    })
  await activateProfile(system, name)
  return {
    data: { profile: name },
    pretty: (paint) => [`${paint.good('✔')} Login "${name}" is used from now on.`],
  }
}

async function askUrl({ settings, prompts }: Context, address?: string): Promise<string> {
  const given = address ?? settings.get('timebase.url')
  const text =
    given ??
    (await prompts.text(
      'Address of TimeBase WebAdmin',
      { flag: '`wxstation login <address>`', env: 'WXSTATION_TIMEBASE_URL' },
      { initial: 'http://localhost:8099' },
    ))
  return serverUrl(text).href.replace(/\/$/, '')
}

async function describeLogin(
  context: Context,
  shared: Omit<Profile, 'kind' | 'user'>,
  flags: LoginFlags,
): Promise<Profile> {
  const { settings, prompts, system } = context
  const fromStdin = async (flag: string, wanted: true | undefined): Promise<Secret | undefined> =>
    wanted ? secretFromStdin(system.terminal, flag) : undefined

  if (flags.sso || flags.issuer !== undefined || flags.clientId !== undefined)
    return describeExternal(context, shared, flags, fromStdin)
  if (flags.apiKey !== undefined) {
    const secret =
      (await fromStdin('--secret-stdin', flags.secretStdin)) ??
      settings.secret('timebase.apiSecret') ??
      (await prompts.secret(`Secret of the API key ${flags.apiKey}`, {
        flag: '--secret-stdin',
        env: 'WXSTATION_TIMEBASE_API_SECRET',
      }))
    const kind = isPrivateKey(secret.reveal()) ? 'session' : 'api-key'
    return { ...shared, kind, user: flags.apiKey, secret: secret.reveal() }
  }
  const user =
    flags.user ??
    settings.get('timebase.user') ??
    (await prompts.text(
      'User',
      { flag: '--user', env: 'WXSTATION_TIMEBASE_USER' },
      { initial: 'admin' },
    ))
  const password =
    (await fromStdin('--password-stdin', flags.passwordStdin)) ??
    settings.secret('timebase.password') ??
    (await prompts.secret(`Password of ${user}`, {
      flag: '--password-stdin',
      env: 'WXSTATION_TIMEBASE_PASSWORD',
    }))
  return { ...shared, kind: 'password', user, secret: password.reveal() }
}

async function describeExternal(
  { system, signal }: Context,
  shared: Omit<Profile, 'kind' | 'user'>,
  flags: LoginFlags,
  fromStdin: (flag: string, wanted: true | undefined) => Promise<Secret | undefined>,
): Promise<Profile> {
  const { readAuthInfo } = await import('../timebase/auth/provider.js')
  const pem = shared.ca === undefined ? undefined : await system.files.readText(shared.ca)
  const info = await readAuthInfo(shared.url, system, {
    signal,
    ...(pem !== undefined && { ca: pem }),
    ...(shared.insecure && { insecure: true }),
  })
  const configUrl = flags.issuer ?? info.configUrl
  const clientId = flags.clientId ?? (info.isExternal ? info.clientId : undefined)
  if (configUrl === undefined || clientId === undefined) {
    throw new WxError('LOGIN_REFUSED', `${shared.url} names no provider for single sign-on.`, {
      hint: 'It signs users in by itself: leave --sso out, or give --issuer and --client-id.',
    })
  }
  const secret = await fromStdin('--client-secret-stdin', flags.clientSecretStdin)
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

/** Forgets logins and their tokens. The server keeps no list of tokens, so nothing is said to it. */
export async function logout(context: Context, all: boolean): Promise<Result> {
  const { loadProfiles } = await import('./profiles.js')
  const { active } = await loadProfiles(context.system)
  const name = context.settings.get('profile') ?? active
  const wanted = all ? 'all' : name === undefined ? [] : [name]
  const removed = await removeProfiles(context.system, wanted)
  const next = (await loadProfiles(context.system)).active
  return {
    data: { removed, active: next },
    pretty: (paint) => [
      removed.length === 0
        ? 'There was no login to forget.'
        : `${paint.good('✔')} Forgotten: ${removed.join(', ')}, with all tokens.`,
      ...(next === undefined ? [] : [`  Login "${next}" is used from now on.`]),
    ],
  }
}

/** Says which login would be used, and what the server says to it. */
export async function whoami(context: Context): Promise<Result> {
  const { chooseLogin } = await import('./timebase.js')
  const { loadProfiles } = await import('./profiles.js')
  const chosen = await chooseLogin(context)
  const { profiles } = await loadProfiles(context.system)
  const { rights } = await readRights(clientOf(context, chosen), context.signal)
  const others = Object.keys(profiles).filter((name) => name !== chosen.profile)
  return {
    data: {
      url: chosen.url,
      kind: chosen.auth.kind,
      user: chosen.auth.user,
      profile: chosen.profile,
      rights,
      others,
    },
    pretty: () => whoamiLines(chosen, rights, others),
  }
}

function whoamiLines(
  { url, auth, profile }: Awaited<ReturnType<typeof profileLogin>>,
  rights: Rights,
  others: string[],
): string[] {
  const from = profile === undefined ? 'environment and settings' : `login "${profile}"`
  return [
    fact('Server', url),
    fact('User', loginText(auth)),
    fact('Rights', rightsText(rights)),
    fact('From', from),
    ...(others.length > 0 ? [fact('Others', `${others.join(', ')} (choose with --profile)`)] : []),
  ]
}
