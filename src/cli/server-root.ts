import type { StationSettings } from '../station/config.js'
import { findRoot, type Root } from '../station/trust.js'
import type { Context } from './context.js'

/** The certificate a station with these settings needs; undefined where it needs none. */
export async function rootFor(
  { settings, system, signal }: Context,
  wish: StationSettings,
): Promise<Root | undefined> {
  const url = String(wish.timebase_url ?? '')
  if (!url.startsWith('https:') || wish.tls === 'insecure') return undefined
  const file = settings.get('timebase.ca')
  const ca = file === undefined ? undefined : await system.files.readText(file)
  const here = settings.get('timebase.url') ?? ''
  // The board's address may be one that this computer cannot reach, or a name it does not know.
  return findRoot(here.startsWith('https:') ? [url, here] : [url], ca, system, signal)
}
