import type { AddCommand } from '../main.js'

export interface UpdateFlags {
  port?: string
  compile?: true
  dryRun?: true
}

export const addUpdate: AddCommand = (program, handle) => {
  program
    .command('update')
    .description("bring a station's code up to date; its settings stay")
    .helpGroup('Station')
    .option('--port <port>', 'board: path, id:…, socket://…, rfc2217://…')
    .option('--compile', 'push compiled code (.mpy) where the board can load it')
    .option('--dry-run', 'print the plan and change nothing')
    .addHelpText('after', '\nExamples:\n  wxstation update --dry-run\n  wxstation update --compile')
    .action(
      handle(async (context, flags: UpdateFlags) => {
        const { updateStation } = await import('../update.js')
        return updateStation(context, flags)
      }),
    )
}
