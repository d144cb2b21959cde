import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bridges, findBridge } from '../../../src/device/bridges.js'
import { portState } from '../../../src/device/port-state.js'
import { describePort, fittingScore, listPorts } from '../../../src/device/ports.js'
import type { Files, PortInfo, System } from '../../../src/system.js'
import { temporaryFolder, testSystem } from '../../support/system.js'

describe('bridges', () => {
  it.each([
    [0x303a, 0x1001, 'USB-Serial-JTAG'],
    [0x303a, 0x9999, 'Espressif USB'],
    [0x10c4, 0xea60, 'CP2102/CP2104'],
    [0x1a86, 0x7523, 'CH340'],
    [0x1a86, 0x55d4, 'CH9102'],
    [0x0403, 0x6015, 'FT231X'],
    [0x0403, 0x0001, 'FTDI'],
  ])('%i:%i is %s', (vendor, product, name) => expect(findBridge(vendor, product)?.name).toBe(name))

  it('lists exact products before their vendor, or they would never match', () => {
    for (const [i, one] of bridges.entries()) {
      if (one.productId === undefined) continue
      const earlier = bridges.slice(0, i)
      expect(
        earlier.some(
          ({ vendorId, productId }) => vendorId === one.vendorId && productId === undefined,
        ),
      ).toBe(false)
    }
  })
})

describe('describePort', () => {
  const hidden = (info: PortInfo, all: PortInfo[] = [info]): string | undefined =>
    describePort(info, all).hidden

  it.each([
    ['/dev/ttyS0', undefined, 'built-in'],
    ['/dev/ttyAMA0', undefined, 'built-in'],
    ['/dev/rfcomm0', undefined, 'bluetooth'],
    ['/dev/cu.Bluetooth-Incoming-Port', undefined, 'bluetooth'],
    ['/dev/cu.wlan-debug', undefined, 'debug'],
    ['/dev/cu.debug-console', undefined, 'debug'],
    ['/dev/cu.AirPods', undefined, 'bluetooth'],
    ['/dev/tty.JBLFlip5', undefined, 'bluetooth'],
    ['/dev/cu.usbserial-0001', 0x10c4, undefined],
    ['/dev/cu.SLAB_USBtoUART', undefined, undefined],
    ['/dev/cu.wchusbserial1420', undefined, undefined],
    ['/dev/cu.usbmodem1101', 0x303a, undefined],
    ['COM1', undefined, 'built-in'],
    ['COM7', 0x10c4, undefined],
    ['/dev/ttyUSB0', 0x10c4, undefined],
    ['/dev/ttyACM0', 0x303a, undefined],
  ])('%s (%s) is hidden as %s', (path, vendorId, reason) => {
    expect(hidden({ path, ...(vendorId !== undefined && { vendorId, productId: 0xea60 }) })).toBe(
      reason,
    )
  })

  it('hides the tty twin of a macOS port, and only then', () => {
    const tty = { path: '/dev/tty.usbserial-1' }
    const cu = { path: '/dev/cu.usbserial-1' }
    expect(hidden(tty, [tty, cu])).toBe('twin')
    expect(hidden(tty, [tty])).toBeUndefined()
    expect(hidden(cu, [tty, cu])).toBeUndefined()
  })

  const byId = '/dev/serial/by-id/usb-x'
  const byPath = '/dev/serial/by-path/pci-0:1'
  it.each<[string, string | undefined, string[], string[], string | undefined]>([
    ['a serial number of its own', '0130D09C', [byPath, byId], [], byId],
    ['the number that all of its kind have', '0001', [byId, byPath], [], byPath],
    ['no number', undefined, [byId, byPath], [], byPath],
    ['the number of another port', '77AB', [byId, byPath], ['77AB'], byPath],
    ['no names in /dev/serial', '0130D09C', [], [], undefined],
  ])('with %s (%s) a port keeps its name', (_, serialNumber, links, others, expected) => {
    const port = { path: '/dev/ttyUSB0', links, ...(serialNumber && { serialNumber }) }
    const rest = others.map((number, i) => ({ path: `/dev/ttyUSB${i + 1}`, serialNumber: number }))
    expect(describePort(port, [port, ...rest]).stable).toBe(expected)
  })

  it('ranks Espressif over bridges over adapters over the unknown', () => {
    const score = (vendorId?: number, productId?: number): number =>
      describePort(
        {
          path: '/dev/x',
          ...(vendorId !== undefined && { vendorId }),
          ...(productId !== undefined && { productId }),
        },
        [],
      ).score
    const ranked = [
      score(0x303a, 0x1001),
      score(0x10c4, 0xea60),
      score(0x067b, 1),
      score(0x1234, 1),
      score(),
    ]
    expect(ranked).toEqual([...ranked].sort((a, b) => b - a))
    expect(ranked[2]).toBeGreaterThanOrEqual(fittingScore)
    expect(ranked[3]).toBeLessThan(fittingScore)
  })
})

