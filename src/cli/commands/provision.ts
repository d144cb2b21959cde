import { InvalidArgumentError, Option } from 'commander'
import { portOption } from '../board-options.js'
import type { AddCommand } from '../main.js'
import { collect } from '../options.js'

export interface ProvisionFlags {
  port?: string
  host?: string
  all?: true
  list?: string
  retryFailed?: true
  wifi?: true
  ssid?: string
  passwordStdin?: true
  passwordFile?: string
  name?: string
  latitude?: number
  longitude?: number
  height?: number
  symbol?: string
  stream?: string
  timebase?: string
  user?: string
  boardUrl?: string
  ca?: string
  insecure?: true
  ntp?: string
  set?: string[]
  from?: string
  compile?: boolean
  dryRun?: true
}

export const addProvision: AddCommand = (program, handle) => {
  program
    .command('provision')
    .description('put code, settings and Wi-Fi onto a board, and wait for its first record')
    .helpGroup('Station')
    .option(...portOption)
    .addOption(
      new Option(
        '--host <address>',
        'station on the network, by WebREPL, instead of --port',
      ).conflicts(['port', 'all', 'list', 'retryFailed']),
    )
    .option('--all', 'every board at this computer, at once')
    .option('--list <file>', 'boards of a CSV or JSON list, at once')
    .option('--retry-failed', 'the boards that failed the last time')
    .option('--wifi', 'choose a Wi-Fi network and try it on the board')
    .option('--ssid <name>', 'Wi-Fi network, also a hidden one')
    .option('--password-stdin', 'read the Wi-Fi password from standard input')
    .option('--password-file <file>', 'read the Wi-Fi password from a file')
    .option('--name <name>', 'name of the station for people')
    .option('--latitude <degrees>', 'where it stands, for the inventory', number)
    .option('--longitude <degrees>', 'where it stands, for the inventory', number)
    .option('--height <meters>', 'height above sea level', number)
    .option('--symbol <symbol>', 'name of the station in the stream')
    .option('--stream <name>', 'stream of weather records')
    .option('--timebase <url>', 'WebAdmin as this computer reaches it')
    .option('--user <name>', 'TimeBase user of the station')
    .option('--board-url <url>', 'WebAdmin as the board reaches it')
    .option('--ca <file>', 'certificate (PEM) that signed WebAdmin')
    .option('--insecure', 'let the station take any certificate')
    .option('--ntp <hosts>', 'time servers, separated by commas')
    .option('--set <name=value>', 'another setting of a station; repeatable', collect)
    .option('--from <file>', 'station settings (templates/station.schema.json)')
    // What is the default now was an option once.
    .addOption(new Option('--compile').hideHelp())
    .option('--no-compile', 'push source (.py), which needs the larger vfs of --stock-partitions')
    .option('--dry-run', 'print the plan and change nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation provision --wifi\n  wxstation provision --wifi --ssid Rooftop --password-stdin < secret.txt',
    )
    .action(
      handle(async (context, flags: ProvisionFlags) => {
        const { provision } = await import('../provision.js')
        return provision(context, flags)
      }),
    )
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('Give a number.')
  return value
}
