import { WxError } from '../../errors.js'
import type { Secret } from '../../secret.js'
import type { Authenticator } from './authenticator.js'
import { isHeaderText } from './tokens.js'

/** A ready access token, for machines that get theirs elsewhere; cannot be renewed. */
export function tokenAuth(token: Secret): Authenticator {
  const text = token
    .reveal()
    .trim()
    .replace(/^Bearer\s+/i, '')
  if (!isHeaderText(text)) {
    throw new WxError('LOGIN_REFUSED', 'The ready access token has characters no token has.', {
      hint: 'Put the bare token into WXSTATION_TIMEBASE_TOKEN.',
    })
  }
  return {
    kind: 'token',
    user: undefined,
    headers: async () => ({ authorization: `Bearer ${text}` }),
    stompHeaders: async () => ({ authorization: text }),
    refused: async () => false,
  }
}

/** For the few pages that need no login. */
export function noAuth(): Authenticator {
  return {
    kind: 'token',
    user: undefined,
    headers: async () => ({}),
    stompHeaders: async () => ({}),
    refused: async () => false,
  }
}
