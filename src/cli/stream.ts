import { errorTable, WxError } from '../errors.js'
import { checkNewStreamName } from '../timebase/names.js'
import { ddl, type StreamSchema, statusSchema, weatherSchema } from '../timebase/schema.js'
import { compareSchemas } from '../timebase/schema-difference.js'
import {
  applyStreams,
  describeStream,
  listStreams,
  planStreams,
  type StreamPlan,
  streamRange,
  streamSchema,
} from '../timebase/stream.js'
import type { Context, Result } from './context.js'
import { streamPlanLines } from './render/schema.js'
import { table } from './render/tables.js'
import { timeText } from './render/times.js'
import { openTimebase } from './timebase.js'

export interface CreateFlags {
  statusStream?: string
  status: boolean
  dryRun?: true
}

/** Creates both streams or, where one differs, neither. */
export async function create(
  context: Context,
  name: string | undefined,
  flags: CreateFlags,
): Promise<Result> {
  const settings = context.settings.with({ stream: name, statusStream: flags.statusStream })
  const wanted = [
    { stream: checkNewStreamName(settings.get('stream') ?? ''), schema: weatherSchema },
    ...(flags.status
      ? [{ stream: checkNewStreamName(settings.get('statusStream') ?? ''), schema: statusSchema }]
      : []),
  ]
  if (wanted.length === 2 && wanted[0]?.stream === wanted[1]?.stream)
    throw new WxError('USAGE', 'Both streams cannot have the same name.', {
      hint: 'Give the other one with --status-stream, or leave it out with --no-status.',
    })
  if (flags.dryRun) {
    const statements = wanted.map(({ stream, schema }) => ddl(stream, schema))
    return { data: { statements }, pretty: () => [statements.join('\n').trimEnd()] }
  }
  const client = await openTimebase(context)
  const plans = await planStreams(client, wanted, context.signal)
  const differs = plans.some(({ action }) => action === 'differs')
  // A station needs both streams right: one that differs is a question to answer first.
  const done = differs ? plans : await applyStreams(client, plans, context.signal)
  const shown = differs ? plans.filter(({ action }) => action !== 'create') : done
  const next = done.some(({ action }) => action === 'create') ? 'provision --wifi' : 'tail'
  return planResult(shown, `wxstation ${next}`)
}

/** Compares streams that exist with what stations send. */
export async function diff(
  context: Context,
  name: string | undefined,
  isStatus: boolean,
): Promise<Result> {
  const { settings, signal } = context
  const statusName = settings.get('statusStream') ?? ''
  const weather = { stream: name ?? settings.get('stream') ?? '', schema: weatherSchema }
  const status = { stream: name ?? statusName, schema: statusSchema }
  const one = isStatus || name === statusName ? status : weather
  const wanted = name === undefined && !isStatus ? [weather, status] : [one]
  const client = await openTimebase(context)
  const plans: StreamPlan[] = []
  for (const { stream, schema } of wanted) plans.push(await compare(stream, schema))
  return planResult(plans)

  async function compare(stream: string, schema: StreamSchema): Promise<StreamPlan> {
    const found = await streamSchema(client, stream, signal)
    if (!found)
      throw new WxError('STREAM_UNKNOWN', `There is no stream "${stream}" on ${client.url}.`)
    const differences = compareSchemas(schema.classes, found)
    const action = differences.length === 0 ? 'keep' : 'differs'
    return { stream, schema, action, differences, ddl: ddl(stream, schema) }
  }
}

function planResult(plans: StreamPlan[], next?: string): Result {
  const differs = plans.some(({ action }) => action === 'differs')
  const { exit, hint } = errorTable.SCHEMA_DIFFERS
  return {
    data: {
      streams: plans.map(({ stream, action, differences }) => ({ stream, action, differences })),
    },
    pretty: (paint) => [
      ...plans.flatMap((plan) => streamPlanLines(plan, paint)),
      ...(differs ? [`  ${hint}`, paint.dim(`  [schema-differs, exit ${exit}]`)] : []),
    ],
    ...(!differs && { next }),
    exitCode: differs ? exit : 0,
  }
}

/** `unknown` where the server could not say: one odd stream does not hide the others. */
type Range = { start: number; end: number } | 'none' | 'unknown'

export async function list(context: Context): Promise<Result> {
  const client = await openTimebase(context)
  const streams = await listStreams(client, context.signal)
  const rows: { key: string; symbols: number; range: Range }[] = []
  for (const { key, symbols } of streams) {
    const range = await rangeOf(key)
    if (range !== 'gone') rows.push({ key, symbols, range })
  }
  const at = (range: Range, end: 'start' | 'end'): number | undefined =>
    typeof range === 'object' ? range[end] : undefined
  const isoText = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString()
  const shown = (ms: number | undefined, other = ''): string =>
    ms === undefined ? other : timeText(ms)
  return {
    data: {
      streams: rows.map(({ key, symbols, range }) => ({
        stream: key,
        stations: symbols,
        first: isoText(at(range, 'start')),
        last: isoText(at(range, 'end')),
      })),
    },
    pretty: () =>
      rows.length === 0
        ? ['There is no stream yet.']
        : table(
            [
              { title: 'Stream' },
              { title: 'Stations', align: 'right' },
              { title: 'First record (UTC)' },
              { title: 'Last record (UTC)' },
            ],
            rows.map(({ key, symbols, range }) => [
              key,
              String(symbols),
              shown(at(range, 'start'), String(range)),
              shown(at(range, 'end')),
            ]),
          ),
    ...(rows.length === 0 && { next: 'wxstation stream create' }),
  }

  async function rangeOf(key: string): Promise<Range | 'gone'> {
    try {
      return (await streamRange(client, key, context.signal)) ?? 'none'
    } catch (error) {
      // A stream that was removed a moment ago may still be in the list.
      if (error instanceof WxError && error.code === 'STREAM_UNKNOWN') return 'gone'
      if (error instanceof WxError && error.code === 'TIMEBASE_REFUSED') return 'unknown'
      throw error
    }
  }
}

export async function describe(context: Context, name: string | undefined): Promise<Result> {
  const stream = name ?? context.settings.get('stream') ?? ''
  const client = await openTimebase(context)
  const statement = await describeStream(client, stream, context.signal)
  return { data: { stream, statement }, pretty: () => [statement.trimEnd()] }
}
