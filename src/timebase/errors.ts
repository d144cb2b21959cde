import { errnoOf, isAbort, WxError } from '../errors.js'

/** What an answer that is no success says, whichever of the three shapes it has. */
export interface Refusal {
  status: number
  /** OAuth2 `error`, or the simple name of the exception's class, or ''. */
  kind: string
  /** The server's own words, first line only, or ''. */
  text: string
  shape: 'oauth' | 'api' | 'page' | 'html' | 'empty' | 'other'
}

/**
 * Reads the body of a refusal: OAuth2 `{error, error_description}`, ApiError `{type, message, …}`
 * (1.1 and later), Spring Boot's page `{timestamp, status, error, path}` (before 1.1, and 404s),
 * HTML of a proxy, or nothing. Bodies may be cut: a stack trace of 10 kB says nothing more.
 */
export function readRefusal(status: number, body: string): Refusal {
  const text = body.trim()
  if (text === '') return { status, kind: '', text: '', shape: 'empty' }
  if (text.startsWith('<')) return { status, kind: '', text: '', shape: 'html' }
  const fields = looseFields(text)
  if (fields.type !== undefined)
    return { status, kind: simpleName(fields.type), text: line(fields.message), shape: 'api' }
  if (fields.error !== undefined && (fields.path !== undefined || fields.timestamp !== undefined))
    return { status, kind: '', text: line(fields.message), shape: 'page' }
  if (fields.error !== undefined)
    return { status, kind: fields.error, text: line(fields.error_description), shape: 'oauth' }
  return { status, kind: '', text: line(fields.message ?? ''), shape: 'other' }
}

type Fields = { [name: string]: string | undefined }

/** The texts of an error object, also where the object is cut off or not quite JSON. */
function looseFields(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object') {
      const texts = Object.entries(value).filter(([, one]) => typeof one === 'string')
      return Object.fromEntries(texts) as Fields
    }
    return {}
  } catch {
    // A read-only gateway sends `"error"="Write failed."`; a long body was cut before its end.
    const fields: Fields = {}
    for (const [, name = '', value = ''] of text
      .slice(0, 8000)
      .matchAll(/"(\w{1,40})"\s*[:=]\s*"((?:[^"\\]|\\.){0,2000})"/g)) {
      fields[name] ??= value
    }
    return fields
  }
}

function simpleName(className: string): string {
  return className.split('.').at(-1) ?? ''
}

function line(text: string | undefined): string {
  const first = (text ?? '').split('\n')[0]?.trim() ?? ''
  return first.length > 300 ? `${first.slice(0, 300)}…` : first
}

/** Where a request went: for the sentence that says it failed. */
export interface Target {
  /** The address the user gave. */
  server: string
  stream?: string | undefined
  /** How the request was signed in, for the hint when that is refused. */
  login?: string | undefined
}

const loginHints: { [kind: string]: string } = {
  token:
    'The token is over, or another server made it: put a fresh one into WXSTATION_TIMEBASE_TOKEN.',
  'api-key': 'Check the name of the API key and its secret: `wxstation login --api-key NAME`.',
  session: 'Check the name of the API key and its private key: `wxstation login --api-key NAME`.',
  oauth: 'WebAdmin does not trust this provider or client: check its single sign-on settings.',
}

