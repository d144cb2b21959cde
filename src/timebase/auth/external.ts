import { WxError } from '../../errors.js'
import type { Report } from '../../events.js'
import type { Secret } from '../../secret.js'
import type { System } from '../../system.js'
import type { Refusal } from '../errors.js'
import type { Authenticator } from './authenticator.js'
import type { Provider } from './provider.js'
import { renewingTokens } from './renewing.js'
import { type Form, postForm } from './token-endpoint.js'
import { memoryTokens, parseTokens, type TokenStore, type Tokens } from './tokens.js'

export interface ExternalOptions {
  provider: Provider
  clientId: string
  /** With a secret the program itself signs in (client credentials), without one a person does. */
  clientSecret?: Secret | undefined
  scope?: string | undefined
  ca?: string | undefined
  insecure?: boolean | undefined
  store?: TokenStore
  /** Whether a person is there to type a device code; otherwise a lost login is an error. */
  canAsk?: boolean
}

type Parts = Pick<System, 'fetch' | 'clock'>

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8628: five seconds where the provider names no interval, and five more when told to slow down. */
const intervalSeconds = 5

/** Signs in at an external OAuth2 provider, whose tokens WebAdmin trusts. */
export function externalAuth(
  options: ExternalOptions,
  system: Parts,
  report: Report = () => {},
): Authenticator {
  const { provider, clientId, clientSecret } = options
  const server = new URL(provider.tokenUrl).origin
  const tls = {
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.insecure && { insecure: true }),
  }
  const post = (url: string, form: Form, signal?: AbortSignal) =>
    postForm(url, form, {}, system, { ...tls, ...(signal && { signal }) })
  const client: Form = {
    client_id: clientId,
    ...(clientSecret && { client_secret: clientSecret.reveal() }),
  }
  const wanted: Form = {
    ...(options.scope && { scope: options.scope }),
    ...(provider.audience && { audience: provider.audience }),
  }
  const grant = async (form: Form, signal?: AbortSignal): Promise<Tokens | Refusal> => {
    const answer = await post(provider.tokenUrl, { ...form, ...client }, signal)
    return 'refusal' in answer
      ? answer.refusal
      : parseTokens(answer.json, system.clock.now(), server)
  }

  async function byDevice(signal?: AbortSignal): Promise<Tokens> {
    const { deviceUrl } = provider
    if (deviceUrl === undefined)
      throw new WxError('LOGIN_REFUSED', `${server} offers no login by device code.`, {
        hint: 'Use client credentials (--client-id, --client-secret-stdin) or a ready token.',
      })
    // openid and offline_access: without them most providers give no refresh token.
    const scope = options.scope ?? 'openid offline_access'
    const asked = await post(deviceUrl, { ...wanted, scope, client_id: clientId }, signal)
    if ('refusal' in asked) throw refused(asked.refusal, server)
    const code = deviceCode(asked.json, server)
    report({
      type: 'notice',
      notice: 'device-code',
      values: { uri: code.uri, code: code.userCode, ...(code.whole && { whole: code.whole }) },
    })
    const endMs = system.clock.monotonic() + code.expiresSeconds * 1000
    let pause = code.intervalSeconds
    while (system.clock.monotonic() < endMs) {
      await system.clock.sleep(pause * 1000, signal)
      const form = { grant_type: deviceGrant, device_code: code.deviceCode }
      const answer = await grant(form, signal)
      if ('access' in answer) return answer
      if (answer.kind === 'slow_down') pause += intervalSeconds
      else if (answer.kind !== 'authorization_pending') throw refused(answer, server)
    }
    throw new WxError('LOGIN_REFUSED', 'The code was not entered in time.', {
      hint: 'Run the command again and enter the new code.',
    })
  }

  return renewingTokens({
    kind: 'oauth',
    user: clientSecret ? clientId : undefined,
    store: options.store ?? memoryTokens(),
    clock: system.clock,
    async refresh(refresh, signal) {
      const answer = await grant({ grant_type: 'refresh_token', refresh_token: refresh }, signal)
      if (!('access' in answer)) return undefined
      // A provider that does not rotate refresh tokens sends none: the old one stays good.
      return { ...answer, refresh: answer.refresh ?? refresh }
    },
    async signIn(signal) {
      if (clientSecret) {
        const answer = await grant({ grant_type: 'client_credentials', ...wanted }, signal)
        if ('access' in answer) return answer
        throw refused(answer, server)
      }
      if (options.canAsk) return byDevice(signal)
      throw new WxError('LOGIN_REFUSED', `The login at ${server} is over.`, {
        hint: 'Run `wxstation login --sso` on a terminal once more.',
      })
    },
  })
}

function refused({ kind, text, status }: Refusal, server: string): WxError {
  const said = text || kind || `status ${status}`
  return new WxError('LOGIN_REFUSED', `${server} refused the login: ${said}`, {
    details: { server, status, ...(kind && { kind }) },
    hint: 'Check the client id and what the provider allows it: grants, scopes, audience.',
  })
}

interface DeviceCode {
  deviceCode: string
  userCode: string
  uri: string
  /** The address with the code in it, where the provider gives one. */
  whole: string | undefined
  intervalSeconds: number
  expiresSeconds: number
}

function deviceCode(json: unknown, server: string): DeviceCode {
  const fields = (json ?? {}) as { [name: string]: unknown }
  const { device_code: code, user_code: userCode, verification_uri_complete: whole } = fields
  // Some providers still use the draft's name.
  const uri = fields.verification_uri ?? fields.verification_url
  if (typeof code !== 'string' || typeof userCode !== 'string' || typeof uri !== 'string')
    throw new WxError('LOGIN_REFUSED', `${server} sent no device code.`)
  const seconds = (value: unknown, otherwise: number): number => {
    const number = Number(value)
    return Number.isFinite(number) && number > 0 ? number : otherwise
  }
  return {
    deviceCode: code,
    userCode,
    uri,
    whole: typeof whole === 'string' ? whole : undefined,
    intervalSeconds: seconds(fields.interval, intervalSeconds),
    expiresSeconds: seconds(fields.expires_in, 600),
  }
}
