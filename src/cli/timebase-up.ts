import { join } from 'node:path'
import { Secret } from '../secret.js'
import {
  applyCompose,
  type ComposePlan,
  generatePassword,
  planCompose,
  secureAddress,
  serverAddress,
} from '../timebase/compose.js'
import { checkDocker, dockerCompose } from '../timebase/docker.js'
import { waitForHealth } from '../timebase/health.js'
import type { Context, Result } from './context.js'
import { fact, secondsText } from './render/tables.js'

export interface UpFlags {
  folder?: string
  port?: number
  bind?: string
  user?: string
  domain?: string
  https?: boolean
  clickhouse?: boolean
  force?: boolean
  dryRun?: boolean
}

export async function up(context: Context, folder: string, flags: UpFlags): Promise<Result> {
  const { system, signal, report, options, emit, paint } = context
  const plan = await planCompose(folder, asked(context, flags), flags.force ?? false, system)
  if (flags.dryRun) return { data: planData(plan), pretty: () => planLines(plan) }

  // Before a file is written: without docker nothing should be left lying about.
  await checkDocker(system.cwd, system, signal)
  for (const { name, action } of plan.files) {
    if (action === 'edited')
      report({ type: 'notice', notice: 'compose-file-edited', values: { name } })
  }
  const passwordFile = join(folder, 'admin-password')
  await applyCompose(plan, await makePassword(plan, passwordFile, system), system)
  const inherit = Boolean(system.terminal.stderr.isTTY) && !options.json && !options.quiet
  const { profiles } = plan.settings
  const url = serverAddress(plan.settings)
  let elapsedMs: number
  try {
    const docker = { folder, profiles, signal, inherit, hint: failureHint(flags) }
    await dockerCompose(['up', '--detach'], docker, system)
    elapsedMs = await waitForHealth(url, system, report, signal)
  } catch (error) {
    if (await system.files.stat(passwordFile))
      report({ type: 'notice', notice: 'password-waits', values: { file: passwordFile } })
    throw error
  }
  const { adminUser } = plan.settings
  const password = (await system.files.readText(passwordFile))?.trim()
  const isNew = password !== undefined
  const secureUrl = secureAddress(plan.settings)
  const result = {
    data: {
      url,
      ...(secureUrl !== undefined && { secureUrl }),
      folder,
      user: adminUser,
      // JSON never holds a secret; a script reads the file and removes it.
      ...(isNew && { passwordFile }),
      ...planData(plan),
      readyMs: Math.round(elapsedMs),
    },
    next: `wxstation login ${url} --user ${adminUser}`,
  }
  if (options.json) return result
  const lines = [
    `${paint.good('✔')} TimeBase answers after ${secondsText(elapsedMs)}.`,
    fact('Address', addressText(plan)),
    fact('Files', folder),
    fact('User', adminUser),
    ...(isNew ? [fact('Password', `${password}   ${paint.dim('shown once: keep it')}`)] : []),
    // A new server has no streams yet, and the connector looks for them once, as it starts.
    ...(isNew && plan.settings.profiles.includes('clickhouse')
      ? [
          fact('Copy', 'starts once both streams are there: after `wxstation stream create` run'),
          fact('', '`docker compose restart clickhouse-connector` in the folder above'),
        ]
      : []),
  ]
  for (const line of lines) await emit(line)
  // Only now: a password that nobody saw would be lost for good.
  if (isNew) await system.files.remove(passwordFile)
  return result
}

/** Docker has said what is wrong; the two that happen most are not its own fault. */
function failureHint({ folder }: UpFlags): string {
  const logs =
    folder === undefined ? 'wxstation timebase logs' : `wxstation timebase logs --folder ${folder}`
  return `Where a port is taken, choose another with --port; \`${logs}\` shows what the services say.`
}

/** Flags, and those settings that somebody chose: a default must not undo what .env says. */
function asked({ settings }: Context, flags: UpFlags): Parameters<typeof planCompose>[1] {
  const chosen = (key: 'stream' | 'statusStream'): string | undefined =>
    settings.all().find((one) => one.key === key)?.origin === 'default'
      ? undefined
      : settings.get(key)
  return {
    port: flags.port,
    bind: flags.bind,
    adminUser: flags.user,
    domain: flags.domain,
    stream: chosen('stream'),
    statusStream: chosen('statusStream'),
    profiles: [...(flags.https ? ['https'] : []), ...(flags.clickhouse ? ['clickhouse'] : [])],
  }
}

/** A new password waits in a file of its owner (0600) until it was shown. */
async function makePassword(
  plan: ComposePlan,
  file: string,
  system: Context['system'],
): Promise<Secret> {
  const password = new Secret(generatePassword(system))
  if (plan.makesLogin) {
    await system.files.makeFolder(plan.folder)
    await system.files.write(file, `${password.reveal()}\n`, { mode: 0o600 })
  }
  return password
}

function planData(plan: ComposePlan): Record<string, unknown> {
  return {
    files: plan.files.map(({ name, action }) => ({ name, action })),
    changes: plan.changes,
    makesLogin: plan.makesLogin,
  }
}

function addressText({ settings }: ComposePlan): string {
  return [serverAddress(settings), secureAddress(settings)].filter(Boolean).join(' and ')
}

function planLines(plan: ComposePlan): string[] {
  const { profiles } = plan.settings
  const words = {
    create: 'write',
    update: 'update',
    keep: 'unchanged',
    edited: 'keep (edited by you; --force overwrites)',
  }
  const env = plan.makesLogin
    ? 'write, with a generated password as bcrypt'
    : plan.changes.length > 0
      ? `change ${plan.changes.join(', ')}`
      : 'unchanged'
  return [
    fact('Folder', plan.folder),
    ...plan.files.map(({ name, action }) => fact('', `${name}: ${words[action]}`)),
    fact('', `.env: ${env}`),
    fact('Address', addressText(plan)),
    fact(
      'Start',
      [
        'timebase',
        'webadmin',
        ...(profiles.includes('https') ? ['caddy'] : []),
        ...(profiles.includes('clickhouse') ? ['clickhouse', 'clickhouse-connector'] : []),
      ].join(', '),
    ),
  ]
}
