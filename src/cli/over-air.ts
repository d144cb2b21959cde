import { type FilePlan, shortHash } from '../device/files.js'
import { isInstaller } from '../device/install-pack.js'
import { enterRawRepl } from '../device/raw-repl.js'
import { WxError } from '../errors.js'
import { readBoot } from '../station/board.js'
import {
  checkStation,
  parseStation,
  runningChanges,
  type SettingChange,
  type StationSettings,
  soundSettings,
  stationText,
} from '../station/config.js'
import { readInventory, rememberStation } from '../station/inventory.js'
import {
  awaitTrial,
  checkTrial,
  storeCandidate,
  type TrialState,
  trialMs,
} from '../station/trial.js'
import { type AirStation, airStation } from './air-station.js'
import type { Context } from './context.js'
import { type HomeWitness, homeWitness } from './home-witness.js'
import { reportIgnored, reportSettings } from './installed-station.js'
import { patienceOf } from './patience.js'
import { rootFor } from './server-root.js'

const settingsFile = '/station.json'
const rootFile = '/ca.der'
// config.py: there from the start that tries settings until the next start, or until they are kept.
const settingsTrialMark = '/station.trying.json'
// install.py: how long new files have, and the file that is there as long as they are on trial.
const filesTrialMs = 120_000
const filesTrialMark = '/.old.boots'

/** The settings of a station that is reached over WebREPL; it goes on measuring meanwhile. */
export async function settingsOverAir(context: Context, host: string): Promise<StationSettings> {
  return settingsOf(context, await airStation(context, host))
}

async function settingsOf({ report }: Context, station: AirStation): Promise<StationSettings> {
  const text = (await station.read(settingsFile)).toString('utf8')
  const { settings, ignored } = soundSettings(parseStation(text, 'station.json on the board'))
  if (ignored.length > 0) reportIgnored(report, ignored)
  return settings
}

export interface ChangedOverAir {
  changes: SettingChange[]
  /** Where the station is now, where that became another place. */
  address?: string
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
): Promise<ChangedOverAir> {
  const { report, signal, system } = context
  const station = await airStation(context, host)
  report({ type: 'stage', stage: 'connect' })
  const before = await settingsOf(context, station)
  const after = change(before)
  checkStation(after)
  checkTrial(after)
  const changes = runningChanges(before, after)
  reportSettings(report, changes)
  await checkRoot(context, station, changes, after)
  if (changes.length === 0 || dryRun) return { changes }

  const link = await station.open()
  let mac: string
  let witness: HomeWitness
  try {
    // Not fresh: a soft reset would end the very connection it is asked for over.
    const repl = await enterRawRepl(link, { signal, report, fresh: false }, system)
    try {
      const counted = await readBoot(repl, signal)
      mac = counted.mac
      station.check(mac)
      witness = homeWitness(context, { ...counted, after })
      await storeCandidate(repl, after, signal)
    } finally {
      await repl.leave()
    }
  } finally {
    await link.close()
  }
  const wanted = stationText(after)
  const later = station.or(after.webrepl_password)
  const isKept = async (): Promise<boolean> =>
    (await later.read(settingsFile)).toString('utf8') === wanted
  const look = async (): Promise<TrialState> => {
    if (await isKept()) return 'kept'
    if (await later.has(settingsTrialMark)) return 'open'
    // Kept in this moment, or over; a board that was lost raises.
    return (await isKept()) ? 'kept' : 'reverted'
  }
  const trial = { look, witness, trialMs: trialMs(after), what: 'settings', details: { changes } }
  await settle(context, trial)
  return { changes, ...(await moved(context, station, mac, witness)) }
}

/** No certificate comes along with settings: a server that the board cannot verify is no trial. */
async function checkRoot(
  context: Context,
  station: AirStation,
  changes: SettingChange[],
  after: StationSettings,
): Promise<void> {
  const isOther = changes.some(({ name }) => name === 'timebase_url' || name === 'tls')
  const root = isOther ? await rootFor(context, after) : undefined
  if (!root) return
  if ((await station.has(rootFile)) && (await station.read(rootFile)).equals(root.der)) return
  throw new WxError('SETTINGS_INVALID', 'The station has not got the certificate of that server.', {
    hint: '`wxstation provision --host` with --board-url brings it along, and so does the cable.',
  })
}

/** Notes where a station is after a trial; the answer tells it where that is news. */
async function moved(
  { system, report }: Context,
  station: AirStation,
  mac: string,
  witness: HomeWitness | undefined,
): Promise<{ address?: string }> {
  const address = witness?.address() ?? station.address
  const known = (await readInventory(system)).find((one) => one.mac === mac)
  if (known && known.address !== address) await rememberStation(system, { ...known, address })
  if (address === station.address) return {}
  report({ type: 'notice', notice: 'station-moved', values: { address } })
  return { address }
}

/**
 * Waits until a station has kept the files that were put onto it on trial. Throws TRIAL_FAILED where
 * it is back with the old ones.
 */
export async function awaitFiles(
  context: Context,
  station: AirStation,
  plan: FilePlan,
  { mac, witness }: { mac: string; witness: HomeWitness | undefined },
): Promise<void> {
  // install.py goes first, alone, and stays whatever comes of the others.
  const news = [...plan.change, ...plan.add].filter((file) => !isInstaller(file))
  const [smallest] = news.sort((a, b) => a.data.length - b.data.length)
  const gone = plan.remove[0]
  const hasNew = async (): Promise<boolean> => {
    if (!smallest) return gone === undefined || !(await station.has(`/${gone}`))
    return shortHash(await station.read(`/${smallest.name}`)) === shortHash(smallest.data)
  }
  const look = async (): Promise<TrialState> => {
    if (!(await hasNew())) return 'reverted'
    // A board that is lost answers like one without that file: only a second look is sure.
    if (await station.has(filesTrialMark)) return 'open'
    return (await hasNew()) ? 'kept' : 'reverted'
  }
  await settle(context, { look, witness, trialMs: filesTrialMs, what: 'files' })
  await moved(context, station, mac, witness)
}

/** A station that was asked at its prompt starts again: done when it answers. */
export async function awaitBack(context: Context, station: AirStation): Promise<void> {
  const look = async (): Promise<TrialState> => {
    await station.read(settingsFile)
    return 'kept'
  }
  await settle(context, { look, trialMs: 0, what: 'settings' })
}

async function settle(
  context: Context,
  trial: {
    look: () => Promise<TrialState>
    witness?: HomeWitness | undefined
    trialMs: number
    what: string
    details?: Record<string, unknown>
  },
): Promise<void> {
  const { report, signal, system, settings } = context
  const { look, what, details } = trial
  const patience = patienceOf(settings)
  const { witness } = trial
  const calledHome = witness && (() => witness.calledHome())
  const options = { look, calledHome, trialMs: trial.trialMs, patience, report, signal }
  if (await awaitTrial(options, system)) return
  throw new WxError(
    'TRIAL_FAILED',
    `The station did not call home with the new ${what}: it runs with the old ones again.`,
    { ...(details && { details }) },
  )
}
