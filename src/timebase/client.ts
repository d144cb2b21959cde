import { isAbort, WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { FetchResponse, System } from '../system.js'
import type { Authenticator } from './auth/authenticator.js'
import { type Refusal, readRefusal, refusalError, withoutSecrets } from './errors.js'
import { pathSegment } from './names.js'
import { isLate, neverSent, transportError } from './transport.js'

export interface ClientOptions {
  /** Address of WebAdmin as the user gave it, for example http://server:8099. */
  url: string
  auth: Authenticator
  /** Extra trusted certificates, PEM. */
  ca?: string | undefined
  insecure?: boolean | undefined
}

export interface RequestOptions {
  query?: { [name: string]: string | number | boolean | undefined } | undefined
  /** Sent as JSON. */
  body?: unknown
  /** The same, already as text. */
  text?: string | undefined
  /** May be sent again although the first one may have arrived; GET always may. */
  safe?: boolean
  /** The stream the request is about: for the error that says it is unknown. */
  stream?: string | undefined
  signal?: AbortSignal | undefined
  headersTimeoutMs?: number
  /** Takes the answer in ahead of its reader. */
  ahead?: boolean
}

/** Speaks with one WebAdmin. A path is a list of names below /api/v0, each encoded by the client. */
export interface TimebaseClient {
  readonly url: string
  readonly auth: Authenticator
  /** How the server's certificate is judged: for WebSockets. */
  readonly tls: { ca?: string; insecure?: boolean }
  /** Address of a path, for WebSockets and messages. */
  address(path: string[]): URL
  get<T>(path: string[], options?: RequestOptions): Promise<T>
  post<T>(path: string[], options?: RequestOptions): Promise<T>
  /** Resolves with an answer of status 2xx whose body the caller reads or discards. */
  request(method: 'GET' | 'POST', path: string[], options?: RequestOptions): Promise<FetchResponse>
}

/** Answers that are read whole are lists of streams, schemas and refusals: this is a ceiling. */
const maxBodyBytes = 32_000_000
const maxRefusalBytes = 65_536
/** Before the second and the third attempt of a safe request: a restart of a proxy takes seconds. */
const pausesMs = [250, 1500]

export function makeClient(
  options: ClientOptions,
  system: Pick<System, 'fetch' | 'clock'>,
  report: Report = () => {},
): TimebaseClient {
  const base = serverUrl(options.url)
  const { auth } = options
  const server = base.href.replace(/\/$/, '')
  const tls = {
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.insecure && { insecure: true }),
  }

  const address = (path: string[]): URL =>
    new URL(`${base.pathname.replace(/\/$/, '')}/api/v0/${path.map(pathSegment).join('/')}`, base)

  async function send(
    method: 'GET' | 'POST',
    url: URL,
    body: string | undefined,
    auth: { [name: string]: string },
    { signal, headersTimeoutMs, ahead }: RequestOptions,
  ): Promise<FetchResponse> {
    const startedMs = system.clock.monotonic()
    const response = await system.fetch(url.href, {
      method,
      headers: {
        ...auth,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
      ...(headersTimeoutMs !== undefined && { headersTimeoutMs }),
      ...(ahead && { ahead }),
      ...tls,
    })
    const tookMs = Math.round(system.clock.monotonic() - startedMs)
    const text = `${method} ${url.pathname}${url.search} -> ${response.status} in ${tookMs} ms`
    report({ type: 'debug', area: 'timebase', text })
    return response
  }

  async function request(
    method: 'GET' | 'POST',
    path: string[],
    options: RequestOptions = {},
  ): Promise<FetchResponse> {
    const url = address(path)
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value))
    // URLSearchParams writes a space as +, which the gateway's API keys sign differently.
    url.search = url.search.replaceAll('+', '%20')
    const body = options.text ?? jsonBody(options.body)
    const safe = options.safe ?? method === 'GET'
    let renewed = false
    for (let attempt = 0; ; attempt++) {
      let canRepeat = attempt < pausesMs.length
      const used = await auth.headers({ method, url, body: body ?? '' }, options.signal)
      let response: FetchResponse
      try {
        response = await send(method, url, body, used, options)
      } catch (error) {
        options.signal?.throwIfAborted()
        const lost = !isAbort(error) && !neverSent(error) && !(error instanceof WxError)
        // Three times 30 s of silence are more than anybody waits for.
        if (isLate(error)) canRepeat = attempt === 0
        if (!(safe && lost && canRepeat)) throw transportError(error, server)
        await system.clock.sleep(pausesMs[attempt] ?? 0, options.signal)
        continue
      }
      if (response.status >= 200 && response.status < 300) return response
      const refusal = withoutSecrets(await refusalOf(response), secretsOf(used))
      if (!renewed && isUnauthenticated(refusal, auth)) {
        renewed = true
        if (await auth.refused(used, options.signal)) {
          attempt--
          continue
        }
      }
      if (safe && canRepeat && refusal.status >= 502 && refusal.status <= 504) {
        await system.clock.sleep(pausesMs[attempt] ?? 0, options.signal)
        continue
      }
      throw refusalError(refusal, { server, stream: options.stream, login: auth.kind })
    }
  }

  async function json<T>(
    method: 'GET' | 'POST',
    path: string[],
    options: RequestOptions = {},
  ): Promise<T> {
    const safe = options.safe ?? method === 'GET'
    for (let attempt = 0; ; attempt++) {
      const response = await request(method, path, options)
      try {
        return parseJson<T>(await bodyText(response, maxBodyBytes, server), server)
      } catch (error) {
        options.signal?.throwIfAborted()
        const wrapped = transportError(error, server)
        const isLost = wrapped instanceof WxError && wrapped.code === 'NO_ANSWER'
        if (!(safe && isLost && attempt === 0)) throw wrapped
      }
    }
  }

  return {
    url: server,
    auth,
    tls,
    address,
    request,
    get: (path, options) => json('GET', path, options),
    post: (path, options) => json('POST', path, options),
  }
}

