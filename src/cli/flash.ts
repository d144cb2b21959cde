import type { FlashResult } from '../device/flasher.js'
import type { WxError } from '../errors.js'
import { choosePort, fittingPorts, promisedMac, resolvePort } from './board.js'
import type { Context, Result } from './context.js'
import { patienceOf } from './patience.js'
import { asWxError, errorData } from './render/errors.js'
import { flashTable } from './render/flash.js'

export interface FlashFlags {
  port?: string[]
  all?: true
  retryFailed?: true
  jobs: number
  erase?: true
  dryRun?: true
  force?: true
  stockPartitions?: true
  keepFiles?: true
  discardFiles?: true
  variant?: string
  baud?: number
  offline?: true
  wait: boolean
}

/** How one board ended: its result or its error. */
export interface FlashOutcome {
  port: string
  result?: FlashResult
  error?: WxError
}

export async function flashCommand(
  context: Context,
  firmware: string,
  flags: FlashFlags,
): Promise<Result> {
  const { system, settings } = context
  const { readSource } = await import('../device/firmware-source.js')
  const { flashBoard } = await import('../device/flasher.js')
  const { decideLosses } = await import('./losses.js')
  const source = await readSource(
    firmware,
    {
      mirror: settings.get('firmware.mirror'),
      offline: flags.offline ?? false,
      ...(flags.variant && { variant: flags.variant }),
    },
    system,
  )
  const ports = await portsOf(context, flags)
  if (flags.erase && !flags.dryRun) await confirmErase(context, ports)
  const isAlone = ports.length === 1
  const one = ({ port, mac }: NamedPort): Promise<FlashResult> =>
    flashBoard(
      {
        port,
        mac,
        source,
        erase: flags.erase ?? false,
        stockPartitions: flags.stockPartitions ?? false,
        discardFiles: flags.discardFiles ?? false,
        dryRun: flags.dryRun ?? false,
        force: flags.force ?? false,
        baud: flags.baud,
        patience: patienceOf(settings),
        // Several people cannot hold several buttons: only a single board is waited for.
        waitForButtons: isAlone && flags.wait,
        mayLose: (losses, held) => decideLosses(context, flags, losses, held, isAlone),
      },
      system,
      { report: context.report, signal: context.signal, board: isAlone ? undefined : port },
    )
  if (isAlone && !flags.all && !flags.retryFailed) {
    const result = await one(ports[0] as NamedPort)
    const isReady = !flags.dryRun && result.runtime === 'micropython'
    return { data: { ...result }, ...(isReady && { next: 'wxstation provision --wifi' }) }
  }
  const outcomes = await flashMany(context, ports, flags.jobs, one)
  const { rememberFailed } = await import('../device/failed-boards.js')
  const failed = outcomes.filter(({ error }) => error)
  const names = ports.filter((_, i) => outcomes[i]?.error).map(({ name }) => name)
  // A plan is no flash: those that failed to be flashed are still to do.
  if (!flags.dryRun) await rememberFailed(system, names)
  // What stops everything (Ctrl-C, --timeout) is the command's own end, not a board's.
  context.signal.throwIfAborted()
  return {
    data: {
      boards: outcomes.map(({ port, result, error }) =>
        result ? { ...result } : { port, ...errorData(error as WxError) },
      ),
      flashed: outcomes.length - failed.length,
      failed: failed.length,
    },
    pretty: (paint) => flashTable(outcomes, paint),
    ...(failed.length > 0 && { next: 'the same command with --retry-failed' }),
    exitCode: Math.max(0, ...failed.map(({ error }) => error?.exitCode ?? 0)),
  }
}

/** A port, how it was named, and the board that this name promises. */
interface NamedPort {
  name: string
  port: string
  mac?: string | undefined
}

async function portsOf(context: Context, flags: FlashFlags): Promise<NamedPort[]> {
  const { WxError } = await import('../errors.js')
  if (flags.retryFailed) {
    const { readFailed } = await import('../device/failed-boards.js')
    const failed = await readFailed(context.system)
    if (failed.length === 0)
      throw new WxError('NO_BOARD', 'No board failed last time.', { hint: 'Use --port or --all.' })
    return allNamed(context, failed)
  }
  if (flags.all)
    return (await fittingPorts(context)).map(({ path }) => ({ name: path, port: path }))
  if (flags.port && flags.port.length > 1) return allNamed(context, flags.port)
  const [name = context.settings.get('port')] = flags.port ?? []
  const port = await choosePort(context, name)
  return [{ name: name ?? port, port, mac: await promisedMac(context, name) }]
}

/**
 * Ports by their names; two names of one are one. A board that is not there fails by itself, and
 * stops no other.
 */
async function allNamed(context: Context, names: string[]): Promise<NamedPort[]> {
  const named = new Map<string, NamedPort>()
  for (const name of names) {
    const port = await resolvePort(context, name).catch((error) => {
      if (error?.code === 'PORT_ABSENT') return name
      throw error
    })
    named.set(port, { name, port, mac: await promisedMac(context, name) })
  }
  return [...named.values()]
}

/** A worker for each board, as many as allowed; one that fails never stops the others. */
async function flashMany(
  { report, signal }: Context,
  ports: NamedPort[],
  jobs: number,
  one: (port: NamedPort) => Promise<FlashResult>,
): Promise<FlashOutcome[]> {
  const { default: pLimit } = await import('p-limit')
  const limit = pLimit(jobs)
  return Promise.all(
    ports.map((named) =>
      limit(async (): Promise<FlashOutcome> => {
        const { port } = named
        try {
          return { port, result: await one(named) }
        } catch (error) {
          // What stops all of them is told once, by the command.
          if (!signal.aborted) report({ type: 'failed', error, board: port })
          return { port, error: asWxError(error) }
        }
      }),
    ),
  )
}

async function confirmErase({ options, prompts }: Context, ports: NamedPort[]): Promise<void> {
  if (options.yes) return
  const what =
    ports.length === 1 ? `everything on ${ports[0]?.port}` : `everything on ${ports.length} boards`
  const { WxError } = await import('../errors.js')
  if (!(await prompts.confirm(`Erase ${what}, files and settings too?`, { flag: '--yes' })))
    throw new WxError('INTERRUPTED', 'Nothing was erased.', {
      hint: 'Without --erase, files and settings stay.',
    })
}
