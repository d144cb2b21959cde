import type { AddCommand } from '../main.js'
import { parseCount } from '../options.js'
import type { TailFlags } from '../tail.js'

export const addTail: AddCommand = (program, handle) => {
  program
    .command('tail')
    .argument('[stations...]', 'stations by name or symbol, * stands for anything')
    .description('show the records of stations: the last ones, then each as it is stored')
    .helpGroup('TimeBase')
    .option('--since <time>', 'start at a time, or so long ago (2h, 7d)')
    .option('--until <time>', 'end at a time')
    .option('-n, --lines <count>', 'start with the last records, 10 by default', parseCount)
    .option('--count <count>', 'end after so many records', parseCount)
    .option('--where <condition>', "show fitting records only: 'temperature>30 and symbol=roof'")
    .option('--format <format>', "pretty, json, csv, or a template: '{time} {temperature:1}'")
    .option('--units <units>', 'metric, us or si', 'metric')
    .option('--derived', 'add dew point, and sea-level pressure where the height is known')
    .option('--status', 'the state of the stations instead of the weather')
    .option('--stream <name>', 'stream to read')
    .option('--utc', 'show times in UTC instead of local time')
    .option('--no-follow', 'end after the records that are there')
    .addHelpText(
      'after',
      `
A time without a zone is UTC. Off a terminal the format is json, one object a
line. --where sees values in the units shown. Ctrl-C ends a plain tail well
(exit 0); before --count or --until is met it interrupts (exit 130).

Examples:
  wxstation tail
  wxstation tail rooftop --since 24h --no-follow --format csv > day.csv`,
    )
    .action(
      handle(async (context, stations: string[], flags: TailFlags) => {
        const { runTail } = await import('../tail.js')
        return runTail(context, stations, flags)
      }),
    )
}
