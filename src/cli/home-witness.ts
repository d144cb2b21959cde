import { isAbort } from '../errors.js'
import { type StationSettings, symbolOf } from '../station/config.js'
import type { TimebaseClient } from '../timebase/client.js'
import type { StreamRecord } from '../timebase/schema.js'
import type { Context } from './context.js'
import { noPrompts } from './prompts.js'

/** What TimeBase tells of a station that is not where it was: the boot on trial has a number. */
export interface HomeWitness {
  /** Whether the boot on trial sent something. Never throws but for an interrupt. */
  calledHome(): Promise<boolean>
  /** Where the station is, in its own words; undefined until it has called. */
  address(): string | undefined
}

export interface Witnessed {
  mac: string
  before: StationSettings
  after: StationSettings
}

// boots.count() in crash.py: 1 to 65535, in a ring.
const bootRing = 65_535

/**
 * To be asked before the station starts again: its last status names the boot that is about to end.
 * Undefined where TimeBase cannot be asked from here, or knows no status of this station.
 */
export async function homeWitness(
  context: Context,
  { mac, before, after }: Witnessed,
): Promise<HomeWitness | undefined> {
  // A login that would have to be typed is not worth a question in the middle of this.
  const quiet = { ...context, prompts: noPrompts }
  const client = await unlessFailing(async () => {
    const { openTimebase } = await import('./timebase.js')
    return openTimebase(quiet)
  })
  const last = client && (await lastStatus(client, mac, before, context.signal))
  if (!client || !last) return undefined
  const next = (Number(last.fields.boot) % bootRing) + 1
  let found: StreamRecord | undefined
  return {
    async calledHome() {
      const status = await lastStatus(client, mac, after, context.signal)
      if (status && Number(status.fields.boot) === next) found = status
      return found !== undefined
    },
    address: () => {
      const address = found?.fields.address
      return typeof address === 'string' && address !== '' ? address : undefined
    },
  }
}

function lastStatus(
  client: TimebaseClient,
  mac: string,
  settings: StationSettings,
  signal: AbortSignal,
): Promise<StreamRecord | undefined> {
  const stream = String(settings.status_stream ?? 'station_status')
  if (stream === '') return Promise.resolve(undefined)
  return unlessFailing(async () => {
    const { lastRecord } = await import('../timebase/stream.js')
    return lastRecord(client, stream, symbolOf(settings, mac), signal)
  })
}

async function unlessFailing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isAbort(error)) throw error
    return undefined
  }
}
