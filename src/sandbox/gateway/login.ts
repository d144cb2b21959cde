import { bootPage, oauthError, type Reply } from './reply.js'
import type { Tokens } from './tokens.js'
import type { User } from './users.js'

interface Form {
  method: string
  authorization: string | undefined
  /** Fields of the form and of the query string. */
  fields: URLSearchParams
}

const client = { id: 'web', secret: 'secret' }

/** POST /oauth/token: password and refresh grants with the errors of Spring's authorization server. */
export function login(form: Form, users: User[], tokens: Tokens, now: number): Reply {
  const refused = checkClient(form, now)
  if (refused) return refused
  if (form.method !== 'POST') {
    return oauthError(405, 'method_not_allowed', `Request method '${form.method}' not supported`)
  }
  const { fields } = form
  const grant = fields.get('grant_type')
  if (!grant) return oauthError(400, 'invalid_request', 'Missing grant type')
  const scope = fields.get('scope')
  if (scope && scope !== 'trust') {
    return oauthError(400, 'invalid_scope', 'Invalid scope', undefined, { scope: 'trust' })
  }
  if (grant === 'password') {
    const user = users.find(
      ({ username, password }) =>
        username === fields.get('username') && password === fields.get('password'),
    )
    if (!user) return oauthError(400, 'invalid_grant', 'Bad credentials')
    return granted(tokens.grant(user))
  }
  if (grant === 'refresh_token') return refresh(fields.get('refresh_token'), users, tokens)
  if (/^(client_credentials|authorization_code|implicit)$/.test(grant)) {
    const text = 'Unauthorized grant type'
    const challenge = `Bearer error="invalid_client", error_description="${text}"`
    return oauthError(401, 'invalid_client', text, challenge)
  }
  return oauthError(400, 'unsupported_grant_type', 'Unsupported grant type')
}

function refresh(token: string | null, users: User[], tokens: Tokens): Reply {
  if (!token) return oauthError(400, 'invalid_request', 'refresh_token parameter not provided')
  const claims = tokens.refresh(token)
  const user =
    typeof claims === 'string'
      ? undefined
      : users.find(({ username }) => username === claims.user_name)
  if (typeof claims === 'object' && user) return granted(tokens.grant(user, claims))
  const text =
    claims === 'expired'
      ? 'Invalid refresh token (expired)'
      : claims === 'access'
        ? 'Encoded token is not a refresh token'
        : 'Cannot convert access token to JSON'
  const challenge = `Bearer error="invalid_token", error_description="${text}"`
  return oauthError(401, 'invalid_token', text, challenge)
}

const granted = (body: string): Reply => ({
  status: 200,
  headers: {
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
    'Content-Type': 'application/json;charset=UTF-8',
  },
  body,
})

/** Basic beats the form; a wrong one of either kind has its own answer. */
function checkClient({ authorization, fields }: Form, now: number): Reply | undefined {
  const basic = /^basic\s+(.*)$/i.exec(authorization ?? '')?.[1]
  if (basic !== undefined) {
    const given = Buffer.from(basic, 'base64').toString()
    if (given === `${client.id}:${client.secret}`) return undefined
    return unknownClient(now)
  }
  if (!fields.has('client_id')) return unknownClient(now)
  if (fields.get('client_id') === client.id && fields.get('client_secret') === client.secret) {
    return undefined
  }
  const text = 'Bad client credentials'
  return oauthError(
    401,
    'invalid_client',
    text,
    `Form realm="oauth2/client", error="invalid_client", error_description="${text}"`,
  )
}

function unknownClient(now: number): Reply {
  const page = bootPage(401, '/oauth/token', now)
  return {
    ...page,
    headers: { 'WWW-Authenticate': 'Basic realm="oauth2/client"', ...page.headers },
  }
}