/** Checks an address typed by a person; "server:8099" is read as http://server:8099. */
export function serverUrl(text: string): URL {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`
  let url: URL | undefined
  try {
    url = new URL(withScheme)
  } catch {
    // Said below, together with addresses of another kind.
  }
  if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new WxError('USAGE', `"${text}" is no address of a server.`, {
      hint: 'Give the address of TimeBase WebAdmin, for example http://server:8099.',
    })
  }
  if (url.username || url.password) {
    throw new WxError('USAGE', 'User and password do not belong into the address of the server.', {
      hint: 'Run `wxstation login`: it keeps them in a file that only you can read.',
    })
  }
  url.search = ''
  url.hash = ''
  return url
}

/** API keys sign the text of the body, and the gateway decodes it in its own way: ASCII is safe. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function jsonBody(value: unknown): string | undefined {
  return value === undefined ? undefined : asciiJson(value)
}

/** With API keys a forgotten session or a used nonce is a 400 in the OAuth2 shape. */
function isUnauthenticated({ status, shape }: Refusal, auth: Authenticator): boolean {
  return status === 401 || (auth.kind === 'session' && status === 400 && shape === 'oauth')
}

/** Of the headers that signed a request. */
function secretsOf(used: { [name: string]: string }): string[] {
  return Object.values(used).map((value) => value.replace(/^Bearer /, ''))
}

export async function refusalOf(response: FetchResponse): Promise<Refusal> {
  return readRefusal(response.status, await refusalText(response), response.headers.location)
}

/** What a refusal says; one that breaks off or never ends still is a refusal. */
async function refusalText(response: FetchResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of response.body) {
      chunks.push(chunk)
      size += chunk.length
      if (size >= maxRefusalBytes) break
    }
  } catch {
    // The status is what counts; the text only explains it.
  }
  return Buffer.concat(chunks).subarray(0, maxRefusalBytes).toString('utf8')
}

/** A body of bounded size; a longer one ends the connection. */
export async function bodyText(
  response: FetchResponse,
  maxBytes: number,
  server: string,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxBytes)
      throw new WxError('ANSWER_INVALID', `${server} sends an answer without end.`)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export function parseJson<T>(text: string, server: string): T {
  // delete, truncate and purge answer with nothing.
  if (text.trim() === '') return undefined as T
  try {
    return JSON.parse(text) as T
  } catch (cause) {
    if (text.trimStart().startsWith('<'))
      throw new WxError('NOT_WEBADMIN', `${server} answers with a web page.`, { cause })
    if (/^[[{]/.test(text.trimStart()))
      throw new WxError('ANSWER_INCOMPLETE', `${server} sent an answer that is not whole.`, {
        cause,
      })
    throw new WxError('ANSWER_INVALID', `${server} sent an answer that is no JSON.`, { cause })
  }
}
