import { Command, CommanderError, Option } from 'commander'
import { isAbort, WxError } from '../errors.js'
import type { System } from '../system.js'
import { commands } from './commands/index.js'
import type { Context, GlobalOptions, Handler, Result } from './context.js'
import { parseDuration } from './options.js'
import { isGone, outputFailure, outputFlushed, watchOutput, writeLine } from './output.js'
import { makePrompts } from './prompts.js'
import { asWxError, errorData, errorLines } from './render/errors.js'
import { harmlessLine } from './render/harmless.js'
import { jsonText } from './render/json.js'
import { hasColor, makePaint } from './render/paint.js'
import { makePretty } from './render/pretty.js'
import { loadSettings } from './settings.js'
import { version } from './version.js'

// One Ctrl-C may come twice: from the terminal, and handed on by npm or by the demo.
const echoMs = 500

/** Wraps a handler for commander's action(): `.action(handle(async (context, …) => …))`. */
export type Handle = <Args extends unknown[]>(
  handler: Handler<Args>,
) => (...args: Args) => Promise<void>

/** A command file exports one of these; it adds its command to the program. */
export type AddCommand = (program: Command, handle: Handle) => void

/** Runs one command line and answers the exit code. Never throws, never exits. */
export async function run(argv: string[], system: System, list = commands): Promise<number> {
  let exitCode = 0
  const program = makeProgram(system)
  const handle: Handle =
    (handler) =>
    async (...args) => {
      exitCode = await runHandler(program, system, (context) => handler(context, ...args))
    }
  for (const add of list) add(program, handle)
  inherit(program, program)

  const stopWatching = watchOutput(system)
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    exitCode =
      error instanceof CommanderError
        ? usageError(error, argv, program, system)
        : printError(asWxError(error), system, globalOptions(program))
  }
  await outputFlushed(system)
  stopWatching()
  const failure = exitCode === 0 ? outputFailure(system.terminal.stdout) : undefined
  return failure ? printError(failure, system, globalOptions(program)) : exitCode
}

function makeProgram(system: System): Command {
  const { terminal } = system
  const program = new Command('wxstation')
    .description('Takes an ESP32 weather station from its bag to live weather in TimeBase.')
    .version(version(), '-V, --version')
    .option('--json', 'print one JSON object (or NDJSON for streams) on stdout', false)
    .option('-q, --quiet', 'print data and errors only', false)
    .option('-v, --verbose', 'print more of what happens', false)
    .option('--debug', 'print traces, for a fault report', false)
    .option('--no-color', 'print without colors (NO_COLOR does the same)')
    .option('-y, --yes', 'answer yes to every confirmation', false)
    .addOption(
      new Option('--timeout <duration>', 'ceiling for the whole command').argParser(parseDuration),
    )
    .option('--config <file>', 'settings file to use as the project file')
    .option('--profile <name>', 'TimeBase profile to use')
    .showSuggestionAfterError(true)
    .helpCommand(false)
    .addHelpText('after', '\nExamples:\n  wxstation flash micropython\n  wxstation tail --since 1h')
  program.exitOverride().configureOutput({
    writeOut: (text) => terminal.stdout.write(text),
    writeErr: (text) => terminal.stderr.write(text),
    getOutHelpWidth: () => terminal.columns(),
    getErrHelpWidth: () => terminal.columns(),
    // Said by usageError(), in the form of every error.
    outputError: () => {},
  })
  return program
}

/** Subcommands take the program's way of ending and printing; commander copies it only to .command() children. */
function inherit(command: Command, program: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(program)
    inherit(child, program)
  }
}

