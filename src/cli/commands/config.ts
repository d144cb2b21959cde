import { hostOption, portOption } from '../board-options.js'
import type { AddCommand } from '../main.js'
import { table } from '../render/tables.js'
import { settingTable } from '../settings.js'

export interface ConfigSetFlags {
  port?: string
  host?: string
  dryRun?: true
}

export const addConfig: AddCommand = (program, handle) => {
  const config = program
    .command('config')
    .description('the settings of this tool and of a station')
    .helpGroup('Local')
  config
    .command('show')
    .description('print every setting, its value and where the value comes from')
    .addHelpText('after', '\nExamples:\n  wxstation config show\n  wxstation config show --json')
    .action(
      handle(async ({ settings }) => {
        const found = settings.all()
        return {
          data: {
            settings: found.map(({ key, value, origin, from }) => ({
              key,
              value,
              origin,
              ...(from && { from }),
            })),
          },
          pretty: (paint) =>
            table(
              [{ title: 'Setting' }, { title: 'Value' }, { title: 'From' }],
              found.map(({ key, value, origin, from }) => [
                key,
                String(value),
                paint.dim(from ? `${origin} (${from})` : origin),
              ]),
            ).concat(
              found.length < Object.keys(settingTable).length
                ? paint.dim(
                    `Not set: ${Object.keys(settingTable)
                      .filter((key) => !found.some((one) => one.key === key))
                      .join(', ')}`,
                  )
                : [],
            ),
        }
      }),
    )
  config
    .command('set')
    .description('change settings of a station, and start it again')
    .argument('<name=value...>', 'settings of the station; name=- reads a secret from stdin')
    .option(...portOption)
    .option(...hostOption)
    .option('--dry-run', 'print the plan and change nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation config set upload_interval=30 led=-1\n  wxstation config set webrepl_password=- < secret.txt',
    )
    .action(
      handle(async (context, pairs: string[], flags: ConfigSetFlags) => {
        const { setStationSettings } = await import('../station-settings.js')
        return setStationSettings(context, pairs, flags)
      }),
    )
}
