import { WxError } from '../../errors.js'
import type { Secret } from '../../secret.js'
import type { System } from '../../system.js'
import type { Authenticator } from './authenticator.js'
import { signature, signedText } from './signature.js'

export interface ApiKeyOptions {
  name: string
  secret: Secret
}

/** API keys in basic mode: every request carries its own signature, nothing expires. */
export function apiKeyAuth(
  { name, secret }: ApiKeyOptions,
  system: Pick<System, 'randomBytes'>,
): Authenticator {
  if (!/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(name))
    throw new WxError('USAGE', `"${name}" is no name of an API key.`, {
      hint: 'It goes into a header: ASCII letters, digits and marks are what it can hold.',
    })
  return {
    kind: 'api-key',
    user: name,
    async headers(request) {
      return {
        'X-Deltix-ApiKey': name,
        'X-Deltix-Signature': signature(secret.reveal(), signedText(request)),
      }
    },
    async stompHeaders() {
      const payload = Buffer.from(system.randomBytes(16)).toString('hex')
      return {
        'X-Deltix-ApiKey': name,
        'X-Deltix-Payload': payload,
        'X-Deltix-Signature': signature(secret.reveal(), stompText(name, payload)),
      }
    },
    refused: async () => false,
  }
}

/** What signs a STOMP CONNECT frame. */
export function stompText(name: string, payload: string): string {
  return `CONNECTX-Deltix-Payload=${payload}&X-Deltix-ApiKey=${name}`
}
