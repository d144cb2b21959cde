import type { SeenPort } from '../commands/ports.js'
import type { Paint } from './paint.js'
import { table } from './tables.js'

/** One row a port; below it what is to be done where it cannot be used. */
export function portLines(
  ports: SeenPort[],
  { all, steps }: { all: boolean; steps: string[] },
  paint: Paint,
): string[] {
  if (ports.length === 0) {
    return [
      'No board is plugged in.',
      ...steps.map((step) => `  ${step}`),
      paint.dim(
        all
          ? '  Many USB cables only charge: try another one.'
          : '  --all also shows built-in and Bluetooth ports.',
      ),
    ]
  }
  const isProbed = ports.some(({ probe }) => probe)
  const rows = ports.map((port) => [
    port.path,
    port.probe && 'chip' in port.probe
      ? port.probe.chip
      : (port.bridge?.board ?? paint.dim(port.hidden ?? 'unknown')),
    port.bridge?.name ?? port.manufacturer ?? '',
    port.serialNumber ?? '',
    ...(isProbed ? foundText(port) : []),
    port.alias ?? '',
    stateText(port, paint),
  ])
  const titles = [
    'Port',
    'Board',
    'Bridge',
    'USB serial',
    ...(isProbed ? ['MAC', 'Flash'] : []),
    'Alias',
    'State',
  ]
  const lines = table(
    titles.map((title) => ({ title })),
    rows,
  )
  for (const { path, stable } of ports) {
    if (stable) lines.push(paint.dim(`${path} keeps the name ${stable}`))
  }
  for (const { path, state, probe } of ports) {
    if (state.kind === 'no-permission') {
      lines.push(
        '',
        `${paint.caution('!')} ${path} belongs to the group "${state.group}", and you are not in it.`,
      )
      lines.push(...state.commands.map((command) => `  ${command}`))
    }
    if (probe && 'error' in probe) lines.push('', `${paint.caution('!')} ${path}: ${probe.error}`)
  }
  return lines
}

function foundText({ probe }: SeenPort): string[] {
  if (!probe || 'error' in probe) return ['', '']
  return [probe.mac, `${probe.flashSizeBytes / (1024 * 1024)} MB`]
}

function stateText({ state }: SeenPort, paint: Paint): string {
  switch (state.kind) {
    case 'free':
      return paint.good('free')
    case 'busy':
      return paint.caution(
        `busy: ${state.program ?? 'another program'}${state.pid ? ` (pid ${state.pid})` : ''}`,
      )
    case 'no-permission':
      return paint.bad('no permission')
    case 'unknown':
      return paint.dim('?')
  }
}

/** A port as --json shows it. */
export function portData(port: SeenPort): Record<string, unknown> {
  const {
    path,
    vendorId,
    productId,
    serialNumber,
    manufacturer,
    links,
    stable,
    bridge,
    score,
    hidden,
    alias,
    state,
    probe,
  } = port
  return {
    path,
    ...(bridge && { board: bridge.board, bridge: bridge.name }),
    ...(vendorId !== undefined && { vendorId, productId }),
    ...(serialNumber && { serialNumber }),
    ...(manufacturer && { manufacturer }),
    ...(links && { links }),
    ...(stable && { stable }),
    ...(alias && { alias }),
    ...(hidden && { hidden }),
    score,
    state,
    ...(probe && { probe }),
  }
}
