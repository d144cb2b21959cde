import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WxError } from '../../../src/errors.js'
import type { FetchResponse, System } from '../../../src/system.js'
import type { Authenticator } from '../../../src/timebase/auth/authenticator.js'
import { makeClient } from '../../../src/timebase/client.js'
import { weatherSchema } from '../../../src/timebase/schema.js'
import { tail } from '../../../src/timebase/tail.js'
import { tailSource } from '../../../src/timebase/tail-source.js'
import { wire } from '../../support/answers.js'
import { fakeClock } from '../../support/clock.js'

const auth: Authenticator = {
  kind: 'token',
  user: undefined,
  headers: async () => ({}),
  stompHeaders: async () => ({}),
  refused: async () => false,
}

/** A server that answers `symbols` well and every select with the next of these bodies. */
function answering(bodies: (string | Uint8Array)[], statuses: number[] = []): System['fetch'] {
  let at = 0
  return async (url): Promise<FetchResponse> => {
    const isSelect = url.endsWith('/select')
    const body = isSelect ? (bodies[at % bodies.length] ?? '[]') : '["st-1","st-2"]'
    const status = isSelect ? (statuses[at % statuses.length] ?? 200) : 200
    if (isSelect) at++
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
    return {
      status,
      headers: {},
      body: (async function* () {
        yield bytes
      })(),
      text: async () => new TextDecoder().decode(bytes),
      bytes: async () => bytes,
      discard: async () => {},
    }
  }
}

/** Follows for five virtual minutes and answers what was shown or thrown. */
async function follow(fetch: System['fetch']): Promise<{ records: number; failure: unknown }> {
  const clock = fakeClock()
  const client = makeClient({ url: 'http://tb', auth }, { fetch, clock })
  const webSocket = async (): Promise<never> => {
    throw new Error('no WebSocket here')
  }
  const source = tailSource(client, 'weather', weatherSchema.classes, { webSocket, fetch, clock })
  const stop = new AbortController()
  let records = 0
  let failure: unknown
  const done = (async () => {
    try {
      for await (const events of tail(source, { follow: true }, clock, stop.signal))
        records += events.filter(({ type }) => type === 'record').length
    } catch (error) {
      failure = error
    }
  })()
  for (let i = 0; i < 10; i++) await clock.advance(2000)
  stop.abort(new WxError('INTERRUPTED', 'over'))
  await clock.advance(0)
  await done
  return { records, failure }
}

describe('whatever a server answers', () => {
  const recorded = wire('select').flatMap(({ response }) =>
    response.body === null ? [] : [response.body],
  )

  it('a tail shows records, waits, or ends with a WxError', async () => {
    const body = fc.oneof(
      fc.constantFrom(...recorded),
      fc.json(),
      fc.string(),
      fc.tuple(fc.constantFrom(...recorded), fc.nat(2000)).map(([text, end]) => text.slice(0, end)),
      fc.constantFrom('<html>', '[', '[{}]', '[null]', '{"error":"x"}', ''),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(body, { minLength: 1, maxLength: 4 }),
        fc.array(fc.constantFrom(200, 200, 400, 401, 403, 404, 500, 502), { maxLength: 3 }),
        async (bodies, statuses) => {
          const { failure } = await follow(answering(bodies, statuses))
          if (failure !== undefined) expect(failure).toBeInstanceOf(WxError)
        },
      ),
      { numRuns: 60 },
    )
  })

  it.each(
    wire('select')
      .filter(
        ({ response, request }) => response.status === 200 && request.path.includes('/select'),
      )
      .map(({ name, response }) => [name, response.body ?? ''] as const)
      .filter(([, body]) => body.startsWith('[{') && body.endsWith(']')),
  )('the recorded %s is read as it was sent', async (_name, body) => {
    let isRecorded = true
    try {
      JSON.parse(body)
    } catch {
      // Long bodies were shortened in the recording.
      isRecorded = false
    }
    const { records, failure } = await follow(answering([body, '[]']))
    expect(failure).toMatchObject({ code: 'INTERRUPTED' })
    if (isRecorded) expect(records).toBeGreaterThan(0)
  })
})
