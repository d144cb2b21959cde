import { join } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import { Secret } from '../../secret.js'
import type { ComposePlan } from '../../timebase/compose.js'
import type { Context, Result } from '../context.js'
import type { AddCommand } from '../main.js'
import { parseCount } from '../options.js'
import { fact, secondsText } from '../render/tables.js'

interface UpFlags {
  folder?: string
  port: number
  bind: string
  user: string
  domain: string
  https?: boolean
  clickhouse?: boolean
  force?: boolean
  dryRun?: boolean
}

export const addTimebaseServer: AddCommand = (program, handle) => {
  const timebase = timebaseCommand(program)
  timebase
    .command('up')
    .description('write compose files and start TimeBase and WebAdmin with docker')
    .option('--folder <folder>', 'where the compose files go (default: the data folder)')
    .addOption(new Option('--port <port>', 'port of WebAdmin').argParser(parseCount).default(8099))
    .option('--bind <address>', 'address to listen on; 127.0.0.1 keeps stations out', '0.0.0.0')
    .option('--user <name>', 'name of the administrator', 'admin')
    .option('--domain <name>', 'host name for HTTPS', 'localhost')
    .option('--https', 'also start Caddy, which serves HTTPS for --domain')
    .option('--clickhouse', 'also start ClickHouse and copy every record into it')
    .option('--force', 'overwrite files that were edited')
    .option('--dry-run', 'say what would be written and started')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation timebase up\n  wxstation timebase up --https --domain weather.example.org',
    )
    .action(handle((context, flags: UpFlags) => up(context, flags)))
  timebase
    .command('down')
    .description('stop what `timebase up` started; records stay')
    .option('--folder <folder>', 'where the compose files are (default: the data folder)')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation timebase down\n  wxstation timebase down --folder ./server',
    )
    .action(handle((context, flags: { folder?: string }) => down(context, flags)))
  timebase
    .command('logs')
    .description('show what TimeBase and WebAdmin print')
    .option('--folder <folder>', 'where the compose files are (default: the data folder)')
    .addOption(
      new Option('-n, --lines <n>', 'lines of each service').argParser(parseCount).default(100),
    )
    .option('-f, --follow', 'go on until Ctrl-C')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation timebase logs\n  wxstation timebase logs --follow',
    )
    .action(
      handle((context, flags: { folder?: string; lines: number; follow?: boolean }) =>
        logs(context, flags),
      ),
    )
}

/** `timebase status` hangs on the same word and is another file's: whoever comes first makes it. */
function timebaseCommand(program: Command): Command {
  return (
    program.commands.find((command) => command.name() === 'timebase') ??
    program
      .command('timebase')
      .description('run a TimeBase of your own, and look at one')
      .helpGroup('TimeBase')
  )
}

const folderOf = (context: Context, flags: { folder?: string }): string =>
  flags.folder ?? join(context.system.folders.data, 'timebase')

