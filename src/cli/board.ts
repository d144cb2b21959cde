import { WxError } from '../errors.js'
import type { Context } from './context.js'
import { atStationHint, isAtStation } from './station-network.js'

/**
 * The port to use: the flag or setting (`id:` resolved), else the one board that fits, else a
 * question. Throws NO_BOARD, MANY_BOARDS (with the list) or PORT_ABSENT for an unknown `id:`.
 */
export async function choosePort(context: Context, flag?: string): Promise<string> {
  const { prompts } = context
  const named = context.settings.with({ port: flag }).get('port')
  if (named !== undefined) return resolvePort(context, named)
  const fitting = await fittingPorts(context)
  if (fitting.length === 1) return fitting[0]?.path ?? ''
  const list = fitting.map(({ path, label }) => `${path} (${label})`).join(', ')
  if (!prompts.canAsk) {
    throw new WxError('MANY_BOARDS', `${fitting.length} boards fit: ${list}.`, {
      hint: 'Choose one with --port, or take all with --all where the command has it.',
      details: { ports: fitting.map(({ path }) => path) },
    })
  }
  return prompts.choose(
    'Which board',
    fitting.map(({ path, label }) => ({ name: `${path}  ${label}`, value: path })),
    { flag: '--port', env: 'WXSTATION_PORT' },
  )
}

/** Every port a command with --all works on; throws NO_BOARD where there is none. */
export async function fittingPorts(context: Context): Promise<{ path: string; label: string }[]> {
  const { listPorts, fittingScore } = await import('../device/ports.js')
  const { aliasOf, readMemory } = await import('../device/known-boards.js')
  const ports = (await listPorts(context.system)).filter(({ hidden }) => !hidden)
  const fitting = ports.filter(({ score }) => score >= fittingScore)
  if (fitting.length === 0) {
    const others = ports.map(({ path }) => path)
    const { isWsl, wslSteps } = await import('../device/port-state.js')
    const hint = (await isAtStation(context.system))
      ? atStationHint
      : others.length > 0
        ? `There are other serial ports (${others.slice(0, 4).join(', ')}): name one with --port if the board is on it.`
        : isWsl(context.system)
          ? `Windows keeps the board until it is handed over. ${wslSteps.join('. ')}.`
          : undefined
    throw new WxError('NO_BOARD', 'No board is plugged in.', {
      ...(hint !== undefined && { hint }),
      details: { otherPorts: others },
    })
  }
  const memory = await readMemory(context.system)
  return fitting.map((port) => ({
    path: port.path,
    label:
      aliasOf(memory, port) ?? [port.bridge?.name, port.serialNumber].filter(Boolean).join(' · '),
  }))
}

/** The MAC that a port's name promises (`id:` with a MAC, or an alias of one); undefined for others. */
export async function promisedMac({ system }: Context, port = ''): Promise<string | undefined> {
  if (!port.startsWith('id:')) return undefined
  const { readMemory, resolveId } = await import('../device/known-boards.js')
  return resolveId(await readMemory(system), port.slice(3)).mac
}

/** Turns `id:<usb serial, alias or MAC>` into a path; every other name stays. */
export async function resolvePort({ system }: Context, port: string): Promise<string> {
  if (!port.startsWith('id:')) return port
  const { isNamed, listPorts } = await import('../device/ports.js')
  const { readMemory, resolveId } = await import('../device/known-boards.js')
  const wanted = resolveId(await readMemory(system), port.slice(3))
  if (/^(socket|rfc2217):/.test(wanted.port ?? '')) return wanted.port ?? ''
  const ports = await listPorts(system)
  const sameSerial = ports.filter(
    ({ serialNumber }) => serialNumber?.toLowerCase() === wanted.serial.toLowerCase(),
  )
  // Cheap bridges share one serial number: then only the place where the board was seen tells.
  const found =
    sameSerial.length === 1 ? sameSerial[0] : ports.find((one) => isNamed(one, wanted.port))
  if (found) return found.path
  if (sameSerial.length > 1) {
    const paths = sameSerial.map(({ path }) => path)
    throw new WxError(
      'MANY_BOARDS',
      `Several ports have the id "${wanted.serial}": ${paths.join(', ')}.`,
      {
        hint: 'Name one of them with --port.',
        details: { ports: paths },
      },
    )
  }
  throw new WxError('PORT_ABSENT', `No board with the id "${port.slice(3)}" is plugged in.`, {
    hint: 'Run `wxstation ports` to see USB serials and aliases; --probe also reads MACs.',
    details: { port },
  })
}
