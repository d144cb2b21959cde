import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { TimebaseClient } from '../timebase/client.js'
import {
  type ExportFormat,
  type ExportOptions,
  existsError,
  exportTo,
  exportToFile,
} from '../timebase/export.js'
import { applyImport, type ImportPlan, planImport } from '../timebase/import.js'
import type { StreamRecord } from '../timebase/schema.js'
import { checkMayWrite } from '../timebase/status.js'
import { listSymbols, streamSchema } from '../timebase/stream.js'
import { applyTrim, planTrim, type TrimPlan } from '../timebase/trim.js'
import type { Context, Result } from './context.js'
import {
  checkTwice,
  fileRecords,
  formatByContent,
  formatByName,
  type ImportFormat,
  isDiskFile,
} from './import-file.js'
import { parseTime } from './options.js'
import { bytesText, fact } from './render/tables.js'
import { many, stationsText } from './render/timebase.js'
import { timeText } from './render/times.js'
import { noStation } from './stations.js'
import {
  type QueueFlags,
  queueRecords,
  queueSymbol,
  readQueue,
  reportQueue,
  stationOfFile,
} from './stream-queue.js'
import { openTimebase } from './timebase.js'

export interface ExportFlags {
  output?: string
  format?: ExportFormat
  since?: string
  until?: string
  station?: string[]
  force?: true
}

export interface ImportFlags extends QueueFlags {
  format?: ImportFormat
  dryRun?: true
}

export interface TrimFlags {
  before: string
  dryRun?: true
}

export async function exportStream(
  context: Context,
  name: string | undefined,
  flags: ExportFlags,
): Promise<Result | undefined> {
  const { system, settings, signal, report, emit } = context
  const now = system.clock.now()
  const format = flags.format ?? formatByName(flags.output) ?? 'ndjson'
  const options: ExportOptions = {
    stream: name ?? settings.get('stream') ?? '',
    symbols: flags.station,
    from: timeFlag('--since', flags.since, now),
    to: timeFlag('--until', flags.until, now),
    asked: { since: flags.since, until: flags.until },
    signal,
  }
  if (options.from !== undefined && options.to !== undefined && options.from > options.to)
    throw new WxError('USAGE', '--since lies after --until.', { hint: 'Swap the two times.' })
  if (flags.output === undefined) {
    if (format === 'parquet')
      throw new WxError('USAGE', 'Parquet needs a file of its own.', {
        hint: 'Name one with -o weather.parquet.',
      })
    const client = await openTimebase(context)
    await checkStations(client, options)
    await exportTo(client, { ...options, format }, system, patient(context), emit)
    return undefined
  }
  const path = resolve(system.cwd, flags.output)
  const found = await system.files.stat(path)
  if (found?.isFolder)
    throw new WxError('FILE_UNREADABLE', `"${flags.output}" is a folder.`, {
      hint: 'Name a file in it.',
    })
  // The file would be renamed over it: /dev/null would be a file from then on.
  if (found && !isDiskFile(found))
    throw new WxError('FILE_UNREADABLE', `"${flags.output}" is no file.`, {
      hint: 'Leave -o out to write to standard output.',
    })
  if (found && !flags.force) throw existsError(flags.output)
  const client = await openTimebase(context)
  await checkStations(client, options)
  const done = await exportToFile(
    client,
    path,
    { ...options, format, replaces: flags.force },
    system,
    report,
  )
  return {
    data: { stream: options.stream, file: path, format, ...done },
    pretty: () => [fact('File', `${flags.output}, ${bytesText(done.bytes)}`)],
    next: `wxstation stream import ${flags.output} <stream>`,
  }
}

/** A misspelt station would give an empty file, which looks like a station that measured nothing. */
async function checkStations(
  client: TimebaseClient,
  { stream, symbols = [], signal }: ExportOptions,
): Promise<void> {
  if (symbols.length === 0) return
  const known = await listSymbols(client, stream, signal)
  const unknown = symbols.filter((symbol) => !known.includes(symbol))
  if (unknown.length > 0) throw noStation(stream, unknown, known)
}

/** Whoever reads the pipe may write to the same terminal: a short export draws nothing between. */
const quietMs = 2000

function patient({ system, report }: Context): Report {
  const startMs = system.clock.monotonic()
  return (event) => {
    const isEarly = system.clock.monotonic() - startMs < quietMs
    if (event.type !== 'progress' || !isEarly) report(event)
  }
}