/** A Linux computer whose files lie below a folder of the test. */
function linux(
  files: Record<string, string>,
  links: Record<string, string> = {},
  overrides: Partial<System> = {},
): System {
  const root = temporaryFolder()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    symlinkSync(join(root, target), join(root, path))
  }
  const system = testSystem()
  const below = (path: string): string => (path.startsWith(root) ? path : join(root, path))
  const within: Partial<Files> = {
    readText: (path) => system.files.readText(below(path)),
    list: (path) => system.files.list(below(path)),
    stat: (path) => system.files.stat(below(path)),
    realPath: async (path) => {
      const real = await system.files.realPath(below(path))
      return real.startsWith(root) ? real.slice(root.length) : path
    },
  }
  return {
    ...system,
    files: { ...system.files, ...within },
    host: { ...system.host, platform: 'linux', user: 'me' },
    ...overrides,
  }
}

const noUdev = {
  list: () => Promise.reject(Object.assign(new Error('spawn udevadm ENOENT'), { code: 'ENOENT' })),
}

describe.skipIf(process.platform === 'win32')('listPorts on Linux', () => {
  it('reads /sys where there is no udevadm, and finds the stable name', async () => {
    const device = '/sys/devices/usb1/1-2'
    const system = linux(
      {
        [`${device}/idVendor`]: '10c4\n',
        [`${device}/idProduct`]: 'ea60\n',
        [`${device}/serial`]: '0001\n',
        [`${device}/1-2:1.0/ttyUSB0/x`]: '',
        '/sys/devices/platform/serial8250/x': '',
        '/dev/ttyUSB0': '',
      },
      {
        '/sys/class/tty/ttyUSB0/device': `${device}/1-2:1.0/ttyUSB0`,
        '/sys/class/tty/ttyS0/device': '/sys/devices/platform/serial8250',
        '/dev/serial/by-id/usb-Silicon_Labs_CP2102-if00-port0': '/dev/ttyUSB0',
      },
      { serial: noUdev },
    )
    // The override of a test stands for serialport; both ways of failing end in /sys.
    const ports = await listPorts(system)
    expect(
      ports.map(({ path, vendorId, productId, serialNumber, hidden, links }) => ({
        path,
        vendorId,
        productId,
        serialNumber,
        hidden,
        links,
      })),
    ).toEqual([
      {
        path: '/dev/ttyUSB0',
        vendorId: 0x10c4,
        productId: 0xea60,
        serialNumber: '0001',
        hidden: undefined,
        links: ['/dev/serial/by-id/usb-Silicon_Labs_CP2102-if00-port0'],
      },
      {
        path: '/dev/ttyS0',
        vendorId: undefined,
        productId: undefined,
        serialNumber: undefined,
        hidden: 'built-in',
        links: undefined,
      },
    ])
  })
})

