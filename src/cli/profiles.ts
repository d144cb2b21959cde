import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'
import type { TokenStore, Tokens } from '../timebase/auth/tokens.js'

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
  const text = await system.files.readText(path)
  if (text === undefined) return { version: 1, profiles: {} }
  try {
    const value = JSON.parse(text) as Partial<Profiles>
    const { active, profiles } = value
    if (value.version === 1 && profiles !== null && typeof profiles === 'object')
      return { version: 1, ...(active !== undefined && { active }), profiles }
  } catch {
    // The cause would quote the file: it stays out.
  }
  throw new WxError('SETTINGS_INVALID', `${path} cannot be read as logins.`, {
    hint: 'Remove the file and run `wxstation login` again.',
  })
}

/** The profile of this name, or the active one; undefined where there is none. */
export async function findProfile(
  system: Kept,
  name?: string,
): Promise<{ name: string; profile: Profile } | undefined> {
  const { active, profiles } = await loadProfiles(system)
  const wanted = name ?? active
  const profile = wanted === undefined ? undefined : profiles[wanted]
  if (wanted !== undefined && profile) return { name: wanted, profile }
  if (name === undefined) return undefined
  const known = Object.keys(profiles)
  throw new WxError('SETTINGS_INVALID', `There is no login called "${name}".`, {
    hint: known.length > 0 ? `There are: ${known.join(', ')}.` : 'Run `wxstation login` first.',
    details: { profile: name },
  })
}

export async function saveProfile(system: Kept, name: string, profile: Profile): Promise<void> {
  await changeProfiles(system, (all) => {
    all.profiles[name] = profile
    all.active = name
  })
}

export async function activateProfile(system: Kept, name: string): Promise<void> {
  await findProfile(system, name)
  await changeProfiles(system, (all) => {
    all.active = name
  })
}

/** Removes logins and their tokens; answers the names that were there. */
export async function removeProfiles(system: Kept, names: string[] | 'all'): Promise<string[]> {
  let removed: [string, Profile][] = []
  await changeProfiles(system, (all) => {
    removed = Object.entries(all.profiles).filter(
      ([name]) => names === 'all' || names.includes(name),
    )
    for (const [name] of removed) delete all.profiles[name]
    if (all.active !== undefined && !(all.active in all.profiles)) {
      const next = Object.keys(all.profiles)[0]
      if (next === undefined) delete all.active
      else all.active = next
    }
  })
  for (const [name, profile] of removed) await profileTokens(system, name, profile).save(undefined)
  return removed.map(([name]) => name)
}

async function changeProfiles(system: Kept, change: (all: Profiles) => void): Promise<void> {
  const path = profilesPath(system)
  await system.files.locked(path, async () => {
    const all = await loadProfiles(system)
    change(all)
    await system.files.write(path, `${JSON.stringify(all, undefined, 2)}\n`, { mode })
  })
}

type TokenFile = { [key: string]: Tokens }

/** Tokens of a profile between two commands: a cache, dropped where it cannot be read. */
export function profileTokens(system: Kept, name: string, profile: Profile): TokenStore {
  const path = tokensPath(system)
  // Another server, user or password under the same name must not meet old tokens.
  const key = createHash('sha256')
    .update(JSON.stringify([name, profile]))
    .digest('hex')
  const read = async (): Promise<TokenFile> => {
    try {
      const value: unknown = JSON.parse((await system.files.readText(path)) ?? '{}')
      return value !== null && typeof value === 'object' ? (value as TokenFile) : {}
    } catch {
      return {}
    }
  }
  return {
    async load() {
      const kept = (await read())[key]
      const isWhole = typeof kept?.access === 'string' && typeof kept.renewAtMs === 'number'
      return isWhole ? kept : undefined
    },
    async save(tokens) {
      await system.files.locked(path, async () => {
        const all = await read()
        if (tokens) all[key] = tokens
        else delete all[key]
        await system.files.write(path, `${JSON.stringify(all)}\n`, { mode })
      })
    },
  }
}

export function profilesFile(system: Kept): string {
  return profilesPath(system)
}
