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

// boots.count() in crash.py: 1 to 65535, in a ring.
const bootRing = 65_535

/** `boot` is the one that the trial ends; `after` the settings that are tried. */
export function homeWitness(
  context: Context,
  { mac, boot, after }: { mac: string; boot: number; after: StationSettings },
): HomeWitness {
  const next = (boot % bootRing) + 1
  const stream = String(after.status_stream ?? 'station_status')
  let client: TimebaseClient | undefined
  let found: StreamRecord | undefined
  const lastStatus = async (): Promise<StreamRecord | undefined> => {
    if (!client) {
      const { openTimebase } = await import('./timebase.js')
      // A login that would have to be typed is not worth a question in the middle of this.
      client = await openTimebase({ ...context, prompts: noPrompts })
    }
    const { lastRecord } = await import('../timebase/stream.js')
    return lastRecord(client, stream, symbolOf(after, mac), context.signal)
  }
  return {
    async calledHome() {
      if (stream === '') return false
      try {
        const status = await lastStatus()
        if (status && Number(status.fields.boot) === next) found = status
      } catch (error) {
        // Whoever stands in the station's own network hears nothing of TimeBase: no witness then.
        if (isAbort(error)) throw error
      }
      return found !== undefined
    },
    address: () => {
      const address = found?.fields.address
      return typeof address === 'string' && address !== '' ? address : undefined
    },
  }
}
