import { WxError } from '../errors.js'
import type { TimebaseClient } from '../timebase/client.js'
import type { Context } from './context.js'

/** The streams that stations write to. */
export interface StationStreams {
  client: TimebaseClient
  /** Of the weather records and of the state of stations. */
  readonly names: readonly [string, string]
  /** Names of those that TimeBase does not have; empty once they are created. */
  readonly missing: readonly string[]
  /** Creates the missing ones; boards that are provisioned side by side share one attempt. */
  create(): Promise<void>
}

/**
 * Signs in from here and looks at the streams, before any board is touched. Throws SCHEMA_DIFFERS
 * where one of them holds something else.
 */
export async function openStreams(context: Context): Promise<StationStreams> {
  const { openTimebase } = await import('./timebase.js')
  const { weatherSchema, statusSchema } = await import('../timebase/schema.js')
  const { planStreams, applyStreams } = await import('../timebase/stream.js')
  const { settings, signal } = context
  const client = await openTimebase(context)
  const names = [settings.get('stream') ?? '', settings.get('statusStream') ?? ''] as const
  const wanted = [
    { stream: names[0], schema: weatherSchema },
    { stream: names[1], schema: statusSchema },
  ]
  const plans = await planStreams(client, wanted, signal)
  const differing = plans.find(({ action }) => action === 'differs')
  if (differing) {
    throw new WxError(
      'SCHEMA_DIFFERS',
      `The stream "${differing.stream}" has another schema than a station's records.`,
      { details: { stream: differing.stream, differences: differing.differences } },
    )
  }
  let missing = plans.filter(({ action }) => action === 'create').map(({ stream }) => stream)
  let creating: Promise<void> | undefined
  return {
    client,
    names,
    get missing() {
      return missing
    },
    create() {
      if (missing.length === 0) return Promise.resolve()
      creating ??= applyStreams(client, plans, signal).then(() => {
        missing = []
      })
      return creating
    },
  }
}

/** The same with other streams; an undefined one stays. */
export function forStreams(context: Context, stream: unknown, statusStream: unknown): Context {
  const settings = context.settings.with({
    ...(typeof stream === 'string' && { stream }),
    ...(typeof statusStream === 'string' && { statusStream }),
  })
  return { ...context, settings }
}
