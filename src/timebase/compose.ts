import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { Secret } from '../secret.js'
import type { System } from '../system.js'
import { changeEnv, readEnv } from './compose-env.js'

/** The files of templates/compose that a server folder gets. */
export const composeFiles = [
  'compose.yaml',
  'Caddyfile',
  'clickhouse-connector.yaml',
  'first-rows.sql',
] as const

/** Remembers what was written, so that an edited file is told from an old one of ours. */
const manifestName = '.wxstation-files.json'

export interface ComposePlan {
  folder: string
  files: { name: string; action: 'create' | 'update' | 'keep' | 'edited'; text: string }[]
  /** What the server runs with: flags over .env over defaults. */
  settings: ComposeSettings
  /** Whether a password has to be made: .env, which holds its hash, is missing or lacks it. */
  makesLogin: boolean
  /** Variables of .env that are new or have another value than before. */
  changes: string[]
}

export interface ComposeSettings {
  port: number
  /** Address to listen on; 0.0.0.0 lets stations reach it. */
  bind: string
  adminUser: string
  /** Host name that Caddy fetches a certificate for, in the https profile. */
  domain: string
  /** Streams that are copied into ClickHouse, in the clickhouse profile. */
  stream: string
  statusStream: string
  /** What is started beside TimeBase and WebAdmin: https, clickhouse. */
  profiles: string[]
}

const variables = {
  bind: 'WX_BIND',
  port: 'WX_PORT',
  domain: 'WX_DOMAIN',
  adminUser: 'WX_ADMIN_USER',
  stream: 'WX_STREAM',
  statusStream: 'WX_STATUS_STREAM',
  // Docker's own name: `docker compose up` by hand starts the same.
  profiles: 'COMPOSE_PROFILES',
} as const satisfies Record<keyof ComposeSettings, string>

const defaults: ComposeSettings = {
  port: 8099,
  bind: '0.0.0.0',
  adminUser: 'admin',
  domain: 'localhost',
  stream: 'weather_record',
  statusStream: 'station_status',
  profiles: [],
}

/** Compares a folder with the templates, and its .env with what was asked for. Changes nothing. */
export async function planCompose(
  folder: string,
  given: { [Name in keyof ComposeSettings]?: ComposeSettings[Name] | undefined },
  force: boolean,
  system: System,
): Promise<ComposePlan> {
  const manifest = await readManifest(folder, system)
  const files: ComposePlan['files'] = []
  for (const name of composeFiles) {
    const path = join(system.packageFolder, 'templates', 'compose', name)
    const text = await system.files.readText(path)
    if (text === undefined)
      throw new WxError('FAULT', `The package lacks templates/compose/${name}.`)
    const found = await system.files.readText(join(folder, name))
    files.push({ name, text, action: actionFor(found, text, manifest[name], force) })
  }
  const before = readEnv((await system.files.readText(join(folder, '.env'))) ?? '')
  const values = envValues(mergedSettings(given, before))
  return {
    folder,
    files,
    settings: mergedSettings(given, before),
    makesLogin: !before.get('WX_ADMIN_HASH'),
    changes: Object.keys(values).filter((name) => values[name] !== before.get(name)),
  }
}

function mergedSettings(
  given: { [Name in keyof ComposeSettings]?: ComposeSettings[Name] | undefined },
  before: Map<string, string>,
): ComposeSettings {
  const text = (name: Exclude<keyof ComposeSettings, 'port' | 'profiles'>): string =>
    given[name] ?? (before.get(variables[name]) || defaults[name])
  const port = Number(before.get(variables.port))
  const kept = (before.get(variables.profiles) ?? '').split(',').filter((name) => name !== '')
  return {
    port: given.port ?? (Number.isInteger(port) && port > 0 ? port : defaults.port),
    // Compose wants an IPv6 address in brackets, as an address bar does.
    bind: text('bind').replace(/^([^[]*:.*)$/, '[$1]'),
    adminUser: text('adminUser'),
    domain: text('domain'),
    stream: text('stream'),
    statusStream: text('statusStream'),
    profiles: [...new Set([...kept, ...(given.profiles ?? [])])],
  }
}

function envValues(settings: ComposeSettings): Record<string, string> {
  const entries = Object.entries(variables) as [keyof ComposeSettings, string][]
  return Object.fromEntries(entries.map(([key, name]) => [name, String(settings[key])]))
}

/** Where others reach it once Caddy runs. */
export function secureAddress({ domain, profiles }: ComposeSettings): string | undefined {
  return profiles.includes('https') ? `https://${domain}` : undefined
}

/** Where this computer reaches WebAdmin: at the address it listens on. */
export function serverAddress({ bind, port }: ComposeSettings): string {
  const isEvery = bind === '0.0.0.0' || bind === '[::]'
  return `http://${isEvery ? 'localhost' : bind}:${port}`
}

function actionFor(
  found: string | undefined,
  text: string,
  written: string | undefined,
  force: boolean,
): ComposePlan['files'][number]['action'] {
  if (found === undefined) return 'create'
  if (found === text) return 'keep'
  return force || digest(found) === written ? 'update' : 'edited'
}

/**
 * Writes what the plan says. Where it makes a login, the password's bcrypt hash goes into .env
 * (0600), the password itself nowhere.
 */
export async function applyCompose(
  plan: ComposePlan,
  password: Secret,
  system: System,
): Promise<void> {
  await system.files.makeFolder(plan.folder)
  const manifest = await readManifest(plan.folder, system)
  for (const { name, action, text } of plan.files) {
    if (action === 'keep' || action === 'edited') continue
    await system.files.write(join(plan.folder, name), text)
    manifest[name] = digest(text)
  }
  await system.files.write(
    join(plan.folder, manifestName),
    `${JSON.stringify(manifest, undefined, 2)}\n`,
  )
  const path = join(plan.folder, '.env')
  const before = (await system.files.readText(path)) ?? ''
  const values = envValues(plan.settings)
  if (plan.makesLogin) {
    const { hash } = await import('bcryptjs')
    // Cost 10 is what WebAdmin's own documentation uses; its check at login takes some 100 ms.
    values.WX_ADMIN_HASH = await hash(password.reveal(), 10)
  }
  if (!readEnv(before).get('WX_CLICKHOUSE_PASSWORD')) {
    values.WX_CLICKHOUSE_USER = 'weather'
    values.WX_CLICKHOUSE_PASSWORD = generatePassword(system)
  }
  const text = changeEnv(before, values)
  if (text !== before) await system.files.write(path, text, { mode: 0o600 })
}

async function readManifest(folder: string, system: System): Promise<Record<string, string>> {
  const text = await system.files.readText(join(folder, manifestName))
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as Record<string, string>
  } catch {
    // Without a readable manifest every file counts as edited, which loses nothing.
    return {}
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Letters and digits that are not mistaken for each other: 22 of 56 are 127 bits. */
const alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/** A password that can be typed, and needs no escaping in a form, a shell or a YAML file. */
export function generatePassword(system: Pick<System, 'randomBytes'>): string {
  let text = ''
  while (text.length < 22) {
    for (const byte of system.randomBytes(32)) {
      // Bytes beyond the last whole multiple would make some letters likelier than others.
      const limit = 256 - (256 % alphabet.length)
      if (byte < limit && text.length < 22) text += alphabet[byte % alphabet.length]
    }
  }
  return text
}
