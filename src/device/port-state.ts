import { posix } from 'node:path'
import type { System } from '../system.js'

export type PortState =
  | { kind: 'free' }
  | { kind: 'busy'; pid?: number; program?: string }
  | { kind: 'no-permission'; group: string; commands: string[] }
  | { kind: 'unknown' }

/**
 * Whether a port could be opened, found out without opening it: opening resets many boards.
 * Linux tells who holds it (of this user's programs) and who may; macOS who holds it.
 */
export async function portState(path: string, system: System): Promise<PortState> {
  const { platform } = system.host
  if (platform === 'linux') {
    return (await refusal(path, system)) ?? (await holder(path, system)) ?? { kind: 'free' }
  }
  if (platform === 'darwin') return lsof(path, system)
  return { kind: 'unknown' }
}

/** Linux inside Windows, which hands no USB device over by itself. */
export function isWsl({ host }: Pick<System, 'host'>): boolean {
  return host.platform === 'linux' && /microsoft/i.test(host.release)
}

/** What brings a board from Windows into WSL 2: once for each board, and at each plugging in. */
export const wslSteps = [
  'In Windows, as administrator, once: winget install usbipd, then usbipd list and usbipd bind --busid <id>',
  'In Windows, each time the board was plugged in: usbipd attach --wsl --busid <id>',
]

/** Owner, group and mode of the node against this user's, then its ACL: what open() would say. */
async function refusal(path: string, system: System): Promise<PortState | undefined> {
  const node = await system.files.stat(await system.files.realPath(path))
  const uid = Number(await output(system, 'id', ['-u']))
  const groups = (await output(system, 'id', ['-G'])).split(/\s+/).map(Number)
  if (!node || Number.isNaN(uid) || uid === 0) return undefined
  const may =
    node.uid === uid
      ? node.mode & 0o600
      : groups.includes(node.gid)
        ? (node.mode & 0o060) << 3
        : (node.mode & 0o006) << 6
  if (may === 0o600 || (await isGranted(path, system))) return undefined
  const group = await groupName(node.gid, system)
  return {
    kind: 'no-permission',
    group,
    commands: await grantCommands(path, group, node.mode, system),
  }
}

/** What udev's uaccess grants is in an ACL, which mode bits do not show: test(1) asks access(2). */
async function isGranted(path: string, system: System): Promise<boolean> {
  try {
    return (await system.spawn('test', ['-r', path, '-a', '-w', path])).code === 0
  } catch {
    return false
  }
}

/** The commands that give this user the port, for this distribution. */
async function grantCommands(
  path: string,
  group: string,
  mode: number,
  system: System,
): Promise<string[]> {
  const release = (await system.files.readText('/etc/os-release')) ?? ''
  const id = /^ID=["']?([^"'\n]+)/m.exec(release)?.[1] ?? ''
  // A container (Docker, Podman) gets its devices from outside: no group in it helps.
  const marks = ['/.dockerenv', '/run/.containerenv'].map((mark) => system.files.stat(mark))
  if ((await Promise.all(marks)).some(Boolean))
    return ['Start the container with --device for this port and --group-add for its group.']
  // Without systemd WSL runs no udev: the node stays root's, and no rule would reach it.
  if (isWsl(system) && (await system.files.stat('/run/udev/control')) === undefined)
    return [
      `sudo chmod a+rw ${path}`,
      'again each time the board was attached, or run systemd in WSL',
    ]
  const again = isWsl(system)
    ? 'wsl --shutdown in Windows, then open WSL again'
    : 'log out and in again'
  if (group === 'root' || (mode & 0o060) !== 0o060) {
    const rule = posix.join(system.packageFolder, 'templates', '70-wxstation.rules')
    return [
      `sudo install -m 644 ${rule} /etc/udev/rules.d/ && sudo udevadm control --reload && sudo udevadm trigger`,
      'plug the board in again',
    ]
  }
  if (id === 'nixos')
    return [`add "${group}" to users.users.${system.host.user}.extraGroups and rebuild`, again]
  if (id === 'alpine') return [`sudo addgroup ${system.host.user} ${group}`, again]
  return [`sudo usermod -aG ${group} ${system.host.user}`, again]
}

async function groupName(gid: number, system: System): Promise<string> {
  const groups = (await system.files.readText('/etc/group')) ?? ''
  const line = groups.split('\n').find((one) => one.split(':')[2] === String(gid))
  return line?.split(':')[0] ?? String(gid)
}

/** Who has the node open: a link in some /proc/<pid>/fd points at it. Other users' are not visible. */
async function holder(path: string, system: System): Promise<PortState | undefined> {
  const node = await system.files.realPath(path)
  for (const pid of await system.files.list('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const folder = `/proc/${pid}/fd`
    for (const fd of await readable(system, folder)) {
      if ((await target(system, `${folder}/${fd}`)) !== node) continue
      const program = (await system.files.readText(`/proc/${pid}/comm`))?.trim()
      return { kind: 'busy', pid: Number(pid), ...(program && { program }) }
    }
  }
  return undefined
}

async function readable(system: System, folder: string): Promise<string[]> {
  try {
    return await system.files.list(folder)
  } catch {
    // Other users' processes are closed to us (EACCES), and some end while we look.
    return []
  }
}

/** Where a link of /proc leads; a file behind a folder that is closed to us is no port of ours. */
async function target(system: System, link: string): Promise<string | undefined> {
  try {
    return await system.files.realPath(link)
  } catch {
    return undefined
  }
}

async function lsof(path: string, system: System): Promise<PortState> {
  const text = await output(system, 'lsof', ['-F', 'pc', path])
  const pid = /^p(\d+)$/m.exec(text)?.[1]
  const program = /^c(.+)$/m.exec(text)?.[1]
  return pid ? { kind: 'busy', pid: Number(pid), ...(program && { program }) } : { kind: 'free' }
}

async function output(system: System, command: string, args: string[]): Promise<string> {
  try {
    return (await system.spawn(command, args)).stdout.trim()
  } catch {
    // A system without this program tells nothing, which is an answer: the state stays unknown.
    return ''
  }
}
