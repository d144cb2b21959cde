import { Option } from 'commander'
import type { PortState } from '../../device/port-state.js'
import type { Port } from '../../device/ports.js'
import type { Context, Result } from '../context.js'
import type { AddCommand } from '../main.js'
import { patienceOf } from '../patience.js'
import type { Paint } from '../render/paint.js'
import { portData, portLines } from '../render/ports.js'

interface PortsFlags {
  watch?: boolean
  all?: boolean
  probe?: boolean
}

export interface SeenPort extends Port {
  alias: string | undefined
  state: PortState
  /** Only with --probe: what answered, or why nothing did. */
  probe?: { chip: string; mac: string; flashSizeBytes: number } | { error: string }
}

export const addPorts: AddCommand = (program, handle) => {
  program
    .command('ports')
    .alias('list')
    .description('show what is plugged in, and which of it is a board')
    .helpGroup('Device')
    .option('--all', 'also show built-in, Bluetooth and other ports that are no boards')
    .option('--watch', 'go on and print what is plugged in and out')
    .addOption(
      new Option('--probe', 'open each board and ask its chip; this resets it').conflicts('watch'),
    )
    .addHelpText('after', '\nExamples:\n  wxstation ports\n  wxstation ports --watch')
    .action(
      handle((context, flags: PortsFlags) =>
        flags.watch ? watch(context, flags) : list(context, flags),
      ),
    )
}

async function list(context: Context, flags: PortsFlags): Promise<Result> {
  const seen = await look(context, flags)
  if (flags.probe) await probeAll(context, seen)
  const { isWsl, wslSteps } = await import('../../device/port-state.js')
  const steps = isWsl(context.system) ? wslSteps : []
  const { atStationHint, gateAddress, isAtStation } = await import('../station-network.js')
  const isGuest = await isAtStation(context.system)
  return {
    data: { ports: seen.map(portData), ...(isGuest && { station: { host: gateAddress } }) },
    pretty: (paint) => [
      ...portLines(seen, { all: flags.all ?? false, steps }, paint),
      ...(isGuest ? ['', atStationHint] : []),
    ],
  }
}

async function look({ system }: Context, { all }: PortsFlags): Promise<SeenPort[]> {
  const { listPorts } = await import('../../device/ports.js')
  const { portState } = await import('../../device/port-state.js')
  const { aliasOf, readMemory } = await import('../../device/known-boards.js')
  const memory = await readMemory(system)
  const ports = (await listPorts(system)).filter(({ hidden }) => all || !hidden)
  const seen: SeenPort[] = []
  for (const port of ports) {
    seen.push({ ...port, alias: aliasOf(memory, port), state: await portState(port.path, system) })
  }
  return seen
}

async function probeAll(context: Context, seen: SeenPort[]): Promise<void> {
  const { probeBoard } = await import('../../device/probe.js')
  const { fittingScore } = await import('../../device/ports.js')
  const { WxError } = await import('../../errors.js')
  const { system, report, signal } = context
  const patience = patienceOf(context.settings)
  for (const port of seen.filter(
    ({ score, state }) => score >= fittingScore && state.kind !== 'no-permission',
  )) {
    report({ type: 'notice', notice: 'probe-resets', values: { port: port.path } })
    try {
      port.probe = await probeBoard(port.path, system, { report, signal, patience })
    } catch (error) {
      if (!(error instanceof WxError) || error.code === 'INTERRUPTED') throw error
      port.probe = { error: error.message }
    }
  }
  // A name that was given for a MAC fits only now that the MAC is known.
  const { aliasOf, readMemory } = await import('../../device/known-boards.js')
  const memory = await readMemory(system)
  for (const port of seen) port.alias = aliasOf(memory, port)
}

/** Often enough to feel immediate; a list costs a few milliseconds. */
const watchMs = 700

async function watch(context: Context, flags: PortsFlags): Promise<undefined> {
  const { system, signal, options, paint } = context
  let before = new Map<string, SeenPort>()
  try {
    for (let isFirst = true; ; isFirst = false) {
      const now = new Map((await look(context, flags)).map((port) => [port.path, port]))
      for (const port of now.values()) {
        if (!before.has(port.path))
          await context.emit(changeLine(isFirst ? 'here' : 'plugged in', port, options.json, paint))
      }
      for (const port of before.values()) {
        if (!now.has(port.path)) await context.emit(changeLine('gone', port, options.json, paint))
      }
      before = now
      await system.clock.sleep(watchMs, signal)
    }
  } catch (error) {
    // Ctrl-C is how watching ends.
    if (!signal.aborted) throw error
    return undefined
  }
}

function changeLine(change: string, port: SeenPort, json: boolean, paint: Paint): string {
  if (json) return JSON.stringify({ change, ...portData(port) })
  const mark = change === 'gone' ? paint.bad('-') : paint.good('+')
  const what = [port.bridge?.board, port.bridge?.name, port.serialNumber, port.alias]
    .filter(Boolean)
    .join(' · ')
  return `${mark} ${change.padEnd(10)} ${port.path}${what ? `  ${what}` : ''}`
}
