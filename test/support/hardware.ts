import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { WxError } from '../../src/errors.js'
import { Secret } from '../../src/secret.js'
import type { System } from '../../src/system.js'
import { apiKeyAuth } from '../../src/timebase/auth/api-key.js'
import { passwordAuth } from '../../src/timebase/auth/password.js'
import { makeClient, type TimebaseClient } from '../../src/timebase/client.js'
import { NotShown } from './main-job.js'
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

/** The program's variables for what the environment names, signed in by password or by API key. */
export function programEnv(
  { env, patience }: Pick<Hardware, 'env' | 'patience'>,
  home: string,
  login: 'password' | 'key' = 'password',
): Record<string, string> {
  const variables = {
    WXSTATION_HOME: home,
    WXSTATION_PATIENCE: String(patience),
    WXSTATION_PORT: env.PORT,
    WXSTATION_WIFI_SSID: env.SSID,
    // Empty is an answer: an open network.
    WXSTATION_WIFI_PASSWORD: env.SSID && (env.WIFI_PASSWORD ?? ''),
    WXSTATION_TIMEBASE_URL: env.TIMEBASE,
    WXSTATION_TIMEBASE_BOARD_URL: env.TIMEBASE_FROM_BOARD || env.TIMEBASE,
    WXSTATION_TIMEBASE_CA: env.CA,
    WXSTATION_NTP: env.NTP,
    ...(login === 'password'
      ? { WXSTATION_TIMEBASE_USER: env.USER, WXSTATION_TIMEBASE_PASSWORD: env.PASSWORD }
      : { WXSTATION_TIMEBASE_API_KEY: env.API_KEY, WXSTATION_TIMEBASE_API_SECRET: env.API_SECRET }),
  }
  return Object.fromEntries(
    Object.entries(variables).filter(
      (pair): pair is [string, string] =>
        pair[1] !== undefined && (pair[1] !== '' || pair[0] === 'WXSTATION_WIFI_PASSWORD'),
    ),
  )
}

/** The certificates that WXSTATION_TEST_CA names, for clients of the tests' own. */
export function trusted({ CA }: Hardware['env']): { ca?: string } {
  return CA ? { ca: readFileSync(CA, 'utf8') } : {}
}

/** A client of the server that the environment names, signed in by password or by API key. */
export function hardwareClient(
  { env, missing }: Hardware,
  system: System,
  login: 'password' | 'key' = 'password',
): TimebaseClient {
  // Skipped suites are collected as well: nobody asks the address they get.
  const url = missing ? 'http://unset.invalid' : (env.TIMEBASE ?? '')
  const tls = missing ? {} : trusted(env)
  const password = new Secret(env.PASSWORD ?? '')
  const auth =
    login === 'password'
      ? passwordAuth({ url, user: env.USER ?? '', password, ...tls }, system)
      : apiKeyAuth({ name: env.API_KEY ?? '', secret: new Secret(env.API_SECRET ?? '') }, system)
  return makeClient({ url, auth, ...tls }, system)
}

/** Deletes the streams of a run. One that never came to be is none; any other failure is told. */
export async function dropStreams(client: TimebaseClient, streams: string[]): Promise<void> {
  // It has made none.
  if (await mayOnlyRead(client)) return
  const left: string[] = []
  for (const stream of streams) {
    try {
      await client.post([stream, 'delete'], { stream })
    } catch (error) {
      if (!isError(error, 'STREAM_UNKNOWN')) left.push(`${stream} (${String(error)})`)
    }
  }
  if (left.length > 0) throw new Error(`left on ${client.url}: ${left.join(', ')}`)
}

const readers = new Map<string, Promise<boolean>>()

/** Whether the server's user may only read; asked once. */
export function mayOnlyRead(client: TimebaseClient): Promise<boolean> {
  const key = `${client.url} ${client.auth.user}`
  const known = readers.get(key)
  if (known) return known
  const asked = client.get(['writable']).then(
    () => false,
    (error) => isError(error, 'ACCESS_DENIED'),
  )
  readers.set(key, asked)
  return asked
}

/** Skips the case, and says why, where the server's user may only read. */
export async function skipReader(context: TestContext, client: TimebaseClient): Promise<void> {
  if (await mayOnlyRead(client)) context.skip(`the user ${client.auth.user} may only read`)
}

/** Runs a case; one that this bench cannot show is skipped, and says why. */
export async function skipWhereNotShown<T>(
  context: TestContext,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof NotShown) context.skip(error.message)
    throw error
  }
}

/** Removes the settings folder of a run, unless it holds what somebody's board had on it. */
export function clearHome(home: string): void {
  const kept = ['saved-partitions', 'kept-files'].map((name) => join(home, 'data', name))
  const saved = kept.filter((folder) => existsSync(folder) && readdirSync(folder).length > 0)
  if (saved.length === 0) rmSync(home, { recursive: true, force: true })
  else console.warn(`What was on the board is kept in ${saved.join(' and ')}.`)
}

function isError(error: unknown, code: string): boolean {
  return error instanceof WxError && error.code === code
}
