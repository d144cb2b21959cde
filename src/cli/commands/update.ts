import { Option } from 'commander'
import { hostOption, portOption } from '../board-options.js'
import type { AddCommand } from '../main.js'

export interface UpdateFlags {
  port?: string
  host?: string
  compile?: boolean
  dryRun?: true
}

export const addUpdate: AddCommand = (program, handle) => {
  program
    .command('update')
    .description("bring a station's code up to date; its settings stay")
    .helpGroup('Station')
    .option(...portOption)
    .option(...hostOption)
    // What is the default now was an option once.
    .addOption(new Option('--compile').hideHelp())
    .option('--no-compile', 'push source (.py), which needs the larger vfs of --stock-partitions')
    .option('--dry-run', 'print the plan and change nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation update --dry-run\n  wxstation update --port id:roof',
    )
    .action(
      handle(async (context, flags: UpdateFlags) => {
        const { updateStation } = await import('../update.js')
        return updateStation(context, flags)
      }),
    )
}
