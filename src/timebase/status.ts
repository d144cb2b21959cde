import { WxError } from '../errors.js'
import type { System } from '../system.js'
import type { TimebaseClient } from './client.js'
import { listStreams, type StreamInfo } from './stream.js'

/** What the page without a login tells; every part may be absent in another version. */
export interface ServerVersion {
  gateway: string | undefined
  server: string | undefined
  /** Undefined where the version does not say it (0.5). */
  connected: boolean | undefined
  /** Server minus computer, milliseconds, to about half the time the answer took. */
  clockOffsetMs: number | undefined
  tookMs: number
}

export interface Rights {
  /** Undefined where the server could not say. */
  read: boolean | undefined
  write: boolean | undefined
}

/** The page comes from memory: what takes longer than this is no WebAdmin, or none that works. */
const pageMs = 10_000

/** Reads versions and the clock; `open` needs no login. Throws where no WebAdmin answers. */
export async function serverVersion(
  open: TimebaseClient,
  clock: System['clock'],
  signal?: AbortSignal,
): Promise<ServerVersion> {
  // The first exchange opens the connection; only the second one says how fast the server is.
  await open.get<unknown>(['v'], { signal, headersTimeoutMs: pageMs })
  const { page, clockOffsetMs, tookMs } = await readVersion(open, clock, signal)
  const timebase = object(page.timebase)
  const looksRight = 'timebase' in page || /timebase/i.test(String(page.name))
  if (!looksRight)
    throw new WxError('NOT_WEBADMIN', `${open.url} does not answer as TimeBase WebAdmin does.`)
  return {
    gateway: text(page.version),
    server: text(timebase.serverVersion),
    connected: typeof timebase.connected === 'boolean' ? timebase.connected : undefined,
    clockOffsetMs,
    tookMs: Math.round(tookMs),
  }
}

/** The page without a login as it is, and what its time says about the server's clock. */
export async function readVersion(
  client: TimebaseClient,
  clock: System['clock'],
  signal?: AbortSignal,
): Promise<{
  page: { [name: string]: unknown }
  clockOffsetMs: number | undefined
  tookMs: number
}> {
  const sentMs = clock.monotonic()
  const sentAtMs = clock.now()
  const page = object(await client.get<unknown>(['v'], { signal }))
  const tookMs = clock.monotonic() - sentMs
  const { timestamp } = page
  // The server read its clock about in the middle of the exchange.
  const clockOffsetMs =
    typeof timestamp === 'number' ? Math.round(timestamp - (sentAtMs + tookMs / 2)) : undefined
  return { page, clockOffsetMs, tookMs }
}

/** What this login may do, and the streams it sees. Throws where the login itself is refused. */
export async function readRights(
  client: TimebaseClient,
  signal?: AbortSignal,
): Promise<{ rights: Rights; streams: StreamInfo[]; timebaseDown: boolean }> {
  const write = await may(() => client.get(['writable'], { signal }))
  try {
    const streams = await listStreams(client, signal)
    return { rights: { read: true, write }, streams, timebaseDown: false }
  } catch (error) {
    if (error instanceof WxError && error.code === 'ACCESS_DENIED')
      return { rights: { read: false, write }, streams: [], timebaseDown: false }
    if (error instanceof WxError && error.code === 'TIMEBASE_DOWN')
      return { rights: { read: undefined, write }, streams: [], timebaseDown: true }
    throw error
  }
}

/** Throws where this login may only read; a version that does not know the question lets it pass. */
export async function checkMayWrite(client: TimebaseClient, signal?: AbortSignal): Promise<void> {
  const write = await may(() => client.get(['writable'], { signal }))
  if (write === false) throw new WxError('ACCESS_DENIED', `${client.url} lets this user read only.`)
}

/** True, false where it is denied, undefined where this version does not know the question. */
async function may(ask: () => Promise<unknown>): Promise<boolean | undefined> {
  try {
    return (await ask()) === true
  } catch (error) {
    if (!(error instanceof WxError) || error.code === 'LOGIN_REFUSED') throw error
    if (error.code === 'ACCESS_DENIED') return false
    if (['NOT_WEBADMIN', 'TIMEBASE_REFUSED', 'TIMEBASE_DOWN'].includes(error.code)) return undefined
    throw error
  }
}

function object(value: unknown): { [name: string]: unknown } {
  return value !== null && typeof value === 'object' ? (value as { [name: string]: unknown }) : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
