import { WxError } from '../../errors.js'
import type { FetchOptions, System } from '../../system.js'
import { bodyText, parseJson, refusalOf, serverUrl } from '../client.js'
import { refusalError } from '../errors.js'
import { transportError } from '../transport.js'
import { providerError } from './provider-error.js'

/** An external OAuth2 provider as its discovery document describes it. */
export interface Provider {
  tokenUrl: string
  /** Where a device code is asked for; absent where the provider has no such flow. */
  deviceUrl: string | undefined
}

/** How WebAdmin says that it wants to be signed in to. */
export interface AuthInfo {
  isExternal: boolean
  configUrl: string | undefined
  clientId: string | undefined
  audience: string | undefined
}

type Tls = Pick<FetchOptions, 'ca' | 'insecure' | 'signal'>
type Fields = { [name: string]: unknown }

/** Asks WebAdmin which provider it trusts. */
export async function readAuthInfo(
  url: string,
  system: Pick<System, 'fetch'>,
  options: Tls = {},
): Promise<AuthInfo> {
  const server = serverUrl(url).href.replace(/\/$/, '')
  const info = await getJson(`${server}/api/v0/authInfo`, server, system, options).catch(
    (error: unknown): Fields => {
      // Older versions have no such page, and name no provider.
      if (error instanceof WxError && error.details.status === 404) return {}
      throw error
    },
  )
  return {
    isExternal: info.provider_type !== undefined && info.provider_type !== 'BUILT_IN_OAUTH',
    configUrl: text(info.config_url),
    clientId: text(info.client_id),
    audience: text(info.audience),
  }
}

/** Reads an OpenID discovery document; an address of an issuer gets the well-known path. */
export async function discoverProvider(
  configUrl: string,
  system: Pick<System, 'fetch'>,
  options: Tls = {},
): Promise<Provider> {
  const base = providerUrl(configUrl)
  const wellKnown = '/.well-known/openid-configuration'
  const href = base.pathname.includes('/.well-known/')
    ? base.href
    : `${base.href.replace(/\/$/, '')}${wellKnown}`
  const document = await getJson(href, base.origin, system, options).catch((error: unknown) => {
    throw providerError(error, base.origin)
  })
  const tokenUrl = endpoint(document.token_endpoint, base)
  if (tokenUrl === undefined) {
    throw new WxError('LOGIN_REFUSED', `${base.origin} does not say where tokens come from.`, {
      hint: 'Check the address of the provider: its discovery document has no token_endpoint.',
    })
  }
  return { tokenUrl, deviceUrl: endpoint(document.device_authorization_endpoint, base) }
}

function providerUrl(text: string): URL {
  try {
    return serverUrl(text)
  } catch (cause) {
    throw new WxError('USAGE', `"${text}" is no address of an OpenID provider.`, {
      hint: 'Give its issuer, for example --issuer https://id.example.org/realms/weather.',
      cause,
    })
  }
}

/** Secrets go there: an endpoint in the clear is taken only from a provider that is so itself. */
function endpoint(value: unknown, base: URL): string | undefined {
  const href = text(value)
  if (href === undefined) return undefined
  const url = URL.canParse(href, base.href) ? new URL(href, base.href) : undefined
  const isSafe =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && base.protocol === 'http:')
  return url && isSafe ? url.href : undefined
}

async function getJson(
  url: string,
  server: string,
  system: Pick<System, 'fetch'>,
  options: Tls,
): Promise<Fields> {
  try {
    const response = await system.fetch(url, {
      ...options,
      headers: { accept: 'application/json' },
    })
    if (response.status !== 200) throw refusalError(await refusalOf(response), { server })
    const value = parseJson<unknown>(await bodyText(response, 1_000_000, server), server)
    return value !== null && typeof value === 'object' ? (value as Fields) : {}
  } catch (error) {
    options.signal?.throwIfAborted()
    throw transportError(error, server)
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
