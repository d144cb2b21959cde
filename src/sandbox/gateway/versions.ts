import { JavaError } from './java-error.js'
import { apiError, json, oauthError, type Reply } from './reply.js'
import { bootTime } from './time.js'

/** Lines of WebAdmin that differ on the wire (timebase-webadmin.md, section 7). */
export type GatewayVersion = '0.5' | '1.0' | '1.1'

const numbers: Record<GatewayVersion, string> = { '0.5': '0.5.0', '1.0': '1.0.7', '1.1': '1.1.4' }

export function versionPage(version: GatewayVersion, connected: boolean, now: number): Reply {
  const timebase = { clientVersion: '6.1.23', serverVersion: '6.1.23' }
  return json(
    JSON.stringify({
      name: 'Timebase Web Gateway',
      version: numbers[version],
      timestamp: now,
      timebase: version === '0.5' ? timebase : { ...timebase, connected },
      authentication: true,
    }),
  )
}

/** Whether this line has the page that tells whether the user may write. */
export const hasWritable = (version: GatewayVersion): boolean => version !== '0.5'

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
  // 1.0.3 stopped telling the exception's words.
  const told = version === '0.5' ? { message: error.text ?? 'No message available' } : {}
  return json(JSON.stringify({ ...page, ...told, path }), status)
}