/** What commander ended, as an error like every other. */
function usageError(
  error: CommanderError,
  argv: string[],
  program: Command,
  system: System,
): number {
  if (error.exitCode === 0) return 0
  const isHelp = error.code === 'commander.help'
  const [said = '', guess] = isHelp
    ? ['a command is missing']
    : error.message.replace(/^error: /, '').split('\n')
  const message = `${said.slice(0, 1).toUpperCase()}${said.slice(1).replace(/\.$/, '')}.`
  const hint = guess?.replace(/^\((.*)\)$/, '$1')
  const usage = new WxError('USAGE', message, hint === undefined ? {} : { hint })
  const options = { ...globalOptions(program), json: argv.includes('--json') }
  // The help that stands there already says more.
  return isHelp && !options.json ? usage.exitCode : printError(usage, system, options)
}

function globalOptions(
  program: Command,
): GlobalOptions & { color: boolean; config?: string; profile?: string } {
  const { json, quiet, verbose, debug, yes, timeout, color, config, profile } = program.opts()
  return { json, quiet, verbose, debug, yes, timeoutMs: timeout, color, config, profile }
}

async function runHandler(
  program: Command,
  system: System,
  handler: (context: Context) => Promise<Result | undefined>,
): Promise<number> {
  const options = globalOptions(program)
  const { terminal, clock } = system
  const stop = new AbortController()
  let interruptedAt: number | undefined
  const interrupt = (): void => {
    const now = clock.monotonic()
    if (interruptedAt !== undefined && now - interruptedAt < echoMs) return
    // The second Ctrl-C is for a teardown that hangs: whoever presses it wants out now.
    if (stop.signal.aborted) system.exit(130)
    interruptedAt = now
    stop.abort(new WxError('INTERRUPTED', 'Interrupted.'))
  }
  const removeSignals = system.onSignal(interrupt)
  const cancelTimer =
    options.timeoutMs === undefined
      ? () => {}
      : clock.timer(options.timeoutMs, () =>
          stop.abort(new WxError('TIMEOUT', 'The command took longer than --timeout allows.')),
        )

  const stderrPaint = makePaint(hasColor(system, Boolean(terminal.stderr.isTTY), options.color))
  const paint = makePaint(hasColor(system, terminal.isTerminal, options.color))
  const pretty = makePretty(system, stderrPaint, {
    live: Boolean(terminal.stderr.isTTY) && !options.json,
    says: options.quiet ? 'nothing' : options.json ? 'notices' : 'everything',
    debug: options.debug,
  })
  try {
    const context: Context = {
      system,
      settings: (await loadSettings(system, options.config)).with({ profile: options.profile }),
      options,
      signal: stop.signal,
      prompts: makePrompts(terminal, stop.signal, pretty.pause),
      report: pretty.report,
      emit: (line) => writeLine(system, line, pretty.pause),
      paint,
    }
    const result = await handler(context)
    pretty.end()
    if (result) await printResult(result, context)
    return result?.exitCode ?? 0
  } catch (error) {
    pretty.end()
    // The reason of the abort tells more than whatever it broke on its way up.
    const first = stop.signal.aborted && isAbort(error) ? stop.signal.reason : error
    if (terminal.stdout.writableEnded || (isGone(terminal.stdout) && isAbort(error))) return 0
    return printError(asWxError(first), system, options)
  } finally {
    cancelTimer()
    removeSignals()
  }
}

async function printResult(result: Result, { options, paint, system }: Context): Promise<void> {
  if (options.json) return writeLine(system, jsonText(result.data))
  const next = result.next && !options.quiet ? [`  Next: ${result.next}`] : []
  for (const line of [...(result.pretty?.(paint) ?? []), ...next])
    await writeLine(system, harmlessLine(line))
}

function printError(
  error: WxError,
  system: System,
  options: GlobalOptions & { color: boolean },
): number {
  const { stdout, stderr } = system.terminal
  const isBroken = outputFailure(stdout) !== undefined
  // On one line: it may follow those of a stream.
  if (options.json && !isBroken) stdout.write(`${jsonText(errorData(error), 0)}\n`)
  const paint = makePaint(hasColor(system, Boolean(stderr.isTTY), options.color))
  if (!options.json || options.debug || isBroken)
    stderr.write(`${errorLines(error, paint, options).join('\n')}\n`)
  return error.exitCode
}
