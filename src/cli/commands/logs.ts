import { portOption } from '../board-options.js'
import type { Context, Result } from '../context.js'
import type { AddCommand } from '../main.js'

interface LogsFlags {
  port?: string
  save?: string
}

export const addLogs: AddCommand = (program, handle) => {
  program
    .command('logs')
    .description('show what a station says on its console, without resetting it')
    .helpGroup('Station')
    .option(...portOption)
    .option('--save <file>', 'write the lines to a file too')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation logs\n  wxstation logs --save station.log --timeout 10m',
    )
    .action(handle(async (context, flags: LogsFlags) => logs(context, flags)))
}

async function logs(context: Context, flags: LogsFlags): Promise<Result | undefined> {
  const { system, signal, report, options, paint } = context
  const { consoleLines } = await import('../../device/monitor.js')
  const { openBoardLink } = await import('../port.js')
  const here = { ...context, settings: context.settings.with({ port: flags.port }) }
  const file =
    flags.save === undefined ? undefined : await system.files.open(flags.save, 'a', 0o600)
  const monitor = {
    signal,
    open: () => openBoardLink(here),
    onLost: () => report({ type: 'notice', notice: 'console-lost' }),
    onBack: () => report({ type: 'notice', notice: 'console-back' }),
  }
  try {
    for await (const { atMs, text, meaning } of consoleLines(monitor, system)) {
      const time = new Date(atMs).toISOString()
      await file?.appendFile(`${time} ${text}\n`)
      if (options.json) await context.emit(JSON.stringify({ time, text, meaning }))
      else {
        await context.emit(`${paint.dim(time.slice(11, 23))}  ${text}`)
        if (meaning !== undefined) await context.emit(paint.dim(`              ${meaning}`))
      }
    }
  } finally {
    await file?.close()
  }
  // Ctrl-C is how a look at the console ends: nothing was interrupted.
  return undefined
}