/** One WxError for each thing a refusal can mean, by class name and status, not by sentence. */
export function refusalError(refusal: Refusal, { server, stream, login }: Target): WxError {
  const { status, kind, text, shape } = refusal
  const details = { server, status, ...(kind && { kind }), ...(text && { answer: text }) }
  const said = text ? `: ${text}` : '.'
  if (
    /^(UnknownStream|NoStreams)Exception$/.test(kind) ||
    (stream !== undefined && isUnknownStream(refusal))
  )
    return new WxError('STREAM_UNKNOWN', `There is no stream "${stream ?? ''}" on ${server}.`, {
      details: { ...details, ...(stream && { stream }) },
    })
  if (kind === 'WriteOperationsException' || (status === 403 && shape === 'other'))
    return new WxError('ACCESS_DENIED', `${server} is read-only.`, {
      details,
      hint: 'This WebAdmin runs with timebase.readonly=true; use another one to change things.',
    })
  if (status === 403 || kind === 'AccessDeniedException')
    return new WxError('ACCESS_DENIED', `${server} does not allow that to this user.`, { details })
  // API keys answer 400 in the OAuth2 shape to a wrong signature.
  if (status === 401 || (status === 400 && shape === 'oauth')) {
    const hint = loginHints[login ?? '']
    return new WxError('LOGIN_REFUSED', `${server} refused the login${said}`, {
      details,
      ...(hint && { hint }),
    })
  }
  if (kind === 'UncheckedIOException')
    return new WxError('TIMEBASE_DOWN', `WebAdmin on ${server} cannot reach TimeBase${said}`, {
      details,
    })
  if (status >= 502 && status <= 504)
    return new WxError('NETWORK_UNREACHABLE', `A proxy answers for ${server}: status ${status}.`, {
      details,
      hint: 'WebAdmin behind the proxy does not answer; check that it runs.',
    })
  if (status === 429)
    return new WxError('TIMEBASE_REFUSED', `${server} asks for fewer requests (status 429).`, {
      details,
      hint: 'Wait a while, then run the command again.',
    })
  if (status === 404 || status === 405 || (status >= 300 && status < 400) || shape === 'html')
    return new WxError('NOT_WEBADMIN', `${server} does not answer as TimeBase WebAdmin does.`, {
      details,
    })
  return new WxError('TIMEBASE_REFUSED', `${server} refused that with status ${status}${said}`, {
    details,
  })
}

/** Before 1.1 an unknown stream is a page with or without a text; POST select has an empty 404. */
function isUnknownStream({ status, shape, text }: Refusal): boolean {
  if (status === 404) return shape !== 'html'
  return status === 400 && (shape === 'empty' || (shape === 'page' && !/Exception/.test(text)))
}

const tlsCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_UNTRUSTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

const unreachable: { [code: string]: string } = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name is unknown',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'there is no network',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
}

/** True where the request cannot have reached the server, so that even a write may be repeated. */
export function neverSent(error: unknown): boolean {
  return (errnoOf(error) ?? '') in unreachable && errnoOf(error) !== 'ETIMEDOUT'
}

/** True where the server took a request and missed its deadline. */
export function isLate(error: unknown): boolean {
  return ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'].includes(errnoOf(error) ?? '')
}

/** Wraps what `system.fetch` and reading a body throw, by errno or class. */
export function transportError(error: unknown, server: string): Error {
  if (error instanceof WxError) return error
  if (isAbort(error)) return error as Error
  const code = errnoOf(error) ?? ''
  const options = { cause: error, details: { server, ...(code && { code }) } }
  if (tlsCodes.has(code))
    return new WxError('TLS_UNTRUSTED', `The certificate of ${server} is not trusted.`, options)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_'))
    return new WxError('NETWORK_UNREACHABLE', `${server} does not speak TLS.`, {
      ...options,
      hint: 'Try the address with http:// instead of https://.',
    })
  if (code.startsWith('HPE_'))
    return new WxError('NOT_WEBADMIN', `${server} does not speak HTTP.`, options)
  const reason = unreachable[code]
  if (reason)
    return new WxError('NETWORK_UNREACHABLE', `${server} cannot be reached: ${reason}.`, options)
  if (isLate(error))
    return new WxError('NO_ANSWER', `${server} took the request and then went silent.`, options)
  if (code === 'ERR_INVALID_URL' || code === 'UND_ERR_INVALID_ARG')
    return new WxError('USAGE', `"${server}" is no address of a server.`, options)
  return new WxError('NO_ANSWER', `The connection to ${server} broke before its answer.`, options)
}
