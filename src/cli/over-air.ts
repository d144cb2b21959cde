import { enterRawRepl } from '../device/raw-repl.js'
import { openWebRepl, type WebRepl } from '../device/webrepl.js'
import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import {
  checkStation,
  parseStation,
  runningChanges,
  type SettingChange,
  type StationSettings,
} from '../station/config.js'
import { awaitTrial, checkTrial, storeCandidate } from '../station/trial.js'
import type { Context } from './context.js'
import { reportSettings } from './installed-station.js'
import { patienceOf } from './patience.js'

const settingsFile = '/station.json'

/** The settings of a station that is reached over WebREPL; it goes on measuring meanwhile. */
export async function settingsOverAir(context: Context, host: string): Promise<StationSettings> {
  return parseStation(
    await readSettings(context, host, [await webReplPassword(context)]),
    'station.json on the board',
  )
}

/**
 * Lets a station try other settings. It keeps them when it calls home with them; else the old ones
 * are back by themselves and TRIAL_FAILED says so.
 */
export async function changeOverAir(
  context: Context,
  host: string,
  change: (before: StationSettings) => StationSettings,
  dryRun: boolean,
): Promise<SettingChange[]> {
  const { report, signal, system } = context
  const patience = patienceOf(context.settings)
  const password = await webReplPassword(context)
  report({ type: 'stage', stage: 'connect' })
  const text = await readSettings(context, host, [password])
  const before = parseStation(text, 'station.json on the board')
  const after = change(before)
  checkStation(after)
  checkTrial(after)
  const changes = runningChanges(before, after)
  reportSettings(report, changes)
  if (changes.length === 0 || dryRun) return changes

  const { link } = await openWebRepl({ host, password, signal, patience }, system)
  try {
    // Not fresh: a soft reset would end the very connection it is asked for over.
    const repl = await enterRawRepl(link, { signal, report, fresh: false }, system)
    try {
      await storeCandidate(repl, after, signal)
    } finally {
      await repl.leave()
    }
  } finally {
    await link.close()
  }
  // Candidates first: on trial the station has the new password already.
  const passwords = [after.webrepl_password, password].filter((one) => one instanceof Secret)
  const kept = await awaitTrial(
    {
      candidate: after,
      patience,
      readSettings: () => readSettings(context, host, passwords),
      report,
      signal,
    },
    system,
  )
  if (kept) return changes
  throw new WxError(
    'TRIAL_FAILED',
    'The station did not call home with the new settings: it runs with the old ones again.',
    { details: { changes } },
  )
}

async function readSettings(context: Context, host: string, passwords: Secret[]): Promise<string> {
  const { link, readFile } = await openWithAny(context, host, passwords)
  try {
    return Buffer.from(await readFile(settingsFile)).toString('utf8')
  } finally {
    await link.close()
  }
}

async function openWithAny(
  context: Context,
  host: string,
  [password, ...others]: Secret[],
): Promise<WebRepl> {
  const { signal, system } = context
  try {
    const patience = patienceOf(context.settings)
    const options = { host, password: password ?? new Secret(''), signal, patience }
    return await openWebRepl(options, system)
  } catch (error) {
    const isRefused = error instanceof WxError && error.code === 'LOGIN_REFUSED'
    if (!isRefused || others.length === 0) throw error
    return openWithAny(context, host, others)
  }
}

async function webReplPassword({ settings, prompts }: Context): Promise<Secret> {
  return (
    settings.secret('webrepl.password') ??
    (await prompts.secret("The station's WebREPL password", {
      flag: 'the settings file',
      env: 'WXSTATION_WEBREPL_PASSWORD',
    }))
  )
}