export async function importStream(
  context: Context,
  file: string,
  name: string | undefined,
  flags: ImportFlags,
): Promise<Result> {
  const { system, settings, signal, report } = context
  const path = resolve(system.cwd, file)
  await checkTwice(system, path, file)
  const format = flags.format ?? formatByName(file) ?? (await formatByContent(system, path))
  if (format !== 'queue' && (flags.symbol !== undefined || flags.all))
    throw new WxError(
      'USAGE',
      `--symbol and --all are for a station's queue; ${file} is ${format}.`,
    )
  // What the file holds is known before anybody is asked anything.
  const queue = format === 'queue' ? await readQueue(context, path, flags) : undefined
  const station = queue && (await stationOfFile(system, file))
  const symbol = queue ? await queueSymbol(context, station, flags) : ''
  // A station's queue goes where the station writes.
  const stream = name ?? station?.stream ?? settings.get('stream') ?? ''
  if (queue) reportQueue(context, queue, symbol, flags)
  const client = await openTimebase(context)
  const classes = await streamSchema(client, stream, signal)
  if (!classes)
    throw new WxError('STREAM_UNKNOWN', `There is no stream "${stream}" on ${client.url}.`)
  const queued = queue && queueRecords(queue, symbol, { stream, classes })
  const read = (): AsyncGenerator<StreamRecord> =>
    format === 'queue' ? inTurn(queued ?? []) : fileRecords(system, path, format, classes, signal)
  const plan = await planImport(read())
  report({ type: 'fact', fact: { kind: 'records', values: planValues(plan) } })
  if (flags.dryRun)
    return {
      data: { stream, file: path, ...planValues(plan) },
      pretty: () => ['The file is good; nothing was written.'],
    }
  const done = await applyImport(client, stream, read(), { classes, plan, system, report, signal })
  const { refused, reasons } = done
  return {
    data: { stream, file: path, ...done },
    pretty: (paint) => [
      ...(refused > 0
        ? [
            `${paint.bad('✖')} TimeBase refused ${many(refused, 'record')}. The first one:`,
            `  ${reasons[0]?.message ?? ''}`,
          ]
        : []),
    ],
    next: 'wxstation stream list',
    // Records that the server does not take are not stored anywhere else.
    exitCode: refused > 0 ? new WxError('TIMEBASE_REFUSED', '').exitCode : 0,
  }
}

export async function trim(
  context: Context,
  name: string | undefined,
  flags: TrimFlags,
): Promise<Result> {
  const { system, settings, signal, report, prompts, options } = context
  const { clock } = system
  const stream = name ?? settings.get('stream') ?? ''
  const before = timeFlag('--before', flags.before, clock.now()) ?? 0
  const client = await openTimebase(context)
  // Counting reads every one of them, and a question should be one that can be answered with yes.
  if (!flags.dryRun) await checkMayWrite(client, signal)
  const plan = await planTrim(client, stream, before, { clock, report, signal })
  const data = { stream, before: new Date(before).toISOString(), records: plan.records }
  if (plan.records === 0)
    return {
      data: { ...data, removed: false },
      pretty: () => [`${stream} holds no record before ${timeText(before)} UTC.`],
    }
  if (flags.dryRun)
    return { data: { ...data, removed: false }, pretty: () => [`Would remove ${trimText(plan)}.`] }
  const question = `Remove for good ${trimText(plan)}?`
  if (!options.yes && !(await prompts.confirm(question, { flag: '--yes' })))
    return { data: { ...data, removed: false }, pretty: () => ['Nothing was removed.'] }
  const { done, start } = await applyTrim(client, plan, { clock, signal })
  return {
    data: { ...data, removed: true, done },
    pretty: (paint) => [
      done
        ? `${paint.good('✔')} Removed ${trimText(plan)}.`
        : `${paint.caution('!')} TimeBase goes on removing in the background; the first record is still of ${timeText(start ?? 0)}.`,
    ],
  }
}

function trimText({ records, symbols, stream, before }: TrimPlan): string {
  return `${many(records, 'record')} of ${stationsText(symbols.length)} from ${stream}, before ${timeText(before)} UTC`
}

function planValues({ records, symbols, first, last }: ImportPlan) {
  return {
    records,
    stations: symbols.length,
    ...(first !== undefined && { first: new Date(first).toISOString() }),
    ...(last !== undefined && { last: new Date(last).toISOString() }),
  }
}

function timeFlag(flag: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  try {
    return parseTime(text, nowMs)
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause
    throw new WxError('USAGE', `${flag} "${text}" is no time.`, {
      hint: 'Give a time such as 2026-11-23T21:00:00Z, or a duration ago such as 2h.',
      cause,
    })
  }
}

async function* inTurn(records: StreamRecord[]): AsyncGenerator<StreamRecord> {
  yield* records
}
