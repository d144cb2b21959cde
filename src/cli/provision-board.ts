import { enterRawRepl } from '../device/raw-repl.js'
import type { Repl } from '../device/repl.js'
import { type BoardFacts, readFacts } from '../station/board.js'
import { readBundle } from '../station/bundle.js'
import type { Compile } from '../station/compile.js'
import {
  checkPart,
  checkStation,
  type Network,
  type StationSettings,
  symbolOf,
} from '../station/config.js'
import { readInventory, rememberStation } from '../station/inventory.js'
import {
  applyProvision,
  type ProvisionPlan,
  planData,
  planProvision,
  settingsOnBoard,
} from '../station/provision.js'
import { watchFirstRecord } from '../station/watch.js'
import type { StreamRecord } from '../timebase/schema.js'
import { lastRecord } from '../timebase/stream.js'
import { joinNetwork, reachFromBoard, urlForBoard } from './board-network.js'
import type { ProvisionFlags } from './commands/provision.js'
import type { Context } from './context.js'
import { reportIgnored } from './installed-station.js'
import { checkAnswers, chooseNetwork, strongestKnown } from './network-choice.js'
import { patienceOf } from './patience.js'
import { placeOf } from './place.js'
import { openBoardLink } from './port.js'
import { rootFor } from './server-root.js'
import { openStreams, type StationStreams } from './station-streams.js'
import { hasNetworks, stationWish, type WishFlags, withNetwork } from './station-wish.js'
import { type Claims, warnOfClashes } from './symbol-clash.js'
import { version } from './version.js'
import { askStation, withLogin } from './wizard.js'

export interface Outcome {
  changed: boolean
  dryRun?: true
  symbol: string
  mac: string
  stream: string
  plan: Record<string, unknown>
  record?: StreamRecord
}

// From reset to record: boot 3 s, Wi-Fi 10 s, NTP 5 s, first upload 10 s; four times that.
const recordTimeoutMs = 120_000

/** One board, from its plan to its first record. Everything is tried before anything is written. */
export async function provisionBoard(
  given: Context,
  flags: ProvisionFlags & WishFlags,
  opened: StationStreams,
  claims: Claims = new Map(),
): Promise<Outcome> {
  let context = given
  const { client } = opened
  const { system, report, signal } = context
  const startedMs = system.clock.monotonic()
  // What is wrong without looking at any board is said before one is touched.
  checkPart(await stationWish(context, flags, {}))
  placeOf(context.settings)
  if (flags.wifi || flags.ssid !== undefined) await checkAnswers(context, flags)
  const link = await openBoardLink(context)
  let repl: Repl | undefined
  try {
    report({ type: 'stage', stage: 'connect' })
    repl = await enterRawRepl(link, { signal, report }, system)
    const facts = await readFacts(repl, { scl: 22, sda: 21 }, signal)
    const { settings: before, ignored } = settingsOnBoard(facts)
    const isNew = Object.keys(before).length === 0
    let wish = await stationWish(context, flags, before)
    const symbol = symbolOf(wish, facts.mac)
    reportBoard(context, facts, symbol)
    if (ignored.length > 0) reportIgnored(report, ignored)
    else if (facts.stationJson !== undefined && isNew)
      report({ type: 'notice', notice: 'settings-spoiled' })
    // What was given may not fit what the board has.
    checkStation(wish)
    if (isNew) {
      const known = (await readInventory(system)).find(({ mac }) => mac === facts.mac)
      const asked = await askStation(context, flags, wish, { symbol, known })
      context = asked.context
      wish = asked.wish
    }
    wish = await withLogin(context, wish)
    const streams = await streamsOf(context, wish, opened)

    const bundle = await readBundle(system, await compiler(context, flags, facts))
    const chosen =
      flags.wifi || flags.ssid !== undefined || !hasNetworks(wish)
        ? await chooseNetwork(context, flags, repl)
        : undefined
    if (chosen) wish = withNetwork(wish, chosen.network)
    let root = await rootFor(context, wish)

    const outcome = { symbol, mac: facts.mac, stream: String(wish.stream) }
    await warnOfClashes(context, streams, outcome, claims)
    let plan = await planProvision(repl, bundle, before, wish, root?.der, signal)
    const { missing } = streams
    reportPlan(context, plan, missing)
    const data = (): Outcome['plan'] => ({ ...planData(plan), streams: missing })
    const entry = { ...outcome, ...placeOf(context.settings) }
    if (flags.dryRun) return { ...outcome, changed: false, dryRun: true, plan: data() }
    if (plan.isEmpty) {
      await streams.create()
      await rememberStation(system, entry)
      return { ...outcome, changed: missing.length > 0, plan: data() }
    }
    const url = String(wish.timebase_url ?? client.url)
    if (wish.tls === 'insecure' && url.startsWith('https:'))
      report({ type: 'notice', notice: 'insecure', values: { url } })

    const network =
      chosen?.network ?? (await strongestKnown(context, repl, (wish.networks ?? []) as Network[]))
    let address: string | undefined
    if (network) {
      const joined = await joinNetwork(context, repl, network, chosen?.seen ?? [])
      address = joined.address
      if (wish.timebase_url === undefined) {
        wish.timebase_url = await urlForBoard(context, repl, joined)
        root = await rootFor(context, wish)
      }
      await streams.create()
      await reachFromBoard(context, repl, wish, root)
      // The password may have been typed again, the address is known now.
      plan = await planProvision(repl, bundle, before, wish, root?.der, signal)
    }
    await streams.create()

    const writeMs = system.clock.monotonic()
    const pushed = await applyProvision(repl, plan, { report, signal })
    const { files, bytes, wireBytes } = pushed
    const elapsedMs = system.clock.monotonic() - writeMs
    report({ type: 'done', stage: 'files', elapsedMs, values: { files, bytes, wireBytes } })

    const known = await lastRecord(client, outcome.stream, outcome.symbol, signal)
    await repl.leave()
    await rememberStation(system, {
      ...entry,
      firmware: facts.version,
      station: version(),
      provisionedAt: new Date(system.clock.now()).toISOString(),
      port: link.url,
      ...(address !== undefined && { address }),
      timebaseUrl: client.url,
      ...(link.usb?.serialNumber !== undefined && { usbSerial: link.usb.serialNumber }),
    })
    const { record, ...seen } = await watchFirstRecord(
      {
        link,
        timeoutMs: recordTimeout(context, startedMs),
        report,
        signal,
        findRecord: async (stop) => {
          const last = await lastRecord(client, outcome.stream, outcome.symbol, stop)
          return last && last.timestamp > (known?.timestamp ?? '') ? last : undefined
        },
      },
      system,
    )
    report({ type: 'done', stage: 'record', elapsedMs: seen.elapsedMs })
    return { ...outcome, changed: true, plan: data(), record }
  } finally {
    await repl?.leave()
    await link.close()
  }
}

