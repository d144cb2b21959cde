import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fileError, WxError } from '../errors.js'
import type { System } from '../system.js'
import { isHeaderText, type TokenStore, type Tokens } from '../timebase/auth/tokens.js'

/** One login as `wxstation login` keeps it. The secrets in it never leave this file but to sign in. */
export interface Profile {
  url: string
  kind: 'password' | 'api-key' | 'session' | 'oauth'
  /** User, or name of the API key, or client id. */
  user: string
  /** Password, secret of the key, RSA private key or client secret. */
  secret?: string
  ca?: string
  insecure?: boolean
  /** Of an external provider. */
  configUrl?: string
  audience?: string
  scope?: string
}

interface Profiles {
  version: 1
  active?: string
  profiles: { [name: string]: Profile }
}

/** Readable by their owner only: both hold secrets. */
const mode = 0o600

const profilesPath = ({ folders }: Pick<System, 'folders'>): string =>
  join(folders.data, 'login.json')
const tokensPath = ({ folders }: Pick<System, 'folders'>): string =>
  join(folders.data, 'tokens.json')

type Kept = Pick<System, 'files' | 'folders'>

export async function loadProfiles(system: Kept): Promise<Profiles> {
  const path = profilesPath(system)
  const text = await system.files.readText(path).catch((cause: unknown) => {
    throw fileError(cause, path, 'read') ?? cause
  })
  if (text === undefined) return { version: 1, profiles: named({}) }
  try {
    const value = JSON.parse(text) as Partial<Profiles>
    const { active, profiles } = value
    if (value.version === 1 && profiles && typeof profiles === 'object' && !Array.isArray(profiles))
      return {
        version: 1,
        ...(typeof active === 'string' && { active }),
        profiles: named(profiles),
      }
  } catch {
    // The cause would quote the file: it stays out.
  }
  throw new WxError('SETTINGS_INVALID', `${path} cannot be read as logins.`, {
    hint: 'Remove the file and run `wxstation login` again.',
  })
}

/** Without a prototype: a login may be called "constructor" as well. */
function named(profiles: Profiles['profiles']): Profiles['profiles'] {
  return Object.assign(Object.create(null), profiles)
}

/** A file that was edited, or written by another version, may hold anything. */
function isWhole(value: unknown): value is Profile {
  const { url, kind, user, secret, ca, configUrl } = (value ?? {}) as { [name: string]: unknown }
  return (
    typeof url === 'string' &&
    typeof user === 'string' &&
    ['password', 'api-key', 'session', 'oauth'].includes(String(kind)) &&
    [secret, ca, configUrl].every((one) => one === undefined || typeof one === 'string') &&
    (kind === 'oauth' ? configUrl !== undefined : secret !== undefined)
  )
}

/** The profile of this name, or the active one; undefined where there is none. */
export async function findProfile(
  system: Kept,
  name?: string,
): Promise<{ name: string; profile: Profile } | undefined> {
  const { active, profiles } = await loadProfiles(system)
  const wanted = name ?? active
  if (wanted !== undefined && wanted in profiles) {
    const profile = profiles[wanted]
    if (isWhole(profile)) return { name: wanted, profile }
    throw new WxError(
      'SETTINGS_INVALID',
      `The login "${wanted}" in ${profilesPath(system)} is damaged.`,
      {
        hint: `Run \`wxstation login --profile ${wanted}\` again.`,
        details: { profile: wanted },
      },
    )
  }
  if (name === undefined) return undefined
  const known = Object.keys(profiles)
  throw new WxError('SETTINGS_INVALID', `There is no login called "${name}".`, {
    hint: known.length > 0 ? `There are: ${known.join(', ')}.` : 'Run `wxstation login` first.',
    details: { profile: name },
  })
}

/** Keeps a login with the tokens that it has just got, and makes it the active one. */
export async function saveProfile(
  system: Kept,
  name: string,
  profile: Profile,
  tokens: Tokens | undefined,
): Promise<void> {
  await changeProfiles(system, (all) => {
    all.profiles[name] = profile
    all.active = name
  })
  await profileTokens(system, name, profile).save(tokens)
}

