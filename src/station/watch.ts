import type { Link } from '../device/link.js'
import { isAbort, WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { StreamRecord } from '../timebase/schema.js'

/** How many records the station said it had kept from before, and how many it has sent since. */
export interface Counts {
  queued: number
  sent: number
}

/** What a running station said on its console: the newest word of each kind. */
export type Evidence = { [word: string]: string }

export interface WatchOptions {
  /** The console; undefined over the air. */
  link?: Link | undefined
  /** The newest record of the station that is newer than before the start, or undefined. */
  findRecord: (signal: AbortSignal) => Promise<StreamRecord | undefined>
  timeoutMs: number
  report?: Report
  signal?: AbortSignal | undefined
}

// A crashed station restarts and says so within 5 s; silence after a traceback is its last word.
const lastWordMs = 12_000

// A queue of days takes hours to send: after so many of its records the way is proven all the same.
const enoughSent = 250

// A station uploads every 10 s; a look at the server each second costs it nothing.
const pollMs = 1000

/**
 * Waits for a station's first record, on its console and in TimeBase at once: a record in the stream
 * may be another board's of the same symbol, so that the station itself must say that it has sent
 * one of this start. Throws NO_RECORD with the evidence of both ends when it does not come.
 */
export async function watchFirstRecord(
  options: WatchOptions,
  system: System,
): Promise<{ record: StreamRecord; elapsedMs: number }> {
  const { timeoutMs, report, signal } = options
  const started = system.clock.monotonic()
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const evidence: Evidence = {}
  const counts: Counts = { queued: 0, sent: 0 }
  const elapsed = (): number => system.clock.monotonic() - started
  const waiting = (): void =>
    report?.({
      type: 'waiting',
      stage: 'record',
      reason: waitsFor(evidence),
      elapsedMs: elapsed(),
    })

  const console = options.link
    ? listen(options.link, { evidence, counts }, waiting, stop.signal)
    : Promise.resolve()
  let serverFault: unknown
  let stopped = { traceback: '', sinceMs: 0 }
  try {
    while (elapsed() < timeoutMs) {
      waiting()
      const said = `${evidence.traceback ?? ''} ${evidence.lines ?? ''}`
      if (stopped.traceback !== said) stopped = { traceback: said, sinceMs: elapsed() }
      if (
        evidence.traceback &&
        elapsed() - stopped.sinceMs > lastWordMs * (options.link?.patience ?? 1)
      )
        break
      try {
        const record = await options.findRecord(stop.signal)
        serverFault = undefined
        const isOwn = !options.link || evidence.console === 'lost' || hasSent(counts)
        if (record && isOwn) return { record, elapsedMs: elapsed() }
      } catch (error) {
        signal?.throwIfAborted()
        serverFault = error
      }
      await system.clock.sleep(pollMs, stop.signal)
    }
    throw noRecord(evidence, serverFault, elapsed())
  } finally {
    stop.abort()
    signal?.removeEventListener('abort', onAbort)
    await console
  }
}

async function listen(
  link: Link,
  { evidence, counts }: { evidence: Evidence; counts: Counts },
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  let rest = ''
  try {
    while (!signal.aborted) {
      const bytes = await link.read(1000, signal)
      rest += Buffer.from(bytes).toString('latin1')
      const lines = rest.split('\n')
      rest = (lines.pop() ?? '').slice(-500)
      for (const line of lines) {
        note(evidence, line.trim())
        count(counts, line.trim())
      }
      if (lines.length > 0) changed()
    }
  } catch (error) {
    // The record may still come: a lost console is evidence, not the end.
    if (!isAbort(error) && !signal.aborted) evidence.console = 'lost'
  }
}

/** Takes one console line down: `wx <word> rest`, and the last line of a traceback. */
export function note(evidence: Evidence, line: string): void {
  const word = /^wx (\w+) ?(.*)$/.exec(line)
  // One answer that cannot be believed says more than the silence of the others.
  if (/^wx ntp failed/.test(line) && evidence.ntp?.startsWith('doubtful')) return
  if (word?.[1]) {
    const [, name, rest = ''] = word
    if (name === 'sensors') noteSensors(evidence, rest)
    else evidence[name as string] = rest
    evidence.lines = String(Number(evidence.lines ?? 0) + 1)
  }
  if (/^[A-Z]\w*(Error|Exception|Interrupt)\b/.test(line)) evidence.traceback = line
  else if (/^rst:0x/.test(line)) evidence.resets = String(Number(evidence.resets ?? 0) + 1)
}

/** Takes down what a line says of the queue: kept at the start, sent, or found to be sent already. */
export function count(counts: Counts, line: string): void {
  const said = /^wx (queue|upload ok|upload found) n=(\d+)(?: refused=(\d+))?/.exec(line)
  if (!said) return
  const [, word, n = 0, refused = 0] = said
  if (word === 'queue') Object.assign(counts, { queued: Number(n), sent: 0 })
  else if (word === 'upload ok') counts.sent += Number(n) + Number(refused)
  else counts.queued = Math.max(0, counts.queued - Number(n))
}

/** What a station kept is sent first, oldest first: what comes after it was measured since the start. */
export function hasSent({ queued, sent }: Counts): boolean {
  return sent > Math.min(queued, enoughSent)
}

/** A line tells of one sensor or of both: what was said of the other one stays. */
function noteSensors(evidence: Evidence, rest: string): void {
  const words = [...rest.matchAll(/(am2320|bmp180)=\S+/g)].map(([word]) => word)
  if (words.length === 0) {
    evidence.bus = rest
    return
  }
  const names = words.map((word) => word.split('=')[0])
  const others = (evidence.sensors ?? '')
    .split(' ')
    .filter((word) => word !== '' && !names.includes(word.split('=')[0]))
  evidence.sensors = [...others, ...words].sort().join(' ')
}

function isDeaf({ sensors = '' }: Evidence): boolean {
  return /am2320=(?!ok)/.test(sensors) && /bmp180=(?!ok)/.test(sensors)
}

/** The link of the chain that the station works on now, by what it said last. */
export function waitsFor(evidence: Evidence): string {
  if (evidence.upload?.startsWith('ok')) return 'record-in-timebase'
  if (evidence.ntp?.startsWith('ok')) return isDeaf(evidence) ? 'record-sensors' : 'record-upload'
  if (evidence.wifi?.startsWith('joined')) return 'record-clock'
  if (evidence.sensors !== undefined) return 'record-wifi'
  return evidence.boot === undefined ? 'record-boot' : 'record-sensors'
}

/** Which link broke, told from both ends. */
function noRecord(
  { lines: _, ...evidence }: Evidence,
  serverFault: unknown,
  waitedMs: number,
): WxError {
  const seconds = Math.round(waitedMs / 1000)
  const server =
    serverFault instanceof WxError
      ? `TimeBase, asked from here: ${serverFault.message}`
      : 'TimeBase, asked from here, answers and has no new record.'
  const board =
    Object.keys(evidence).length === 0
      ? 'The station printed nothing since its start.'
      : `The station last said: ${Object.entries(evidence)
          .map(([word, rest]) => `${word} ${rest}`.trim())
          .join('; ')}.`
  return new WxError(
    'NO_RECORD',
    `No record arrived within ${seconds} s: ${brokenLink(evidence)}.\n  ${board}\n  ${server}`,
    { details: { evidence, link: waitsFor(evidence) } },
  )
}

function brokenLink(evidence: Evidence): string {
  if (evidence.traceback) return `the station's code stopped with ${evidence.traceback}`
  if (isDeaf(evidence)) return 'no sensor answers: check their wires, and the pins in its settings'
  if (evidence.upload?.startsWith('ok'))
    return 'the station sends, but not to where this computer looks: compare both addresses'
  if (evidence.upload?.startsWith('failed')) return 'the station cannot write to TimeBase'
  if (evidence.wifi?.startsWith('failed')) return 'the station did not get into the Wi-Fi network'
  if (evidence.ntp?.startsWith('doubtful'))
    return 'the station has no time: two time servers must agree, unless --ntp names only one'
  if (evidence.wifi?.startsWith('joined') && !evidence.ntp?.startsWith('ok'))
    return 'the station has no time: no time server answers it'
  return 'the station did not get that far'
}
