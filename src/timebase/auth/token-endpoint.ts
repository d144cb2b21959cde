import { WxError } from '../../errors.js'
import type { FetchOptions, FetchResponse, System } from '../../system.js'
import { bodyText, parseJson, refusalOf } from '../client.js'
import { type Refusal, withoutSecrets } from '../errors.js'
import { isLate, transportError } from '../transport.js'

const maxAnswerBytes = 1_000_000
/** Before the second and the third attempt: asking for a token twice does no harm. */
const pausesMs = [250, 1500]

export type Form = { [field: string]: string }
const secretFields = ['password', 'client_secret', 'refresh_token', 'device_code']

type Answer = { json: unknown } | { refusal: Refusal }

/**
 * Posts a form to an OAuth2 endpoint: the answer's JSON, or why it was refused. Asks again where
 * the connection broke or a proxy answered.
 */
export async function postForm(
  url: string,
  form: Form,
  headers: { [name: string]: string },
  system: Pick<System, 'fetch' | 'clock'>,
  options: Pick<FetchOptions, 'signal' | 'ca' | 'insecure'> = {},
): Promise<Answer> {
  const server = new URL(url).origin
  for (let attempt = 0; ; attempt++) {
    const pauseMs = pausesMs[attempt]
    try {
      const response = await system.fetch(url, {
        ...options,
        method: 'POST',
        headers: {
          ...headers,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams(form).toString(),
      })
      const answer = await read(response, server, form)
      const isPassing = 'refusal' in answer && [502, 503, 504].includes(answer.refusal.status)
      if (!isPassing || pauseMs === undefined) return answer
    } catch (error) {
      options.signal?.throwIfAborted()
      const wrapped = transportError(error, server)
      const isLost = wrapped instanceof WxError && wrapped.code === 'NO_ANSWER' && !isLate(error)
      if (!isLost || pauseMs === undefined) throw wrapped
    }
    await system.clock.sleep(pauseMs, options.signal)
  }
}

async function read(response: FetchResponse, server: string, form: Form): Promise<Answer> {
  const { status } = response
  if (status < 200 || status >= 300)
    return {
      refusal: withoutSecrets(
        await refusalOf(response),
        secretFields.map((name) => form[name]),
      ),
    }
  return { json: parseJson(await bodyText(response, maxAnswerBytes, server), server) }
}
