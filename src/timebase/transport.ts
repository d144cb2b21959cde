import { errnoOf, isAbort, proxyRefused, WxError } from '../errors.js'

const tlsCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
])

/** Certificates whose signer may well be trusted. */
const badCertificates: { [code: string]: { what: string; hint: string } } = {
  CERT_HAS_EXPIRED: {
    what: 'has expired',
    hint: 'Renew it at the server; if it is still good, set the clock of this computer.',
  },
  CERT_NOT_YET_VALID: {
    what: 'is not valid yet',
    hint: 'Set the clock of this computer; if it is right, the certificate begins later.',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: 'is for another name',
    hint: 'Give the address by a name that is in it, or add this name to it.',
  },
}

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
  const code = errnoOf(error) ?? ''
  return code === proxyRefused || (code in unreachable && code !== 'ETIMEDOUT')
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
  const bad = badCertificates[code]
  if (bad)
    return new WxError('TLS_UNTRUSTED', `The certificate of ${server} ${bad.what}.`, {
      ...options,
      hint: bad.hint,
    })
  if (tlsCodes.has(code))
    return new WxError('TLS_UNTRUSTED', `The certificate of ${server} is not trusted.`, options)
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_'))
    return new WxError('NETWORK_UNREACHABLE', `${server} does not speak TLS.`, {
      ...options,
      hint: 'Try the address with http:// instead of https://.',
    })
  if (code.startsWith('HPE_') || (error instanceof Error && error.name === 'HTTPParserError'))
    return new WxError('NOT_WEBADMIN', `${server} does not speak HTTP.`, options)
  if (code === proxyRefused)
    return new WxError('NETWORK_UNREACHABLE', `The proxy lets nothing through to ${server}.`, {
      ...options,
      hint: 'HTTP_PROXY and HTTPS_PROXY take a user as http://user:password@proxy:3128;\nNO_PROXY names servers that need no proxy.',
    })
  const reason = unreachable[code]
  if (reason && isElsewhere(error, server))
    return new WxError(
      'NETWORK_UNREACHABLE',
      `The proxy on the way to ${server} cannot be reached: ${reason}.`,
      {
        ...options,
        hint: 'Check HTTP_PROXY and HTTPS_PROXY; NO_PROXY names servers that need no proxy.',
      },
    )
  if (reason)
    return new WxError('NETWORK_UNREACHABLE', `${server} cannot be reached: ${reason}.`, options)
  if (isLate(error))
    return new WxError('NO_ANSWER', `${server} took the request and then went silent.`, options)
  if (code === 'ERR_INVALID_URL' || code === 'UND_ERR_INVALID_ARG')
    return new WxError('USAGE', `"${server}" is no address of a server.`, options)
  return new WxError('NO_ANSWER', `The connection to ${server} broke before its answer.`, options)
}

/** Whether it was another server that could not be reached: the proxy of the environment. */
function isElsewhere(error: unknown, server: string): boolean {
  if (!URL.canParse(server)) return false
  const url = new URL(server)
  const own = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  // Where a name has several addresses, each of them has its own error.
  const [first = error] = error instanceof AggregateError ? error.errors : []
  const { port = own, hostname = url.hostname } = first as { port?: unknown; hostname?: unknown }
  return port !== own || hostname !== url.hostname
}
