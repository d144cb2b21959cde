import { expect, it } from 'vitest'
import { postForm } from '../../../src/timebase/auth/token-endpoint.js'
import { type Answer, coded, scripted } from '../../support/answers.js'
import { fakeClock } from '../../support/clock.js'

const form = { grant_type: 'refresh_token', refresh_token: 'refresh-1' }
const good: Answer = { body: '{"access_token":"a"}' }
const proxy: Answer = { status: 502, body: '<html>' }
const lost: Answer = { fails: coded('ECONNRESET') }
const late: Answer = { fails: coded('UND_ERR_HEADERS_TIMEOUT') }

/** What comes of it, and how often it was asked. */
async function post(answers: Answer[]): Promise<[unknown, number]> {
  const script = scripted(answers)
  const system = { ...script, clock: { ...fakeClock(), sleep: async () => {} } }
  const result = await postForm('http://server:8099/oauth/token', form, {}, system).catch(
    (error: unknown) => error,
  )
  return [result, script.sent.length]
}

it.each<[string, Answer[]]>([
  ['the connection broke', [lost, good]],
  ['the answer broke off', [{ chunks: ['{"acc'], breaks: coded('ECONNRESET') }, good]],
  ['a proxy answered', [proxy, proxy, good]],
])('is asked again where %s', async (_what, answers) => {
  expect(await post(answers)).toEqual([{ json: { access_token: 'a' } }, answers.length])
})

it('gives up after three attempts, and at once where the server is late', async () => {
  expect(await post([proxy, proxy, proxy])).toMatchObject([{ refusal: { status: 502 } }, 3])
  expect(await post([lost, lost, lost])).toMatchObject([{ code: 'NO_ANSWER' }, 3])
  expect(await post([late])).toMatchObject([{ code: 'NO_ANSWER' }, 1])
  expect(await post([{ fails: coded('ECONNREFUSED') }])).toMatchObject([{}, 1])
})

it('keeps what was sent in confidence out of what the server says to it', async () => {
  const body = { error: 'invalid_grant', error_description: 'Invalid refresh token: refresh-1' }
  const [result] = await post([{ status: 400, body: JSON.stringify(body) }])
  expect(result).toMatchObject({ refusal: { text: 'Invalid refresh token: ••••••' } })
})
