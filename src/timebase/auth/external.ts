import { WxError } from '../../errors.js'
import type { Report } from '../../events.js'
import type { Secret } from '../../secret.js'
import type { System } from '../../system.js'
import type { Authenticator } from './authenticator.js'
import type { Provider } from './provider.js'
import { codeIsOver, providerError, providerRefusal } from './provider-error.js'
import { renewingTokens } from './renewing.js'
import { type Form, postForm } from './token-endpoint.js'
import { memoryTokens, parseTokens, type TokenStore, type Tokens } from './tokens.js'

export interface ExternalOptions {
  /** Finds the provider, where it is first needed: a kept token does without. */
  discover(signal: AbortSignal): Promise<Provider>
  clientId: string
  /** With a secret the program itself signs in (client credentials), without one a person does. */
  clientSecret?: Secret | undefined
  scope?: string | undefined
  audience?: string | undefined
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
/** What may have passed when the code is asked about again. */
const passing = new Set(['NO_ANSWER', 'NETWORK_UNREACHABLE'])

/** Signs in at an external OAuth2 provider, whose tokens WebAdmin trusts. */
export function externalAuth(
  options: ExternalOptions,
  system: Parts,
  report: Report = () => {},
): Authenticator {
  const { clientId, clientSecret } = options
  const tls = {
    ...(options.ca !== undefined && { ca: options.ca }),
    ...(options.insecure && { insecure: true }),
  }
  let found: Provider | undefined
  const provider = async (signal: AbortSignal): Promise<Provider> => {
    found ??= await options.discover(signal)
    return found
  }
  const post = async (url: string, form: Form, signal: AbortSignal) => {
    try {
      return await postForm(url, form, {}, system, { ...tls, signal })
    } catch (error) {
      throw providerError(error, new URL(url).origin)
    }
  }
  const client: Form = {
    client_id: clientId,
    ...(clientSecret && { client_secret: clientSecret.reveal() }),
  }
  const wanted: Form = {
    ...(options.scope && { scope: options.scope }),
    ...(options.audience && { audience: options.audience }),
  }
  const grant = async (form: Form, signal: AbortSignal): Promise<Tokens | WxError> => {
    const { tokenUrl } = await provider(signal)
    const server = new URL(tokenUrl).origin
    const answer = await post(tokenUrl, { ...form, ...client }, signal)
    if ('refusal' in answer)
      return providerRefusal(answer.refusal, server, { secret: clientSecret !== undefined })
    try {
      return parseTokens(answer.json, system.clock.now(), server)
    } catch (error) {
      throw providerError(error, server)
    }
  }

  async function byDevice(signal: AbortSignal): Promise<Tokens> {
    const { deviceUrl, tokenUrl } = await provider(signal)
    const server = new URL(tokenUrl).origin
    if (deviceUrl === undefined)
      throw new WxError('LOGIN_REFUSED', `${server} offers no login by device code.`, {
        hint: 'Use client credentials (--client-id, --client-secret-stdin) or a ready token.',
      })
    // openid and offline_access: without them most providers give no refresh token.
    const scope = options.scope ?? 'openid offline_access'
    const asked = await post(deviceUrl, { ...wanted, scope, client_id: clientId }, signal)
    if ('refusal' in asked) throw providerRefusal(asked.refusal, server)
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
      const answer = await grant(form, signal).catch((error: unknown) => {
        signal.throwIfAborted()
        if (error instanceof WxError) return error
        throw error
      })
      if (!(answer instanceof WxError)) return answer
      if (answer.details.kind === 'authorization_pending') continue
      // The person may be typing the code while the network is away: it is asked for less often.
      if (answer.details.kind !== 'slow_down' && !passing.has(answer.code)) throw answer
      pause += intervalSeconds
    }
    throw codeIsOver()
  }

  return renewingTokens({
    kind: 'oauth',
    user: clientSecret ? clientId : undefined,
    store: options.store ?? memoryTokens(),
    clock: system.clock,
    forgetsTokens: false,
    async refresh(refresh, signal) {
      const answer = await grant({ grant_type: 'refresh_token', refresh_token: refresh }, signal)
      // A provider that does not rotate refresh tokens sends none: the old one stays good.
      if (!(answer instanceof WxError)) return { ...answer, refresh: answer.refresh ?? refresh }
      // Only the provider's own word ends a login: a proxy that answers for it does not.
      if (answer.code !== 'LOGIN_REFUSED' || answer.details.kind === undefined) throw answer
      return undefined
    },
    async signIn(signal, isUnderWay) {
      if (!clientSecret && options.canAsk && !isUnderWay) return byDevice(signal)
      const { origin } = new URL((await provider(signal)).tokenUrl)
      if (!clientSecret && isUnderWay)
        throw new WxError('LOGIN_REFUSED', `The login at ${origin} is over.`, {
          hint: 'Run `wxstation login --sso` once more, then this command again.',
        })
      if (!clientSecret)
        throw new WxError('LOGIN_REFUSED', `${origin} wants a person to sign in.`, {
          hint: 'Run `wxstation login --sso` on a terminal; a machine signs in\nwith --client-id and --client-secret-stdin.',
        })
      const answer = await grant({ grant_type: 'client_credentials', ...wanted }, signal)
      if (answer instanceof WxError) throw answer
      return answer
    },
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
