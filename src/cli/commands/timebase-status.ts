import { WxError } from '../../errors.js'
import type { Context, Result } from '../context.js'
import type { AddCommand } from '../main.js'
import { errorData, errorLines } from '../render/errors.js'
import { fact } from '../render/tables.js'
import { loginText, rightsText, streamLines, versionLines } from '../render/timebase.js'

export const addTimebaseStatus: AddCommand = (program, handle) => {
  const timebase =
    program.commands.find((command) => command.name() === 'timebase') ??
    program
      .command('timebase')
      .description('run a TimeBase of your own, and look at one')
      .helpGroup('TimeBase')
  timebase
    .command('status')
    .description('say what answers: versions, clock, login, rights and streams')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation timebase status\n  wxstation timebase status --json',
    )
    .action(handle((context) => status(context)))
}

const timebaseDown = {
  rights: { read: undefined, write: undefined },
  streams: [],
  timebaseDown: true,
}

const silences = ['NETWORK_UNREACHABLE', 'NO_ANSWER', 'ANSWER_INVALID']

/** Tells all it can find out: a refused login still leaves versions and clock. */
async function status(context: Context): Promise<Result> {
  const { system, report, signal } = context
  const { chooseLogin, clientOf } = await import('../timebase.js')
  const { makeClient } = await import('../../timebase/client.js')
  const { noAuth } = await import('../../timebase/auth/token.js')
  const { readRights, serverVersion } = await import('../../timebase/status.js')
  const login = await chooseLogin(context)
  const open = makeClient({ url: login.url, auth: noAuth(), ...login.tls }, system, report)
  const version = await serverVersion(open, system.clock, signal)
  const { kind, user } = login.auth
  const found = await readRights(clientOf(context, login), signal).catch((error: unknown) => {
    if (error instanceof WxError && error.code === 'LOGIN_REFUSED') return error
    // Before 1.1 a question for data is refused without a class that names the reason.
    if (version.connected === false && error instanceof WxError) return timebaseDown
    // The provider of the login is another server than this one.
    if (error instanceof WxError && silences.includes(error.code)) return error
    throw error
  })
  const connected = found instanceof WxError ? version.connected : !found.timebaseDown
  const shown = { ...version, connected }
  const data = { url: open.url, ...shown, login: { kind, user, profile: login.profile } }
  if (found instanceof WxError)
    return {
      data: { ...data, ...errorData(found) },
      pretty: (paint) => [
        ...versionLines(open.url, shown, paint),
        fact('Login', paint.bad(found.code === 'LOGIN_REFUSED' ? 'refused' : 'unknown')),
        ...errorLines(found, paint, { debug: false }),
      ],
      exitCode: found.exitCode,
    }
  return {
    data: { ...data, rights: found.rights, streams: found.streams },
    pretty: (paint) => [
      ...versionLines(open.url, shown, paint),
      fact('Login', `${loginText(login.auth)}: ${rightsText(found.rights)}`),
      ...(found.timebaseDown
        ? [`  ${new WxError('TIMEBASE_DOWN', '').hint}`]
        : streamLines(found.streams)),
    ],
    exitCode: found.timebaseDown ? new WxError('TIMEBASE_DOWN', '').exitCode : 0,
  }
}
