import { WxError } from '../errors.js'

/** What an answer that is no success says, whichever of the three shapes it has. */
export interface Refusal {
  status: number
  /** OAuth2 `error`, or the simple name of the exception's class, or ''. */
  kind: string
  /** The server's own words, first line only, or ''. */
  text: string
  shape: 'oauth' | 'api' | 'page' | 'html' | 'empty' | 'other'
  /** Where a redirect leads to. */
  location?: string | undefined
}

/**
 * Reads the body of a refusal: OAuth2 `{error, error_description}`, ApiError `{type, message, …}`
 * (1.1 and later), Spring Boot's page `{timestamp, status, error, path}` (before 1.1, and 404s),
 * HTML of a proxy, or nothing. Bodies may be cut: a stack trace of 10 kB says nothing more.
 */
export function readRefusal(status: number, body: string, location?: string): Refusal {
  if (location !== undefined && status >= 300 && status < 400)
    return { status, kind: '', text: '', shape: 'other', location }
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
  return { status, kind: '', text: line(fields.message ?? text), shape: 'other' }
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

/** A JSON web token: some versions repeat the one they refuse. */
const webToken = /\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g
const dots = '••••••'

function line(text: string | undefined): string {
  const first = (text ?? '').split('\n')[0]?.trim().replace(webToken, dots) ?? ''
  return first.length > 300 ? `${first.slice(0, 300)}…` : first
}

/** The same without what was sent in confidence, where the server repeats it. */
export function withoutSecrets(refusal: Refusal, secrets: (string | undefined)[]): Refusal {
  const text = secrets.reduce<string>(
    // A shorter one may be a word of the sentence.
    (said, secret) => (secret && secret.length >= 6 ? said.replaceAll(secret, dots) : said),
    refusal.text,
  )
  return { ...refusal, text }
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
  // WebAdmin itself never answers so.
  if (status === 403 && shape === 'html')
    return new WxError('NETWORK_UNREACHABLE', `A proxy answers for ${server}: status 403.`, {
      details,
      hint: 'Ask whoever runs that proxy or firewall to let requests to WebAdmin through.',
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
  if (refusal.location !== undefined) return redirected(refusal.location, server, details)
  if (status === 404 || status === 405 || (status >= 300 && status < 400) || shape === 'html')
    return new WxError('NOT_WEBADMIN', `${server} does not answer as TimeBase WebAdmin does.`, {
      details,
    })
  return new WxError('TIMEBASE_REFUSED', `${server} refused that with status ${status}${said}`, {
    details,
  })
}

/** A proxy that wants https, or another name; or one that signs people in first. */
function redirected(location: string, server: string, details: Record<string, unknown>): WxError {
  const target = URL.canParse(location, server) ? new URL(location, server) : undefined
  if (!target) return new WxError('NOT_WEBADMIN', `${server} redirects to nowhere.`, { details })
  // Parameters may hold a ticket of the login.
  const href = `${target.origin}${target.pathname}`
  const base = /^(.*?)\/(api\/v0|oauth\/token|session\/login)(\/|$)/.exec(href)?.[1]
  return new WxError('NOT_WEBADMIN', `${server} redirects to ${href}.`, {
    details: { ...details, location: href },
    hint:
      base === undefined || base === server
        ? 'Something in between signs people in: give an address that leads past it.'
        : `Give ${base} as the address of TimeBase WebAdmin.`,
  })
}

/** Before 1.1 an unknown stream is a page with or without a text; POST select has an empty 404. */
function isUnknownStream({ status, shape, text }: Refusal): boolean {
  if (status === 404) return shape !== 'html'
  return status === 400 && (shape === 'empty' || (shape === 'page' && !/Exception/.test(text)))
}
