import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { Secret } from '../secret.js'
import type { System } from '../system.js'

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
  /** Whether .env, which holds the password's hash, has to be made. */
  makesLogin: boolean
}

export interface ComposeSettings {
  port: number
  /** Address to listen on; 0.0.0.0 lets stations reach it. */
  bind: string
  adminUser: string
  /** Host name that Caddy fetches a certificate for, in the https profile. */
  domain: string
}

/** Compares a folder with the templates. Changes nothing. */
export async function planCompose(
  folder: string,
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
  return {
    folder,
    files,
    makesLogin: (await system.files.stat(join(folder, '.env'))) === undefined,
  }
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
 * Writes what the plan says. `login` is needed where the plan makes one: the password's bcrypt
 * hash goes into .env (0600), the password itself nowhere.
 */
export async function applyCompose(
  plan: ComposePlan,
  settings: ComposeSettings,
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
  if (!plan.makesLogin) return
  const { hash } = await import('bcryptjs')
  // Cost 10 is what WebAdmin's own documentation uses; its check at login takes some 100 ms.
  const values = {
    WX_BIND: settings.bind,
    WX_PORT: String(settings.port),
    WX_DOMAIN: settings.domain,
    WX_ADMIN_USER: settings.adminUser,
    WX_ADMIN_HASH: await hash(password.reveal(), 10),
    WX_CLICKHOUSE_USER: 'weather',
    WX_CLICKHOUSE_PASSWORD: generatePassword(system),
  }
  // Single quotes keep compose from reading the dollar signs of a hash as variables.
  const lines = Object.entries(values).map(([name, value]) => `${name}='${value}'`)
  await system.files.write(join(plan.folder, '.env'), `${lines.join('\n')}\n`, { mode: 0o600 })
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