async function up(context: Context, flags: UpFlags): Promise<Result> {
  const { system, signal, report, options } = context
  const { planCompose, applyCompose, generatePassword } = await import('../../timebase/compose.js')
  const { checkDocker, dockerCompose } = await import('../../timebase/docker.js')
  const { waitForHealth } = await import('../../timebase/health.js')
  const folder = folderOf(context, flags)
  const profiles = [...(flags.https ? ['https'] : []), ...(flags.clickhouse ? ['clickhouse'] : [])]
  const plan = await planCompose(folder, flags.force ?? false, system)
  if (flags.dryRun) return { data: planData(plan), pretty: () => planLines(plan, profiles) }

  // Before a file is written: without docker nothing should be left lying about.
  await checkDocker(system.cwd, system, signal)
  for (const { name, action } of plan.files) {
    if (action === 'edited')
      report({ type: 'notice', notice: 'compose-file-edited', values: { name } })
  }
  const password = new Secret(generatePassword(system))
  await applyCompose(
    plan,
    { port: flags.port, bind: flags.bind, adminUser: flags.user, domain: flags.domain },
    password,
    system,
  )
  const inherit = Boolean(system.terminal.stderr.isTTY) && !options.json && !options.quiet
  await dockerCompose(['up', '--detach'], { folder, profiles, signal, inherit }, system)
  const url = `http://localhost:${flags.port}`
  const elapsedMs = await waitForHealth(url, system, report, signal)
  const passwordFile = join(folder, 'admin-password')
  // JSON never holds a secret; a script reads the file and removes it.
  if (plan.makesLogin && options.json)
    await system.files.write(passwordFile, `${password.reveal()}\n`, { mode: 0o600 })
  return {
    data: {
      url,
      folder,
      ...(plan.makesLogin && { user: flags.user, passwordFile }),
      ...planData(plan),
      readyMs: Math.round(elapsedMs),
    },
    pretty: (paint) => [
      `${paint.good('✔')} TimeBase answers after ${secondsText(elapsedMs)}.`,
      fact('Address', url),
      fact('Files', folder),
      ...(plan.makesLogin
        ? [
            fact('User', flags.user),
            fact('Password', `${password.reveal()}   ${paint.dim('shown once: keep it')}`),
          ]
        : []),
      `  Next: wxstation login --url ${url} --user ${flags.user}`,
    ],
  }
}

async function down(context: Context, flags: { folder?: string }): Promise<Result> {
  const { system, signal, options } = context
  const { checkDocker, dockerCompose } = await import('../../timebase/docker.js')
  const folder = await existing(context, flags)
  await checkDocker(folder, system, signal)
  const inherit = Boolean(system.terminal.stderr.isTTY) && !options.json && !options.quiet
  await dockerCompose(
    ['down'],
    { folder, profiles: ['https', 'clickhouse'], signal, inherit },
    system,
  )
  return {
    data: { folder, stopped: true },
    pretty: (paint) => [
      `${paint.good('✔')} TimeBase is stopped; its records are kept.`,
      '  Next: wxstation timebase up',
    ],
  }
}

async function logs(
  context: Context,
  flags: { folder?: string; lines: number; follow?: boolean },
): Promise<undefined> {
  const { system, signal } = context
  const { checkDocker, dockerCompose } = await import('../../timebase/docker.js')
  const { isAbort } = await import('../../errors.js')
  const folder = await existing(context, flags)
  await checkDocker(folder, system, signal)
  const args = ['logs', '--tail', String(flags.lines), ...(flags.follow ? ['--follow'] : [])]
  try {
    await dockerCompose(
      args,
      { folder, profiles: ['https', 'clickhouse'], signal, inherit: true },
      system,
    )
  } catch (error) {
    // Ctrl-C is the normal end of following.
    if (!(flags.follow && isAbort(error))) throw error
  }
  return undefined
}

async function existing(context: Context, flags: { folder?: string }): Promise<string> {
  const folder = folderOf(context, flags)
  if (await context.system.files.stat(join(folder, 'compose.yaml'))) return folder
  const { WxError } = await import('../../errors.js')
  throw new WxError('FILE_UNREADABLE', `There are no compose files in ${folder}.`, {
    hint: 'Run `wxstation timebase up` first, or name their folder with --folder.',
  })
}

function planData(plan: ComposePlan): Record<string, unknown> {
  return {
    files: plan.files.map(({ name, action }) => ({ name, action })),
    makesLogin: plan.makesLogin,
  }
}

function planLines(plan: ComposePlan, profiles: string[]): string[] {
  const words = {
    create: 'write',
    update: 'update',
    keep: 'unchanged',
    edited: 'keep (edited by you; --force overwrites)',
  }
  return [
    fact('Folder', plan.folder),
    ...plan.files.map(({ name, action }) => fact('', `${name}: ${words[action]}`)),
    ...(plan.makesLogin ? [fact('', '.env: write, with a generated password as bcrypt')] : []),
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
