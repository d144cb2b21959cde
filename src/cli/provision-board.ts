import { enterRawRepl } from '../device/raw-repl.js'
import type { Repl } from '../device/repl.js'
import { type BoardFacts, readBoot, readFacts } from '../station/board.js'
import { readBundle } from '../station/bundle.js'
import type { Compile } from '../station/compile.js'
import { type Network, type StationSettings, symbolOf } from '../station/config.js'
import { rememberStation } from '../station/inventory.js'
import {
  applyProvision,
  isCompactedFirst,
  type ProvisionPlan,
  planData,
  planProvision,
} from '../station/provision.js'
import { checkTrial } from '../station/trial.js'
import type { Root } from '../station/trust.js'
import { watchFirstRecord } from '../station/watch.js'
import type { StreamRecord } from '../timebase/schema.js'
import { lastRecord } from '../timebase/stream.js'
import type { AirStation } from './air-station.js'
import { joinNetwork, reachFromBoard, urlForBoard } from './board-network.js'
import { type BoardWish, checkGiven, meetBoard } from './board-wish.js'
import type { ProvisionFlags } from './commands/provision.js'
import type { Context } from './context.js'
import { homeWitness } from './home-witness.js'
import { strongestKnown } from './network-choice.js'
import { awaitFiles } from './over-air.js'
import { patienceOf } from './patience.js'
import { placeOf } from './place.js'
import { checkPromised, openBoardLink } from './port.js'
import { rootFor } from './server-root.js'
import type { StationStreams } from './station-streams.js'
import type { WishFlags } from './station-wish.js'
import { type Claims, warnOfClashes } from './symbol-clash.js'
import { version } from './version.js'

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

/**
 * One board, from its plan to its first record. Everything is tried before anything is written; over
 * the air the station itself tries it, since its prompt is at the end of the Wi-Fi that changes.
 */
export async function provisionBoard(
  given: Context,
  flags: ProvisionFlags & WishFlags,
  opened: StationStreams,
  claims: Claims = new Map(),
  air?: AirStation,
): Promise<Outcome> {
  const { system, report, signal } = given
  const startedMs = system.clock.monotonic()
  const onTrial = air !== undefined
  await checkGiven(given, flags)
  const link = air ? await air.open() : await openBoardLink(given)
  let repl: Repl | undefined
  try {
    report({ type: 'stage', stage: 'connect' })
    repl = await enterRawRepl(link, { signal, report, fresh: !air }, system)
    const facts = await readFacts(repl, { scl: 22, sda: 21 }, signal)
    if (air) air.check(facts.mac)
    else await checkPromised(given, link, facts.mac)
    const met = await meetBoard(given, flags, opened, repl, facts)
    const { context, before, wish, streams } = met
    const { client, missing } = streams
    if (air) checkTrial(wish)
    const bundle = await readBundle(system, await compiler(context, flags, facts))
    const first = await rootFor(context, wish)

    const symbol = symbolOf(wish, facts.mac)
    const outcome = { symbol, mac: facts.mac, stream: String(wish.stream) }
    await warnOfClashes(context, streams, outcome, claims)
    const planOptions = { signal, trial: onTrial }
    let plan = await planProvision(repl, bundle, before, wish, first?.der, planOptions)
    reportPlan(context, plan, { trial: onTrial, streams: missing })
    const data = (): Outcome['plan'] => ({ ...planData(plan, onTrial), streams: missing })
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
    const tried: Trial = air
      ? { wish, root: first, address: air.address }
      : await tryOnBoard(met, repl, first)
    // The password may have been typed again, the address is known now.
    plan = await planProvision(repl, bundle, before, tried.wish, tried.root?.der, planOptions)
    await streams.create()
    const writeMs = system.clock.monotonic()
    const witness =
      air && homeWitness(context, { ...(await readBoot(repl, signal)), after: tried.wish })
    const pushOptions = { report, signal, trial: onTrial }
    const { files, bytes, wireBytes } = await applyProvision(repl, plan, pushOptions)
    const elapsedMs = system.clock.monotonic() - writeMs
    report({ type: 'done', stage: 'files', elapsedMs, values: { files, bytes, wireBytes } })

    const known = await lastRecord(client, outcome.stream, outcome.symbol, signal)
    const findRecord = async (stop: AbortSignal): Promise<StreamRecord | undefined> => {
      const last = await lastRecord(client, outcome.stream, outcome.symbol, stop)
      return last && last.timestamp > (known?.timestamp ?? '') ? last : undefined
    }
    await repl.leave()
    if (air) {
      // A WebREPL takes one client at a time.
      await link.close()
      const later = air.or(wish.webrepl_password)
      await awaitFiles(context, later, plan.files, { mac: facts.mac, witness })
    }
    const address = witness?.address() ?? tried.address
    await rememberStation(system, {
      ...entry,
      firmware: facts.version,
      station: version(),
      provisionedAt: new Date(system.clock.now()).toISOString(),
      ...(!air && { port: link.url }),
      ...(address !== undefined && { address }),
      timebaseUrl: client.url,
      ...(link.usb?.serialNumber !== undefined && { usbSerial: link.usb.serialNumber }),
    })
    if (air) {
      const record = await findRecord(signal)
      return { ...outcome, changed: true, plan: data(), ...(record && { record }) }
    }
    const { record, ...seen } = await watchFirstRecord(
      {
        link,
        timeoutMs: recordTimeout(context, startedMs),
        report,
        signal,
        findRecord,
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

interface Trial {
  wish: StationSettings
  root: Root | undefined
  /** On its Wi-Fi network; undefined where no network is known. */
  address?: string
}

/** Joins on the board and goes the way to TimeBase from there; gives what that has made sure. */
async function tryOnBoard(
  { context, wish, chosen, streams }: BoardWish,
  repl: Repl,
  root: Root | undefined,
): Promise<Trial> {
  const networks = (wish.networks ?? []) as Network[]
  const network = chosen?.network ?? (await strongestKnown(context, repl, networks))
  if (!network) return { wish, root }
  const joined = await joinNetwork(context, repl, network, chosen?.seen ?? [])
  const { address } = joined
  await streams.create()
  if (wish.timebase_url !== undefined) {
    await reachFromBoard(context, repl, wish, root)
    return { wish, root, address }
  }
  const reachable = { ...wish, timebase_url: await urlForBoard(context, repl, joined) }
  const itsRoot = await rootFor(context, reachable)
  await reachFromBoard(context, repl, reachable, itsRoot)
  return { wish: reachable, root: itsRoot, address }
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

export function reportPlan(
  { report }: Context,
  plan: ProvisionPlan,
  { trial, streams = [] }: { trial: boolean; streams?: readonly string[] },
): void {
  const { files, settings } = plan
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
    compacts: isCompactedFirst(plan, trial),
  }
  report({ type: 'fact', fact: { kind: 'changes', values } })
}

/** --timeout counts for the whole command: what is left of it, less the time to start and to say why. */
function recordTimeout({ options, settings, system }: Context, startedMs: number): number {
  if (options.timeoutMs === undefined) return recordTimeoutMs * patienceOf(settings)
  return Math.max(1000, options.timeoutMs - (system.clock.monotonic() - startedMs) - 3000)
}
