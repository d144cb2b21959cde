import type { FetchOptions, System } from '../../system.js'
import { bodyText, parseJson, refusalText } from '../client.js'
import { type Refusal, readRefusal, transportError } from '../errors.js'

const maxAnswerBytes = 1_000_000

export type Form = { [field: string]: string }

/** Posts a form to an OAuth2 endpoint: the answer's JSON, or why it was refused. */
export async function postForm(
  url: string,
  form: Form,
  headers: { [name: string]: string },
  system: Pick<System, 'fetch'>,
  options: Pick<FetchOptions, 'signal' | 'ca' | 'insecure'> = {},
): Promise<{ json: unknown } | { refusal: Refusal }> {
  const server = new URL(url).origin
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
    if (response.status < 200 || response.status >= 300)
      return { refusal: readRefusal(response.status, await refusalText(response)) }
    return { json: parseJson(await bodyText(response, maxAnswerBytes, server), server) }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw transportError(error, server)
  }
}