describe.skipIf(process.platform === 'win32')('portState on Linux', () => {
  const spawnIds =
    (uid: string, groups: string): System['spawn'] =>
    async (command, args) => ({
      code: command === 'test' ? 1 : 0,
      stdout: args[0] === '-u' ? uid : groups,
      stderr: '',
    })
  const node = { size: 0, mtimeMs: 0, isFolder: false, uid: 0, gid: 20, mode: 0o20660 }
  const withNode = (system: System, change: Partial<typeof node> = {}): System => ({
    ...system,
    files: {
      ...system.files,
      stat: async (path) =>
        path.startsWith('/dev/') ? { ...node, ...change } : system.files.stat(path),
    },
  })

  it.each([
    ['debian', 'dialout', 'sudo usermod -aG dialout me'],
    ['arch', 'uucp', 'sudo usermod -aG uucp me'],
    ['alpine', 'dialout', 'sudo addgroup me dialout'],
    ['nixos', 'dialout', 'add "dialout" to users.users.me.extraGroups and rebuild'],
  ])('on %s says how to join %s', async (id, group, command) => {
    const system = withNode(
      linux(
        { '/etc/os-release': `ID=${id}\n`, '/etc/group': `root:x:0:\n${group}:x:20:\n` },
        {},
        { spawn: spawnIds('1000', '1000 27') },
      ),
    )
    expect(await portState('/dev/ttyUSB0', system)).toEqual({
      kind: 'no-permission',
      group,
      commands: [command, 'log out and in again'],
    })
  })

  it('offers the udev rule where no group may', async () => {
    const system = withNode(
      linux({ '/etc/group': 'root:x:0:\n' }, {}, { spawn: spawnIds('1000', '1000') }),
      { gid: 0, mode: 0o20600 },
    )
    const state = await portState('/dev/ttyUSB0', system)
    expect(state).toMatchObject({ kind: 'no-permission', group: 'root' })
    expect(JSON.stringify(state)).toContain('70-wxstation.rules')
  })

  it.each([
    [true, 'sudo usermod -aG dialout me', 'wsl --shutdown in Windows, then open WSL again'],
    [
      false,
      'sudo chmod a+rw /dev/ttyUSB0',
      'again each time the board was attached, or run systemd in WSL',
    ],
  ])('in WSL, with udev %s, says what helps there', async (hasUdev, ...commands) => {
    const files = {
      '/etc/os-release': 'ID=ubuntu\n',
      '/etc/group': 'dialout:x:20:\n',
      ...(hasUdev && { '/run/udev/control': '' }),
    }
    const system = withNode(linux(files, {}, { spawn: spawnIds('1000', '1000') }))
    const release = '5.15.167.4-microsoft-standard-WSL2'
    const wsl = { ...system, host: { ...system.host, release } }
    expect(await portState('/dev/ttyUSB0', wsl)).toMatchObject({ kind: 'no-permission', commands })
  })

  it.each([
    ['a member of the group', '1000', '1000 20', {}],
    ['the owner', '1000', '1000', { uid: 1000 }],
    ['everybody', '1000', '1000', { mode: 0o20666 }],
    ['root', '0', '0', {}],
  ])('is free for %s', async (_who, uid, groups, change) => {
    const system = withNode(linux({}, {}, { spawn: spawnIds(uid, groups) }), change)
    expect(await portState('/dev/ttyUSB0', system)).toEqual({ kind: 'free' })
  })

  it('is free where udev has granted it in an ACL, which mode bits do not show', async () => {
    const asked: string[][] = []
    const ids = spawnIds('1000', '1000')
    const spawn: System['spawn'] = async (command, args, options) => {
      if (command !== 'test') return ids(command, args, options)
      asked.push(args)
      return { code: 0, stdout: '', stderr: '' }
    }
    expect(await portState('/dev/ttyUSB0', withNode(linux({}, {}, { spawn })))).toEqual({
      kind: 'free',
    })
    expect(asked).toEqual([['-r', '/dev/ttyUSB0', '-a', '-w', '/dev/ttyUSB0']])
  })

  it('the rule file comes before the one that acts on its tag', () => {
    // 73-seat-late.rules turns TAG+="uaccess" into the ACL: a later file only sets a tag.
    const rules = readdirSync(new URL('../../../templates', import.meta.url)).filter((name) =>
      name.endsWith('.rules'),
    )
    expect(rules).toHaveLength(1)
    expect(rules[0]! < '73-seat-late.rules').toBe(true)
  })

  it('names the program that holds it', async () => {
    const system = linux(
      { '/dev/ttyUSB0': '', '/proc/77/comm': 'minicom\n', '/proc/self/x': '' },
      { '/proc/77/fd/5': '/dev/ttyUSB0' },
      { spawn: spawnIds('0', '0') },
    )
    expect(await portState('/dev/ttyUSB0', system)).toEqual({
      kind: 'busy',
      pid: 77,
      program: 'minicom',
    })
  })

  it('passes over files of other programs that it may not look at', async () => {
    const fds = { '/proc/7/fd/3': '/closed', '/proc/77/fd/5': '/dev/ttyUSB0' }
    const system = linux({ '/dev/ttyUSB0': '', '/closed': '' }, fds, { spawn: spawnIds('0', '0') })
    const realPath = async (path: string): Promise<string> => {
      if (path === '/proc/7/fd/3') throw Object.assign(new Error('closed'), { code: 'EACCES' })
      return system.files.realPath(path)
    }
    const closed = { ...system, files: { ...system.files, realPath } }
    expect(await portState('/dev/ttyUSB0', closed)).toEqual({ kind: 'busy', pid: 77 })
  })
})

it('on macOS asks lsof', async () => {
  const system = testSystem({
    spawn: async () => ({ code: 0, stdout: 'p812\ncscreen\n', stderr: '' }),
  })
  const mac = { ...system, host: { ...system.host, platform: 'darwin' as const } }
  expect(await portState('/dev/cu.usbserial-1', mac)).toEqual({
    kind: 'busy',
    pid: 812,
    program: 'screen',
  })
})
