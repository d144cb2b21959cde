import { shortHash } from '../device/files.js'
import type { Repl } from '../device/repl.js'
import { isAbort, WxError } from '../errors.js'
import type { Report } from '../events.js'
import { Secret } from '../secret.js'
import type { System } from '../system.js'
import { type StationSettings, stationText } from './config.js'
import { stationRules } from './rules.js'

/** What a look at a station shows: it keeps the new, has the old back, or cannot be told yet. */
export type TrialState = 'kept' | 'reverted' | 'open'

export interface TrialOptions {
  /** Looks without stopping the station; raises while it is away. */
  look: () => Promise<TrialState>
  /** Asked while the station is away: TimeBase may have heard of the start that was the trial. */
  calledHome?: (() => Promise<boolean>) | undefined
  /** How long the station tries. */
  trialMs: number
  /** Factor on what the station may take beyond the trial itself; 1 unless told. */
  patience?: number | undefined
  report?: Report
  signal?: AbortSignal | undefined
}

// A look every 5 s: each is a login, and the station has other work.
const pollMs = 5000
// Reset, start and Wi-Fi at both ends of a trial, each 15 s.
const startsMs = 30_000
// An access point that was away for a moment: the station joins again within two rounds.
const goneMs = 120_000

/**
 * Throws SETTINGS_INVALID for settings with which a trial could not succeed, or after which nobody
 * gets in over the air any more.
 */
export function checkTrial(candidate: StationSettings): void {
  const fail = (message: string): never => {
    throw new WxError('SETTINGS_INVALID', message, {
      hint: 'Change this over the cable, with --port.',
    })
  }
  if (!candidate.timebase_url)
    fail('Without "timebase_url" the station cannot call home, which is what a trial waits for.')
  if (!Array.isArray(candidate.networks) || candidate.networks.length === 0)
    fail('Without any network the station could not call home, which is what a trial waits for.')
  const password = candidate.webrepl_password
  if (!(password instanceof Secret) || password.isEmpty)
    fail('Without "webrepl_password" the station could not be reached over the air any more.')
}

/** Puts settings beside the ones in use: the next start, and that one only, takes them. */
export async function storeCandidate(
  repl: Repl,
  candidate: StationSettings,
  signal?: AbortSignal,
): Promise<void> {
  const data = Buffer.from(stationText(candidate))
  const code = `import os,hashlib,binascii
d=binascii.a2b_base64(b'${data.toString('base64')}')
with open('/station.try.new','wb')as f:f.write(d)
with open('/station.try.new','rb')as f:print(binascii.hexlify(hashlib.sha256(f.read()).digest()[:8]).decode())
os.rename('/station.try.new','/station.try.json')
if hasattr(os,'sync'):os.sync()`
  const hash = (await repl.exec(code, { repeatable: true, timeoutMs: 60_000, signal })).trim()
  if (hash !== shortHash(data))
    throw new WxError('BOARD_FAULT', 'The board did not store the new settings as they were sent.')
}

/** For how long a station tries settings. */
export function trialMs(candidate: StationSettings): number {
  return Number(candidate.trial_time ?? stationRules.trial_time?.default) * 1000
}

/**
 * Waits for what becomes of a trial: true when the station called home and kept the new, false when
 * it is back with the old. Throws BOARD_SILENT when it is not seen again.
 */
export async function awaitTrial(options: TrialOptions, system: System): Promise<boolean> {
  const { look, calledHome, patience = 1, report, signal } = options
  const overMs = options.trialMs + startsMs * patience
  const startedMs = system.clock.monotonic()
  while (true) {
    await system.clock.sleep(pollMs, signal)
    const elapsedMs = system.clock.monotonic() - startedMs
    report?.({ type: 'waiting', stage: 'record', reason: 'trial', elapsedMs })
    const state = await unlessAway(look)
    if (state === 'kept' || (state === undefined && (await calledHome?.()))) return true
    if (state === 'reverted') return false
    if (elapsedMs > overMs + goneMs * patience) throw unseen()
  }
}

/** A station that starts, or joins another network, is away for a while: that is no error yet. */
async function unlessAway<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    const passing = ['PORT_ABSENT', 'PORT_BUSY', 'PORT_LOST', 'BOARD_SILENT']
    if (isAbort(error) || !(error instanceof WxError) || !passing.includes(error.code)) throw error
    return undefined
  }
}

function unseen(): WxError {
  return new WxError(
    'BOARD_SILENT',
    'The station does not answer at that address any more: nobody can say from here whether it kept what is new.',
    {
      hint: 'In another network it has another address: `wxstation tail` shows whether it sends, the router where it is.',
    },
  )
}
