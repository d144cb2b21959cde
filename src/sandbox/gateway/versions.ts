import { JavaError } from './java-error.js'
import { apiError, json, oauthError, type Reply } from './reply.js'
import type { Route } from './request.js'
import { bootTime } from './time.js'

/** Lines of WebAdmin that differ on the wire (timebase-webadmin.md, section 7). */
export type GatewayVersion = '0.5' | '1.0' | '1.1'

interface Traits {
  number: string
  /** The version page tells whether TimeBase is reached. */
  saysConnected: boolean
  hasApiKeys: boolean
  /** A select shows static fields. */
  sendsStatics: boolean
  /** Signed with the key pair that every copy was shipped with: tokens outlive a restart. */
  keepsTokens: boolean
  /** Plain WebSockets ask who is there. */
  guardsSockets: boolean
  hasQuerySocket: boolean
  /** Spring Boot's page of an error tells the exception's words; 1.0.3 stopped that. */
  saysWhy: boolean
}

export const traits: Record<GatewayVersion, Traits> = {
  '0.5': {
    number: '0.5.0',
    saysConnected: false,
    hasApiKeys: false,
    sendsStatics: false,
    keepsTokens: true,
    guardsSockets: false,
    hasQuerySocket: false,
    saysWhy: true,
  },
  '1.0': {
    number: '1.0.7',
    saysConnected: true,
    hasApiKeys: true,
    sendsStatics: true,
    keepsTokens: false,
    guardsSockets: true,
    hasQuerySocket: false,
    saysWhy: false,
  },
  '1.1': {
    number: '1.1.4',
    saysConnected: true,
    hasApiKeys: true,
    sendsStatics: true,
    keepsTokens: false,
    guardsSockets: true,
    hasQuerySocket: true,
    saysWhy: false,
  },
}

export function versionPage(version: GatewayVersion, connected: boolean, now: number): Reply {
  const timebase = { clientVersion: '6.1.23', serverVersion: '6.1.23' }
  return json(
    JSON.stringify({
      name: 'Timebase Web Gateway',
      version: traits[version].number,
      timestamp: now,
      timebase: traits[version].saysConnected ? { ...timebase, connected } : timebase,
      authentication: true,
    }),
  )
}

/** Pages that 0.5 does not have yet. */
const laterPages = new Set(['GET writable', 'GET schema', 'PUT :stream/options'])

export const hasPage = (version: GatewayVersion, { method, path }: Route): boolean =>
  version !== '0.5' || !laterPages.has(`${method} ${path}`)

/** Spring's own request errors, which 1.1 answers with 500 and earlier lines with their status. */
const springStatus: Record<string, number> = {
  HttpRequestMethodNotSupportedException: 405,
  HttpMediaTypeNotSupportedException: 415,
  MissingServletRequestParameterException: 400,
  HttpMessageNotReadableException: 400,
  MethodArgumentTypeMismatchException: 400,
  // A query of nothing was nobody's class yet.
  InvalidQueryException: 500,
}

const reasons: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  415: 'Unsupported Media Type',
  500: 'Internal Server Error',
}

/** What a request that failed is told: ApiError since 1.1, Spring Boot's page before. */
export function refusal(error: unknown, version: GatewayVersion, path: string, now: number): Reply {
  if (version === '1.1' || !(error instanceof JavaError)) return apiError(error, now)
  const className = error.type.split('.').at(-1) ?? ''
  if (className === 'AccessDeniedException')
    return oauthError(403, 'access_denied', 'Access is denied')
  const status = springStatus[className] ?? error.status
  const page = { timestamp: bootTime(now), status, error: reasons[status] }
  const told = traits[version].saysWhy ? { message: error.text ?? 'No message available' } : {}
  return json(JSON.stringify({ ...page, ...told, path }), status)
}
