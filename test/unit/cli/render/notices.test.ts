import { expect, it } from 'vitest'
import { noticeText } from '../../../../src/cli/render/notices.js'

// What a tail can lose its server by (tail.ts, isTransient), besides what is a fault of ours.
it.each([
  'NETWORK_UNREACHABLE',
  'NO_ANSWER',
  'ANSWER_INCOMPLETE',
  'ANSWER_INVALID',
  'TIMEBASE_DOWN',
  'TIMEBASE_REFUSED',
  'NOT_WEBADMIN',
  'TLS_UNTRUSTED',
  'STREAM_UNKNOWN',
])('a connection lost by %s is told in words', (reason) => {
  expect(noticeText('tail-lost', { at: '21:15:08', reason })).toMatch(
    /^lost at 21:15:08 \([A-Za-z ]+[a-z ]+\), trying again$/,
  )
})