/** The station's own streams, where its board or its settings name others than this computer's. */
async function streamsOf(
  context: Context,
  { stream, status_stream }: StationSettings,
  opened: StationStreams,
): Promise<StationStreams> {
  const { settings } = context
  if (stream === settings.get('stream') && status_stream === settings.get('statusStream'))
    return opened
  const own = settings.with({ stream: String(stream), statusStream: String(status_stream) })
  return openStreams({ ...context, settings: own })
}

/** The compiler for a board, unless source is wanted or the board loads nothing of what it makes. */
export async function compiler(
  { system, report }: Context,
  flags: { compile?: boolean },
  facts: BoardFacts,
): Promise<Compile | undefined> {
  if (flags.compile === false) return undefined
  const { compilerFor } = await import('../station/compile.js')
  const compile = await compilerFor(facts.mpy, system)
  if (!compile)
    report({ type: 'notice', notice: 'no-compiler', values: { version: facts.version } })
  return compile
}

function reportBoard({ report }: Context, { sensors, version }: BoardFacts, symbol: string): void {
  const values = { symbol, version, ...sensors }
  report({ type: 'fact', fact: { kind: 'station', values } })
  if (!sensors.am2320 && !sensors.bmp180) report({ type: 'notice', notice: 'no-sensors' })
}

export function reportPlan(
  { report }: Context,
  { files, settings }: ProvisionPlan,
  streams: readonly string[] = [],
): void {
  const changed = [...files.add, ...files.change]
  const values = {
    add: files.add.length,
    change: files.change.length,
    remove: files.remove.length,
    bytes: changed.reduce((sum, { data }) => sum + data.length, 0),
    settings: settings.map(({ name, from, to }) => `${name}\t${from}\t${to}`).join('\n'),
    foreign: files.foreign.join(', '),
    unchanged: files.same.length,
    streams: streams.join(', '),
  }
  report({ type: 'fact', fact: { kind: 'changes', values } })
}

/** --timeout counts for the whole command: what is left of it, less the time to start and to say why. */
function recordTimeout({ options, settings, system }: Context, startedMs: number): number {
  if (options.timeoutMs === undefined) return recordTimeoutMs * patienceOf(settings)
  return Math.max(1000, options.timeoutMs - (system.clock.monotonic() - startedMs) - 3000)
}
