import type { Agent, Dispatcher } from 'undici'
import { errnoOf, proxyRefused, WxError } from '../errors.js'
import type { FetchOptions, FetchResponse, System } from '../system.js'
import { Inflow } from './inflow.js'
import { rootsAnd } from './tls.js'

const agents = new Map<string, Promise<Dispatcher>>()

/** One keep-alive pool for each way of trusting a server; proxies come from the environment. */
export function agentFor(options: Pick<FetchOptions, 'ca' | 'insecure'>): Promise<Dispatcher> {
  const key = options.insecure ? 'insecure' : (options.ca ?? '')
  let agent = agents.get(key)
  if (!agent) {
    agent = makeAgent(options)
    agents.set(key, agent)
  }
  return agent
}

async function makeAgent({
  ca,
  insecure,
}: Pick<FetchOptions, 'ca' | 'insecure'>): Promise<Dispatcher> {
  const undici = await import('undici')
  const tls = { ...(ca && { ca: rootsAnd(ca) }), ...(insecure && { rejectUnauthorized: false }) }
  const options: Agent.Options = { connect: { timeout: 10_000, ...tls }, keepAliveTimeout: 60_000 }
  const { env } = process
  // An empty variable is none: undici would take it for the answer, and the other spelling for nothing.
  const httpProxy = env.http_proxy || env.HTTP_PROXY
  const httpsProxy = env.https_proxy || env.HTTPS_PROXY
  if (!httpProxy && !httpsProxy) return new undici.Agent(options)
  // No proxy reaches this computer's own servers, whatever the user's variables leave out.
  const noProxy = [env.no_proxy || env.NO_PROXY, 'localhost', '127.0.0.1', '[::1]']
  try {
    return new undici.EnvHttpProxyAgent({
      ...options,
      ...(httpProxy && { httpProxy }),
      ...(httpsProxy && { httpsProxy }),
      noProxy: noProxy.filter(Boolean).join(','),
    })
  } catch {
    // The value may hold a password, and the cause would quote it.
    throw new WxError(
      'SETTINGS_INVALID',
      'HTTP_PROXY or HTTPS_PROXY holds no address of a proxy.',
      {
        hint: 'Write it as http://proxy:3128, or empty the variable.',
      },
    )
  }
}

/** undici calls a request aborted where it was the proxy that refused to make a way. */
function notAborted(error: unknown): unknown {
  if (errnoOf(error) !== 'UND_ERR_ABORTED') return error
  return Object.assign(new Error('The proxy refused.', { cause: error }), { code: proxyRefused })
}

export const nodeFetch: System['fetch'] = async (url, options = {}) => {
  const undici = await import('undici')
  const request = undici.request(url, {
    dispatcher: await agentFor(options),
    method: (options.method ?? 'GET') as Dispatcher.HttpMethod,
    headers: options.headers ?? {},
    ...(options.body !== undefined && { body: options.body }),
    ...(options.signal && { signal: options.signal }),
    headersTimeout: options.headersTimeoutMs ?? 30_000,
    bodyTimeout: options.bodyTimeoutMs ?? 60_000,
  })
  const response = await request.catch((error: unknown) => {
    throw options.signal?.aborted ? error : notAborted(error)
  })
  const inflow = options.ahead ? new Inflow(response.body) : undefined
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const answer: FetchResponse = {
    status: response.statusCode,
    headers,
    body: inflow ?? response.body,
    ...(inflow && { arrived: inflow.arrived }),
    text: () => response.body.text(),
    bytes: () => response.body.bytes(),
    async discard() {
      // dump() reads a short rest so that the connection can be used again.
      await response.body.dump({ limit: 16_384 })
    },
  }
  return answer
}
