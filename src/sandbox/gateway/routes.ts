import { chartingRoutes } from './charting-api.js'
import { exportRoutes } from './export-api.js'
import { filterRoutes } from './filter-api.js'
import { type JavaError, wrongMethod } from './java-error.js'
import { optionRoutes } from './options-api.js'
import { queryRoutes } from './query-api.js'
import type { Route } from './request.js'
import { selectRoutes } from './select-api.js'
import { streamRoutes } from './streams-api.js'
import { type GatewayVersion, hasPage } from './versions.js'
import { writeRoutes } from './write-api.js'

const routes: { route: Route; segments: string[] }[] = [
  ...streamRoutes,
  ...optionRoutes,
  ...writeRoutes,
  ...selectRoutes,
  ...queryRoutes,
  ...filterRoutes,
  ...exportRoutes,
  ...chartingRoutes,
].map((route) => ({ route, segments: route.path.split('/') }))

export type Found =
  | { route: Route; path: Record<string, string> }
  | { error: JavaError }
  | undefined

/** The handler of a path below /api/v0; an error where the path is known and the method is not. */
export function findRoute(method: string, pathname: string, version: GatewayVersion): Found {
  const parts = pathname.slice('/api/v0/'.length).split('/').map(decoded)
  let isKnown = false
  let best: { route: Route; path: Record<string, string> } | undefined
  for (const { route, segments } of routes) {
    const path = match(segments, parts)
    if (!path || !hasPage(version, route)) continue
    isKnown = true
    // A literal path beats a stream of the same name.
    const isBetter = !best || Object.keys(path).length < Object.keys(best.path).length
    if ((route.method === method || (method === 'HEAD' && route.method === 'GET')) && isBetter) {
      best = { route, path }
    }
  }
  if (best) return best
  return isKnown ? { error: wrongMethod(method) } : undefined
}

function match(segments: string[], parts: string[]): Record<string, string> | undefined {
  if (segments.length !== parts.length) return undefined
  const path: Record<string, string> = {}
  for (const [i, segment] of segments.entries()) {
    const part = parts[i] ?? ''
    if (segment.startsWith(':')) path[segment.slice(1)] = part
    else if (segment !== part) return undefined
  }
  return path
}

/** A broken escape is left as it is: no stream has such a name. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
