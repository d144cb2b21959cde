import type { AddCommand } from '../main.js'
import { collect } from '../options.js'
import type { PlotFlags } from '../plot.js'

export const addPlot: AddCommand = (program, handle) => {
  program
    .command('plot')
    .argument('[stations...]', 'stations by name or symbol, * stands for anything')
    .description('draw the records of stations as a chart, here or into a file')
    .helpGroup('TimeBase')
    .option('--since <time>', 'start at a time, or so long ago (2h, 7d)', '24h')
    .option('--until <time>', 'end at a time, now by default')
    .option('--field <field>', 'what to draw; may be repeated', collect)
    .option('-o, --output <file>', 'write a .svg or .png file instead')
    .option('--units <units>', 'metric, us or si', 'metric')
    .option('--stream <name>', 'stream to read')
    .option('--utc', 'show times in UTC instead of local time')
    .addHelpText(
      'after',
      `
Fields of a weather stream: temperature (the default), humidity, pressure,
case_temperature; and the derived dew_point and sea_level_pressure.
A time without a zone is UTC.

Examples:
  wxstation plot
  wxstation plot rooftop --since 7d --field pressure -o week.svg`,
    )
    .action(
      handle(async (context, stations: string[], flags: PlotFlags) => {
        const { runPlot } = await import('../plot.js')
        return runPlot(context, stations, flags)
      }),
    )
}
