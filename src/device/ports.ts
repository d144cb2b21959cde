import { posix } from 'node:path'
import type { PortInfo, System } from '../system.js'
import { type Bridge, findBridge } from './bridges.js'

/** A port as a user sees it. */
export interface Port extends PortInfo {
  bridge: Bridge | undefined
  /** Higher fits better; below 20 it is not taken without being named. */
  score: number
  /** Why it is left out without --all. */
  hidden: 'built-in' | 'bluetooth' | 'debug' | 'twin' | undefined
  /** A name that this board, or at least this socket, has again after the next plugging in. */
  stable: string | undefined
}

/** Where udev keeps names that do not depend on the order of plugging in. */
const linkFolder = '/dev/serial'

/** A port whose score reaches this carries an ESP32 more likely than not. */
export const fittingScore = 20

/** Lists ports without opening any, best first. Works without udevadm: /sys tells the same. */
export async function listPorts(system: System): Promise<Port[]> {
  const found = await listAny(system)
  const links = await stableNames(system)
  return found
    .map((info) =>
      describePort(
        { ...info, ...(links.has(info.path) && { links: links.get(info.path) ?? [] }) },
        found,
      ),
    )
    .sort((a, b) => b.score - a.score || a.path.localeCompare(b.path, 'en', { numeric: true }))
}

/** What to remember of a port: its stable name, or the path where it has none. */
export async function lastingName(path: string, system: System): Promise<string> {
  if (!/^\/dev\/tty(USB|ACM)/.test(path)) return path
  return (await listPorts(system)).find((port) => port.path === path)?.stable ?? path
}

/** Whether a port is the one that was remembered by this name. Pure. */
export function isNamed({ path, links = [] }: PortInfo, name: string | undefined): boolean {
  return name !== undefined && (path === name || links.includes(name))
}

async function listAny(system: System): Promise<PortInfo[]> {
  try {
    if (system.serial) return await system.serial.list()
    const { listSerialPorts } = await import('./links/serial.js')
    return await listSerialPorts()
  } catch (error) {
    // serialport runs udevadm on Linux; containers and small systems have none.
    if (system.host.platform === 'linux') return listFromSys(system)
    throw error
  }
}

/** Score and visibility of one port, from its ids and its name. Pure. */
export function describePort(info: PortInfo, all: PortInfo[]): Port {
  const bridge = findBridge(info.vendorId, info.productId)
  const hidden = hiddenReason(info, all)
  const score = hidden ? 0 : bridge ? bridge.weight * 20 : info.vendorId === undefined ? 1 : 10
  return { ...info, bridge, hidden, score, stable: stableName(info, all) }
}

/**
 * By the bridge's serial number where it is its own. Cheap bridges have none, or one that all of
 * their kind share: what is plugged in last then takes the name, and only the socket tells them apart.
 */
function stableName(
  { path, serialNumber, links = [] }: PortInfo,
  all: PortInfo[],
): string | undefined {
  const isOwn =
    serialNumber !== undefined &&
    !/^0*1?$/.test(serialNumber) &&
    !all.some((one) => one.path !== path && one.serialNumber === serialNumber)
  const kinds = isOwn ? ['by-id', 'by-path'] : ['by-path']
  return kinds
    .map((kind) => links.find((link) => posix.dirname(link) === posix.join(linkFolder, kind)))
    .find((link) => link !== undefined)
}

function hiddenReason({ path, vendorId, manufacturer }: PortInfo, all: PortInfo[]): Port['hidden'] {
  if (/bluetooth|rfcomm/i.test(`${path} ${manufacturer ?? ''}`)) return 'bluetooth'
  if (/wlan-debug|debug-console/i.test(path)) return 'debug'
  // macOS shows each port twice; tty.* waits for a carrier that never comes.
  if (/^\/dev\/tty\./.test(path) && all.some((one) => one.path === path.replace('/tty.', '/cu.')))
    return 'twin'
  // Headphones and the like stand there under their own names.
  if (/^\/dev\/(cu|tty)\.(?!usb|SLAB|wch)/i.test(path) && vendorId === undefined) return 'bluetooth'
  if (/\/ttyS\d+$|\/ttyAMA\d+$/.test(path)) return 'built-in'
  if (/^COM\d+$/i.test(path) && vendorId === undefined) return 'built-in'
  return undefined
}

async function stableNames(system: System): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>()
  if (system.host.platform !== 'linux') return names
  for (const kind of ['by-id', 'by-path']) {
    const folder = posix.join(linkFolder, kind)
    for (const name of await system.files.list(folder)) {
      const path = posix.join(folder, name)
      const target = await system.files.realPath(path)
      names.set(target, [...(names.get(target) ?? []), path])
    }
  }
  return names
}

/** Serial ports of Linux with their USB ids, read from /sys: the device's folder or one above holds them. */
async function listFromSys(system: System): Promise<PortInfo[]> {
  const ports: PortInfo[] = []
  for (const name of await system.files.list('/sys/class/tty')) {
    if (!/^tty(USB|ACM|S|AMA)\d+$/.test(name)) continue
    const device = `/sys/class/tty/${name}/device`
    const real = await system.files.realPath(device)
    if (real === device) continue
    const usb = await usbFolder(real, system)
    const read = async (file: string): Promise<string | undefined> =>
      usb ? (await system.files.readText(posix.join(usb, file)))?.trim() : undefined
    const vendor = await read('idVendor')
    const product = await read('idProduct')
    const serial = await read('serial')
    const manufacturer = await read('manufacturer')
    ports.push({
      path: `/dev/${name}`,
      ...(vendor && { vendorId: Number.parseInt(vendor, 16) }),
      ...(product && { productId: Number.parseInt(product, 16) }),
      ...(serial && { serialNumber: serial }),
      ...(manufacturer && { manufacturer }),
    })
  }
  return ports
}

async function usbFolder(device: string, system: System): Promise<string | undefined> {
  // The interface's folder is at most four levels below the USB device's.
  for (let folder = device, level = 0; level < 5; level++, folder = posix.dirname(folder)) {
    if (await system.files.stat(posix.join(folder, 'idVendor'))) return folder
  }
  return undefined
}
