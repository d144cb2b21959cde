import { resolve } from 'node:path'
import { WxError } from '../errors.js'
import { memoryTokens } from '../timebase/auth/tokens.js'
import { serverUrl } from '../timebase/client.js'
import { type Rights, readRights } from '../timebase/status.js'
import type { Context, Result } from './context.js'
import { describeLogin, type LoginFlags } from './login-wish.js'
import {
  activateProfile,
  loadProfiles,
  profilesFile,
  removeProfiles,
  saveProfile,
} from './profiles.js'
import { fact } from './render/tables.js'
import { loginText, rightsText } from './render/timebase.js'
import {
  checkServer,
  chooseLogin,
  clientOf,
  isInsecure,
  type Login,
  profileLogin,
  settingsAuth,
  tlsOf,
} from './timebase.js'

/** Asks for what is missing, signs in once for proof, then keeps the login. */
export async function login(
  context: Context,
  address: string | undefined,
  flags: LoginFlags,
): Promise<Result> {
  const { system, settings, signal, report } = context
  if (flags.switch) return switchTo(system, settings.get('profile'))
  const url = await askUrl(context, address)
  const named = flags.ca ?? settings.get('timebase.ca')
  const ca = named === undefined ? undefined : resolve(system.cwd, named)
  const insecure = flags.insecure ?? isInsecure(context)
  const shared = {
    url,
    // Kept for commands that run in other folders.
    ...(ca !== undefined && { ca }),
    ...(insecure && { insecure: true }),
  }
  const name = settings.get('profile') ?? 'default'
  if (name.trim() === '') throw new WxError('USAGE', 'A login needs a name: --profile has none.')
  // A file that cannot take the login is told of before anybody types a password.
  await loadProfiles(system)
  const tls = await tlsOf(context, ca, insecure, flags.ca === undefined ? 'timebase.ca' : '--ca')
  await checkServer(context, url, tls)
  const profile = await describeLogin(context, shared, tls, flags)
  // Kept tokens would prove what was true at an earlier login.
  const tokens = memoryTokens()
  const chosen = await profileLogin(context, name, profile, tokens)
  const { rights, timebaseDown } = await readRights(clientOf(context, chosen), signal)
  await saveProfile(system, name, profile, await tokens.load())
  const { auth } = chosen
  if (await isOverruled(context, chosen))
    report({ type: 'notice', notice: 'login-overruled', values: { profile: name } })
  return {
    data: { profile: name, url, kind: auth.kind, user: auth.user, rights },
    pretty: (paint) => [
      `${paint.good('✔')} Signed in to ${url}${auth.user === undefined ? '' : ' as'} ${loginText(auth)}: ${rightsText(rights, timebaseDown)}.`,
      paint.dim(`  Login "${name}" is kept in ${profilesFile(system)}, which only you can read.`),
    ],
    next: nextCommand(rights),
  }
}

/** Whether commands without --profile go on with another login, of environment or settings. */
async function isOverruled(context: Context, { url, auth, tls }: Login): Promise<boolean> {
  const { settings } = context
  const named = settings.all().find(({ key }) => key === 'profile')
  if (named && named.origin !== 'flag') return false
  const own = settings.get('timebase.url')
  if (own !== undefined && serverUrl(own).href !== serverUrl(url).href) return true
  try {
    const theirs = await settingsAuth(context, url, tls)
    return theirs !== undefined && (theirs.kind !== auth.kind || theirs.user !== auth.user)
  } catch {
    // What cannot be used overrules all the same.
    return true
  }
}

function nextCommand({ read, write }: Rights): string {
  if (!read) return 'wxstation timebase status'
  return `wxstation ${write === false ? 'tail' : 'stream create'}`
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

/** Forgets logins and their tokens. The server keeps no list of tokens, so nothing is said to it. */
export async function logout(context: Context, all: boolean): Promise<Result> {
  const { active, profiles } = await loadProfiles(context.system)
  const name = context.settings.get('profile') ?? active
  const nothing =
    name === undefined || name in profiles
      ? 'There was no login to forget.'
      : `There is no login called "${name}".`
  const wanted = all ? 'all' : name === undefined ? [] : [name]
  const removed = await removeProfiles(context.system, wanted)
  const next = (await loadProfiles(context.system)).active
  return {
    data: { removed, active: next },
    pretty: (paint) => [
      removed.length === 0
        ? nothing
        : `${paint.good('✔')} Forgotten: ${removed.join(', ')}, with all tokens.`,
      ...(next === undefined ? [] : [`  Login "${next}" is used from now on.`]),
    ],
  }
}

/** Says which login would be used, and what the server says to it. */
export async function whoami(context: Context): Promise<Result> {
  const chosen = await chooseLogin(context)
  const { profiles } = await loadProfiles(context.system)
  const { rights, timebaseDown } = await readRights(clientOf(context, chosen), context.signal)
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
    pretty: () => whoamiLines(chosen, rightsText(rights, timebaseDown), others),
  }
}

function whoamiLines(
  { url, auth, profile }: Awaited<ReturnType<typeof profileLogin>>,
  rights: string,
  others: string[],
): string[] {
  const from = profile === undefined ? 'environment and settings' : `login "${profile}"`
  return [
    fact('Server', url),
    fact('User', loginText(auth)),
    fact('Rights', rights),
    fact('From', from),
    ...(others.length > 0 ? [fact('Others', `${others.join(', ')} (choose with --profile)`)] : []),
  ]
}
