import { flashNotices } from './flash.js'
import { provisionNotices } from './provision.js'
import { roundText, summaryText, type TailSummary } from './tail.js'
import { timeText } from './times.js'

type Values = Record<string, string | number | boolean>

const texts: Record<string, (values: Values) => string> = {
  'probe-resets': ({ port }) => `Probing ${port}: this resets the board.`,
  ...provisionNotices,
  ...flashNotices,
  'compose-file-edited': ({ name }) => `${name} was edited and is kept; --force overwrites it.`,
  'password-waits': ({ file }) =>
    `The administrator's password was not shown yet: the next \`timebase up\` shows it; until then it is in ${file}.`,
  'export-range-kept': ({ from, to }) => {
    const first = from === undefined ? '' : ` from ${timeText(Number(from))}`
    const last = to === undefined ? '' : ` to ${timeText(Number(to))}`
    return `An interrupted export goes on with its own range,${first}${last} UTC.`
  },
  'device-code': ({ uri, code, whole }) =>
    `Open ${whole ?? uri} in a browser and enter the code ${code}; waiting for it…`,
  'login-overruled': ({ profile }) =>
    `environment or settings name another login, and commands go on with that: --profile ${profile} takes this one`,
  'tail-unmet': ({ stations }) => `no record of ${stations} so far`,
  'tail-lost': ({ at, reason }) =>
    `lost at ${at} (${lostReasons[String(reason)] ?? reason}), trying again`,
  'tail-back': ({ afterMs }) => `back after ${roundText(Number(afterMs))}, going on where it was`,
  'tail-polling': ({ reason }) =>
    `live connection ${pollingReasons[String(reason)] ?? 'blocked'} (WebSocket /stomp/v0): asking the server every second instead`,
}

/** A sentence for each notice a task can give; an unknown one shows its name and values. */
export function noticeText(notice: string, values: Values): string {
  const own = texts[notice]
  if (own) return own(values)
  const details = Object.entries(values).map(([name, value]) => `${name} ${value}`)
  return [notice, ...details].join(', ')
}

const pollingReasons: Record<string, string> = {
  BELL_DEAF: 'silent although records arrive',
  // Requests go on: it is the kind of login that has none.
  LOGIN_REFUSED: 'not made for session keys',
}

const lostReasons: Record<string, string> = {
  NETWORK_UNREACHABLE: 'connection broke',
  NO_ANSWER: 'no answer',
  ANSWER_INCOMPLETE: 'answer broke off',
  ANSWER_INVALID: 'answer made no sense',
  TIMEBASE_DOWN: 'TimeBase is down',
  TIMEBASE_REFUSED: 'the server refused',
  NOT_WEBADMIN: 'something else answered than TimeBase WebAdmin',
  TLS_UNTRUSTED: 'its certificate is not trusted',
  STREAM_UNKNOWN: 'the stream is gone',
}

/** The last line of a command that streams. */
export const summaryTexts: Record<'tail', (values: Record<string, number>) => string> = {
  tail: (values) => summaryText(values as unknown as TailSummary),
}
