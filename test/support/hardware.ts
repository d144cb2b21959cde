import { Secret } from '../../src/secret.js'
import type { System } from '../../src/system.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { patience } from './patience.js'

export interface Hardware {
  /** The values of WXSTATION_TEST_… by their last part. */
  env: Record<string, string | undefined>
  missing: boolean
  /** For the title of a skipped suite: why it skips. */
  reason: string
  /** Factor on every ceiling, WXSTATION_TEST_PATIENCE. */
  patience: number
}

/** What the environment says about real boards and servers; `needs` are the parts a suite cannot do without. */
export function hardware(needs: string[]): Hardware {
  const prefix = 'WXSTATION_TEST_'
  const env: Hardware['env'] = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith(prefix)) env[name.slice(prefix.length)] = value
  }
  const unset = needs.filter((name) => !env[name])
  return {
    env,
    missing: unset.length > 0,
    reason:
      unset.length > 0
        ? ` (skipped: ${unset.map((name) => prefix + name).join(', ')} not set)`
        : '',
    patience,
  }
}

/** A client of the server that the environment names, signed in by password. */
export function hardwareClient({ env, missing }: Hardware, system: System): TimebaseClient {
  // Skipped suites are collected as well: nobody asks the address they get.
  const url = missing ? 'http://unset.invalid' : (env.TIMEBASE ?? '')
  const password = new Secret(env.PASSWORD ?? '')
  return makeClient(
    { url, auth: passwordAuth({ url, user: env.USER ?? '', password }, system) },
    system,
  )
}
