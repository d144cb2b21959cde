import { WxError } from '../../errors.js'
import type { Refusal } from '../errors.js'

const hint = 'Check its address: it has to serve /.well-known/openid-configuration.'

/** Says of a provider what the client's errors say of WebAdmin. */
export function providerError(error: unknown, server: string): unknown {
  if (!(error instanceof WxError)) return error
  const { code, message, details, cause } = error
  switch (code) {
    case 'NOT_WEBADMIN':
    case 'ANSWER_INVALID':
    case 'ANSWER_INCOMPLETE':
      return noProvider({ server, ...details }, error)
    case 'NETWORK_UNREACHABLE':
      return typeof details.status === 'number' ? cannotAnswer(server, details.status) : error
    case 'NO_ANSWER':
      return new WxError(code, message, { hint: 'Try again in a while.', details, cause })
    default:
      return error
  }
}

/** What the provider's refusal means. `secret`: the login has one to be checked. */
export function providerRefusal(
  { kind, text, status, shape }: Refusal,
  server: string,
  { secret = false } = {},
): WxError {
  const details = { server, status, ...(kind && { kind }), ...(text && { answer: text }) }
  const refused = (message: string, hint: string): WxError =>
    new WxError('LOGIN_REFUSED', message, { hint, details })
  if (kind === 'expired_token') return codeIsOver(details)
  if (kind === 'access_denied')
    return refused(
      `The login was denied at ${server}.`,
      'Run the command again, and allow it in the browser as a user who may sign in.',
    )
  if (status >= 500 || status === 429) return cannotAnswer(server, status, details)
  if (shape !== 'oauth') return noProvider(details)
  const what = secret ? 'the client id and its secret' : 'the client id'
  return refused(
    `${server} refused the login: ${text || kind}`,
    `Check ${what}, and the grants, scopes and audience it may have.`,
  )
}

/** No word of the provider about the login: what stands there now may be gone in a while. */
function noProvider(details: { server: string }, cause?: unknown): WxError {
  const message = `${details.server} does not answer as an OpenID provider does.`
  return new WxError('ANSWER_INVALID', message, { hint, details, cause })
}

function cannotAnswer(server: string, status: number, details = {}): WxError {
  return new WxError('NETWORK_UNREACHABLE', `${server} answers with status ${status}.`, {
    hint: 'The provider of the login cannot answer now: try again in a while.',
    details: { server, status, ...details },
  })
}

export function codeIsOver(details: Record<string, unknown> = {}): WxError {
  return new WxError('LOGIN_REFUSED', 'The code was not entered in time.', {
    hint: 'Run the command again and enter the new code.',
    details,
  })
}
