import { hostOption, portOption } from '../board-options.js'
import type { AddCommand } from '../main.js'

export interface WifiFlags {
  port?: string
  host?: string
  ssid?: string
  passwordStdin?: true
  passwordFile?: string
  dryRun?: true
}

export const addWifi: AddCommand = (program, handle) => {
  const wifi = program
    .command('wifi')
    .description('the Wi-Fi networks that a station knows')
    .helpGroup('Station')
  wifi
    .command('list')
    .description('the networks stored on the board')
    .option(...portOption)
    .option(...hostOption)
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation wifi list\n  wxstation wifi list --host 192.168.1.40',
    )
    .action(
      handle(async (context, flags: WifiFlags) => {
        const { listNetworks } = await import('../wifi.js')
        return listNetworks(context, flags)
      }),
    )
  wifi
    .command('set')
    .description('try a network on the board, and store it when it works')
    .option(...portOption)
    .option(...hostOption)
    .option('--ssid <name>', 'Wi-Fi network, also a hidden one')
    .option('--password-stdin', 'read the Wi-Fi password from standard input')
    .option('--password-file <file>', 'read the Wi-Fi password from a file')
    .option('--dry-run', 'print the plan and change nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation wifi set\n  wxstation wifi set --ssid Rooftop --password-stdin < secret.txt',
    )
    .action(
      handle(async (context, flags: WifiFlags) => {
        const { setNetwork } = await import('../wifi.js')
        return setNetwork(context, flags)
      }),
    )
  wifi
    .command('remove')
    .description('forget a stored network')
    .argument('<ssid>', 'name of the network')
    .option(...portOption)
    .option(...hostOption)
    .option('--dry-run', 'print the plan and change nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation wifi remove Rooftop\n  wxstation wifi remove Rooftop --dry-run',
    )
    .action(
      handle(async (context, ssid: string, flags: WifiFlags) => {
        const { removeNetwork } = await import('../wifi.js')
        return removeNetwork(context, ssid, flags)
      }),
    )
}
