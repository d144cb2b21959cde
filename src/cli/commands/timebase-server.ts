import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { Context, Result } from '../context.js'
import type { AddCommand } from '../main.js'
import { parseCount } from '../options.js'
import type { UpFlags } from '../timebase-up.js'

export const addTimebaseServer: AddCommand = (program, handle) => {
  const timebase = timebaseCommand(program)
  timebase
    .command('up')
    .description('write compose files and start TimeBase and WebAdmin with docker')
    .option('--folder <folder>', 'where the compose files go (default: the data folder)')
    .addOption(new Option('--port <port>', 'port of WebAdmin (8099)').argParser(parsePort))
    .addOption(
      new Option(
        '--bind <address>',
        'address to listen on (0.0.0.0); 127.0.0.1 keeps stations out',
      ).argParser(parseAddress),
    )
    .addOption(
      new Option('--user <name>', 'name of the administrator (admin)').argParser(parseName),
    )
    .addOption(
      new Option('--domain <name>', 'host name for HTTPS (localhost)').argParser(parseName),
    )
    .option('--https', 'also start Caddy, which serves HTTPS for --domain')
    .option('--clickhouse', 'also start ClickHouse and copy every record into it')
    .option('--force', 'overwrite files that were edited')
    .option('--dry-run', 'say what would be written and started')
    .addHelpText(
      'after',
      '\nWhat was chosen once is kept in .env, --https and --clickhouse too: a later\nrun needs only what changes.\n\nExamples:\n  wxstation timebase up\n  wxstation timebase up --https --domain weather.example.org',
    )
    .action(
      handle(async (context, flags: UpFlags) => {
        const { up } = await import('../timebase-up.js')
        return up(context, folderOf(context, flags), flags)
      }),
    )
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

function parsePort(text: string): number {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new InvalidArgumentError('Give a port from 1 to 65535.')
}

function parseAddress(text: string): string {
  if (/^\d{1,3}(\.\d{1,3}){3}$|^\[?[0-9a-f:.]*:[0-9a-f:.]*\]?$/i.test(text)) return text
  throw new InvalidArgumentError('Give an IP address of this computer, such as 192.168.1.5.')
}

/** What a line of .env and a host name can hold. */
function parseName(text: string): string {
  if (/^[\w.@-]+$/.test(text)) return text
  throw new InvalidArgumentError('Use letters, digits and . _ @ - only.')
}

const folderOf = (context: Context, flags: { folder?: string }): string =>
  resolve(context.system.cwd, flags.folder ?? join(context.system.folders.data, 'timebase'))

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
    pretty: (paint) => [`${paint.good('✔')} TimeBase is stopped; its records are kept.`],
    next:
      flags.folder === undefined
        ? 'wxstation timebase up'
        : `wxstation timebase up --folder ${flags.folder}`,
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
