import { join } from 'node:path'
import pLimit from 'p-limit'
import { isAbort, WxError } from '../errors.js'
import type { Event } from '../events.js'
import { checkSymbols, type Listed, parseList } from '../station/list.js'
import { fittingPorts } from './board.js'
import type { ProvisionFlags } from './commands/provision.js'
import type { Context, Result } from './context.js'
import { type NetworkFlags, ssidInstead, wifiPassword } from './network-choice.js'
import { noPrompts } from './prompts.js'
import { provisionBoard } from './provision-board.js'
import { asWxError } from './render/errors.js'
import { table } from './render/tables.js'
import { fromPairs } from './station-pairs.js'
import type { StationStreams } from './station-streams.js'
import { stationWish, type WishFlags } from './station-wish.js'
import type { Claims } from './symbol-clash.js'

// A board at 115200 waits for its wire most of the time; eight share one core without loss.
const atOnce = 8

type FleetFlags = ProvisionFlags & WishFlags

interface Done {
  port: string
  name?: string
  symbol?: string
  changed?: boolean
  error?: { code: string; message: string; exitCode: number }
}

/** Many boards at once: one that fails never stops the others; the worst exit code is the answer. */
export async function provisionAll(
  context: Context,
  flags: FleetFlags,
  streams: StationStreams,
): Promise<Result> {
  const boards = await boardsToDo(context, flags)
  const { symbol, stream } = await stationWish(context, flags, {})
  checkSymbols(boards, { symbol: String(symbol ?? ''), stream: String(stream) })
  const claims: Claims = new Map()
  const shared = await sharedAnswers(context, flags)
  const limit = pLimit(atOnce)
  const done = await Promise.all(
    boards.map((board) => limit(() => one(shared.context, shared.flags, streams, board, claims))),
  )
  await remember(context, boards, done)
  const failed = done.filter(({ error }) => error)
  return {
    data: { boards: done },
    exitCode: Math.max(0, ...failed.map(({ error }) => error?.exitCode ?? 0)),
    pretty: (paint) => [
      ...table(
        [{ title: 'Board' }, { title: 'Station' }, { title: 'Outcome' }],
        done.map(({ port, symbol, changed, error }) => [
          port,
          symbol ?? '',
          error ? paint.bad(error.message) : changed ? 'provisioned' : 'up to date',
        ]),
      ),
      `${done.length - failed.length} of ${done.length} boards are in order.`,
    ],
    ...(failed.length > 0 && {
      next: `wxstation provision --retry-failed${flags.wifi ? ' --wifi' : ''}`,
    }),
  }
}

/** What is the same for all boards is asked once, before the first; then nobody asks any more. */
async function sharedAnswers(
  context: Context,
  flags: FleetFlags,
): Promise<{ context: Context; flags: FleetFlags & NetworkFlags }> {
  const asksNothing = { ...context, prompts: noPrompts }
  if (!flags.wifi && !flags.ssid) return { context: asksNothing, flags }
  const ssid =
    context.settings.get('wifi.ssid') ?? (await context.prompts.text('Wi-Fi network', ssidInstead))
  return {
    context: { ...asksNothing, settings: context.settings.with({ 'wifi.ssid': ssid }) },
    flags: { ...flags, wifiPassword: await wifiPassword(context, flags, ssid) },
  }
}

async function one(
  context: Context,
  flags: FleetFlags & NetworkFlags,
  streams: StationStreams,
  board: Listed,
  claims: Claims,
): Promise<Done> {
  const tag = board.name ?? board.port
  const here: Context = {
    ...context,
    settings: context.settings.with({
      port: board.port,
      'station.name': board.name,
      'station.latitude': board.latitude?.toString(),
      'station.longitude': board.longitude?.toString(),
      'station.height': board.height?.toString(),
    }),
    report: (event: Event) => context.report({ ...event, board: tag } as Event),
  }
  const { symbol } = board
  const base = { port: board.port, ...(board.name !== undefined && { name: board.name }) }
  try {
    context.signal.throwIfAborted()
    const given = { ...flags.given, ...fromPairs(board.set) }
    const own = { ...flags, ...(symbol !== undefined && { symbol }), given }
    const done = await provisionBoard(here, own, streams, claims)
    return { ...base, symbol: done.symbol, changed: done.changed }
  } catch (error) {
    // Interrupted or out of time is an outcome too: the others' are worth telling.
    const reason = isAbort(error) && context.signal.aborted ? context.signal.reason : error
    if (!context.signal.aborted) context.report({ type: 'failed', error, board: tag })
    const { code, message, exitCode } = asWxError(reason)
    return { ...base, error: { code, message, exitCode } }
  }
}

function failedFile({ system }: Context): string {
  return join(system.folders.data, 'failed.json')
}

async function boardsToDo(context: Context, flags: ProvisionFlags): Promise<Listed[]> {
  const { files } = context.system
  if (flags.list !== undefined) {
    const text = await files.readText(flags.list)
    if (text === undefined) throw new WxError('FILE_UNREADABLE', `There is no file ${flags.list}.`)
    return parseList(text, flags.list)
  }
  if (flags.retryFailed) {
    const text = await files.readText(failedFile(context))
    if (text === undefined || text.trim() === '[]')
      throw new WxError('NO_BOARD', 'No board failed the last time.', {
        hint: 'Run `wxstation provision --all`, or give a list with --list.',
      })
    return JSON.parse(text) as Listed[]
  }
  return (await fittingPorts(context)).map(({ path }) => ({ port: path, set: [] }))
}

/** A list may hold secrets among its settings. */
async function remember({ system }: Context, boards: Listed[], done: Done[]): Promise<void> {
  const failed = boards.filter(({ port }) => done.some((one) => one.port === port && one.error))
  await system.files.makeFolder(system.folders.data)
  const path = join(system.folders.data, 'failed.json')
  await system.files.write(path, `${JSON.stringify(failed, null, 2)}\n`, { mode: 0o600 })
}