export async function activateProfile(system: Kept, name: string): Promise<void> {
  await findProfile(system, name)
  await changeProfiles(system, (all) => {
    all.active = name
  })
}

/** Removes logins and their tokens; answers the names that were there. */
export async function removeProfiles(system: Kept, names: string[] | 'all'): Promise<string[]> {
  let removed: string[] = []
  await changeProfiles(system, (all) => {
    removed = Object.keys(all.profiles).filter((name) => names === 'all' || names.includes(name))
    for (const name of removed) delete all.profiles[name]
    if (all.active !== undefined && !(all.active in all.profiles)) {
      const next = Object.keys(all.profiles)[0]
      if (next === undefined) delete all.active
      else all.active = next
    }
  })
  return removed
}

async function changeProfiles(system: Kept, change: (all: Profiles) => void): Promise<void> {
  const path = profilesPath(system)
  await changeFile(system, path, async () => {
    const all = await loadProfiles(system)
    change(all)
    await system.files.write(path, `${JSON.stringify(all, undefined, 2)}\n`, { mode })
    await keepTokensOf(system, all)
  })
}

/** One change at a time, by one process; a disk or an owner in the way is no fault of ours. */
async function changeFile(system: Kept, path: string, change: () => Promise<void>): Promise<void> {
  try {
    await system.files.locked(path, change)
  } catch (cause) {
    throw fileError(cause, path, 'written') ?? cause
  }
}

type TokenFile = { [key: string]: Tokens }

async function readTokens(system: Kept): Promise<TokenFile> {
  try {
    const value: unknown = JSON.parse((await system.files.readText(tokensPath(system))) ?? '{}')
    return value !== null && typeof value === 'object' ? (value as TokenFile) : {}
  } catch {
    return {}
  }
}

async function changeTokens(system: Kept, change: (all: TokenFile) => boolean): Promise<void> {
  const path = tokensPath(system)
  await changeFile(system, path, async () => {
    const all = await readTokens(system)
    if (change(all)) await system.files.write(path, `${JSON.stringify(all)}\n`, { mode })
  })
}

/** Another server, user or password under the same name must not meet old tokens. */
function tokenKey(name: string, profile: Profile): string {
  return createHash('sha256')
    .update(JSON.stringify([name, profile]))
    .digest('hex')
}

/** Forgets the tokens of every login that is not kept any more, or not like this. */
async function keepTokensOf(system: Kept, { profiles }: Profiles): Promise<void> {
  const keys = new Set(Object.entries(profiles).map(([name, one]) => tokenKey(name, one)))
  await changeTokens(system, (all) => {
    const stale = Object.keys(all).filter((key) => !keys.has(key))
    for (const key of stale) delete all[key]
    return stale.length > 0
  })
}

/** Tokens of a profile between two commands: a cache, dropped where it cannot be read. */
export function profileTokens(system: Kept, name: string, profile: Profile): TokenStore {
  const key = tokenKey(name, profile)
  return {
    async load() {
      const kept = (await readTokens(system))[key]
      const { access, renewAtMs } = kept ?? {}
      const isGood = typeof access === 'string' && isHeaderText(access)
      return isGood && typeof renewAtMs === 'number' ? kept : undefined
    },
    save: (tokens) =>
      changeTokens(system, (all) => {
        const before = all[key]
        if (tokens) all[key] = tokens
        else delete all[key]
        return tokens !== undefined || before !== undefined
      }),
    async exclusive(work) {
      let isBegun = false
      try {
        return await system.files.locked(`${tokensPath(system)}.${key.slice(0, 8)}`, () => {
          isBegun = true
          return work()
        })
      } catch (error) {
        if (isBegun) throw error
        // A folder that takes no lock, or a command that holds it for too long: better a login than none.
        return work()
      }
    },
  }
}

export function profilesFile(system: Kept): string {
  return profilesPath(system)
}
