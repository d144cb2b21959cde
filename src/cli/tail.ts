import { WxError } from '../errors.js'
import { streamSchema } from '../timebase/stream.js'
import type { TailOptions } from '../timebase/tail.js'
import { tail } from '../timebase/tail.js'
import { tailSource } from '../timebase/tail-source.js'
import { parseWhere } from '../timebase/where.js'
import type { Context } from './context.js'
import { isGone } from './output.js'
import { knownStations, noStation, stationFilter } from './stations.js'
import { checkedUnits, timeOf, unknownStream } from './tail-flags.js'
import { TailPrinter } from './tail-printer.js'
import { openTimebase } from './timebase.js'

export interface TailFlags {
  since?: string
  until?: string
  lines?: number
  count?: number
  where?: string
  format?: string
  units: string
  derived?: true
  status?: true
  stream?: string
  utc?: true
  follow: boolean
}

/** The server's largest page: more of the past is asked for by time. */
const maxLines = 10_000

/** Reads the flags, then shows records until the end or Ctrl-C; the summary goes to stderr. */
export async function runTail(
  context: Context,
  stations: string[],
  flags: TailFlags,
): Promise<undefined> {
  const { system, signal, report, options } = context
  const range = tailRange(flags, system.clock.now())
  const units = checkedUnits(flags.units)
  const condition = flags.where === undefined ? undefined : parseWhere(flags.where)
  const format = flags.format ?? (options.json || !system.terminal.isTerminal ? 'json' : 'pretty')
  const known = await knownStations(system)
  const wants = stationFilter(stations, known)

  const settings = context.settings.with(
    flags.status ? { statusStream: flags.stream } : { stream: flags.stream },
  )
  const stream = settings.get(flags.status ? 'statusStream' : 'stream') ?? ''
  const printer = new TailPrinter(context, { format, units, known, flags, condition })

  const client = await openTimebase(context)
  const classes = await streamSchema(client, stream, signal)
  if (!classes) throw unknownStream(stream, client.url)
  printer.describe(stream, classes)

  const source = tailSource(client, stream, classes, system)
  if (stations.length > 0) {
    const there = await source.symbols(signal)
    const unmet = stations.filter((name) => !there.some(stationFilter([name], known) ?? Boolean))
    if (!flags.follow && unmet.length === stations.length) throw noStation(stream, unmet, there)
    const values = { stations: unmet.join(', ') }
    if (unmet.length > 0) report({ type: 'notice', notice: 'tail-unmet', values })
  }
  const tailOptions: TailOptions = { ...range, follow: flags.follow, ...(wants && { wants }) }
  try {
    for await (const events of tail(source, tailOptions, system.clock, signal)) {
      const isEnough = await printer.print(events)
      if (isEnough) break
    }
  } catch (error) {
    const isUsersEnd = signal.aborted && (signal.reason as WxError).code === 'INTERRUPTED'
    const isPlain = flags.follow && flags.count === undefined && flags.until === undefined
    // Whoever read the output took what it wanted: how much was sent is not how much that was.
    if (isGone(system.terminal.stdout)) throw error
    summarize()
    if (isUsersEnd && isPlain) return undefined
    throw error
  }
  summarize()
  return undefined

  function summarize(): void {
    const summary = printer.summary()
    report({ type: 'summary', summary: 'tail', values: { ...summary } })
  }
}

function tailRange(
  { since, until, lines }: TailFlags,
  nowMs: number,
): Pick<TailOptions, 'sinceMs' | 'untilMs' | 'last'> {
  if (since !== undefined && lines !== undefined) {
    throw new WxError('USAGE', '--since and -n are two answers to one question: give one.')
  }
  if (lines !== undefined && lines > maxLines) {
    throw new WxError('USAGE', `-n takes ${maxLines} at most.`, {
      hint: 'Give a time instead, such as --since 7d.',
    })
  }
  const sinceMs = since === undefined ? undefined : timeOf('--since', since, nowMs)
  const untilMs = until === undefined ? undefined : timeOf('--until', until, nowMs)
  if (sinceMs !== undefined && untilMs !== undefined && untilMs < sinceMs) {
    throw new WxError('USAGE', '--until lies before --since.')
  }
  return {
    ...(sinceMs !== undefined && { sinceMs }),
    ...(untilMs !== undefined && { untilMs }),
    ...(lines !== undefined && { last: lines }),
  }
}
