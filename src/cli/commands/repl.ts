import { portOption } from '../board-options.js'
import type { AddCommand } from '../main.js'

export interface ReplFlags {
  port?: string
}

export const addRepl: AddCommand = (program, handle) => {
  program
    .command('repl')
    .description("the board's own prompt; nothing is reset, Ctrl-] leaves")
    .helpGroup('Station')
    .option(...portOption)
    .addHelpText('after', '\nExamples:\n  wxstation repl\n  wxstation repl --port id:roof')
    .action(
      handle(async (context, flags: ReplFlags) => {
        const { talkToBoard } = await import('../repl.js')
        return talkToBoard(context, flags)
      }),
    )
}
