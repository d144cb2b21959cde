import { createHmac } from 'node:crypto'
import type { Signable } from './authenticator.js'

/**
 * The text that WebAdmin's API keys sign (WebAdmin 1.1, API keys): method, path and parameters in
 * the gateway's own spelling, what a session adds, and the body of a request that has one.
 */
export function signedText({ method, url, body }: Signable, sessionPart = ''): string {
  const first = new Map<string, string>()
  for (const [name, value] of url.searchParams) if (!first.has(name)) first.set(name, value)
  // Sorted by the names as they stand, before they become lower case.
  const parameters = [...first]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name.toLowerCase()}=${value}`)
    .join('&')
  const path = decodeURIComponent(url.pathname).toLowerCase()
  const signedBody = ['POST', 'PUT', 'DELETE'].includes(method) ? body : ''
  return `${method}${path}${parameters}${sessionPart}${signedBody}`
}

/** base64(HMAC-SHA384). */
export function signature(secret: string | Uint8Array, text: string): string {
  return createHmac('sha384', secret).update(text, 'utf8').digest('base64')
}
