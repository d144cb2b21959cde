import { describe, expect, it } from 'vitest'
import { choosePort } from '../../src/cli/board.js'
import type { AddCommand } from '../../src/cli/main.js'
import { run } from '../../src/cli/main.js'
import type { PortInfo } from '../../src/system.js'
import { cli, type TestSystem, testSystem } from '../support/system.js'

const cp2102 = { path: '/dev/ttyUSB0', vendorId: 0x10c4, productId: 0xea60, serialNumber: '0001' }
const jtag = {
  path: '/dev/ttyACM0',
  vendorId: 0x303a,
  productId: 0x1001,
  serialNumber: '24:0A:C4:12:34:56',
}
const adapter = { path: '/dev/ttyUSB9', vendorId: 0x1234, productId: 1 }
const builtIn = { path: '/dev/ttyS0' }

function computer(
  ports: PortInfo[],
  options: { tty?: boolean; env?: Record<string, string> } = {},
): TestSystem {
  const system = testSystem({
    ...options,
    serial: { list: async () => ports },
    spawn: async () => ({ code: 0, stdout: '0', stderr: '' }),
  })
  // No node of these exists here, so that the state does not depend on the computer of the test.
  return { ...system, host: { ...system.host, platform: 'win32' } }
}

describe('ports', () => {
  it('shows boards first and hides what is none', async () => {
    const { code, out } = await cli(['ports'], computer([builtIn, cp2102, jtag]))
    expect(code).toBe(0)
    expect(out).toMatchInlineSnapshot(`
      "Port          Board           Bridge           USB serial         Alias  State
      /dev/ttyACM0  ESP32-C3/S3/C6  USB-Serial-JTAG  24:0A:C4:12:34:56         ?
      /dev/ttyUSB0  ESP32 board     CP2102/CP2104    0001                      ?
      "
    `)
  })

  it('shows everything with --all, and data with --json', async () => {
    const { out } = await cli(['ports', '--all', '--json'], computer([builtIn, cp2102]))
    expect(
      JSON.parse(out).ports.map(({ path, hidden }: Record<string, string>) => [path, hidden]),
    ).toEqual([
      ['/dev/ttyUSB0', undefined],
      ['/dev/ttyS0', 'built-in'],
    ])
  })

  it('shows the name that a port keeps', async () => {
    const links = ['/dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0']
    const { out } = await cli(['ports'], computer([{ ...cp2102, links }]))
    expect(out).toContain(`/dev/ttyUSB0 keeps the name ${links[0]}\n`)
  })

  it('in WSL says how a board comes over from Windows, here and where one is needed', async () => {
    const system = computer([])
    const host = {
      ...system.host,
      ...{ platform: 'linux' as const, release: '5.15-microsoft-standard-WSL2' },
    }
    const wsl = { ...system, host }
    expect((await cli(['ports'], wsl)).out).toMatch(
      /usbipd bind --busid <id>\n.*usbipd attach --wsl/,
    )
    const { code, err } = await cli(['board', 'info'], wsl)
    expect({ code, err }).toEqual({ code: 4, err: expect.stringMatching(/usbipd attach --wsl/) })
  })

  it('says so when there is nothing', async () => {
    const { code, out } = await cli(['ports'], computer([]))
    expect(code).toBe(0)
    expect(out).toContain('No board is plugged in.')
  })

  it('--watch prints arrivals and departures until Ctrl-C', async () => {
    const plugged: PortInfo[] = [cp2102]
    const system = computer(plugged)
    const done = cli(['ports', '--watch'], system)
    const seen = async (text: string): Promise<void> => {
      while (!system.out().includes(text)) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await seen('here')
    plugged.push(jtag)
    await seen('plugged in')
    plugged.shift()
    await seen('gone')
    system.interrupt()
    expect((await done).code).toBe(0)
    expect(system.out()).toMatch(/\+ plugged in \/dev\/ttyACM0 .*USB-Serial-JTAG/)
    expect(system.out()).toMatch(/- gone {7}\/dev\/ttyUSB0/)
  })
})

describe('alias', () => {
  it('names a board for ports and for --port id:', async () => {
    const system = computer([cp2102, jtag])
    await cli(['alias', 'roof', '0001'], system)
    await cli(['ports'], system)
    expect(system.out()).toMatch(/ttyUSB0 .*roof/)
    expect(await chosen(system, 'id:roof')).toBe('/dev/ttyUSB0')
    await cli(['alias', 'roof', '--remove'], system)
    expect((await cli(['alias', '--json'], system)).out).toContain('"aliases": {}')
  })

  it.each([
    [['alias', 'roof'], 'Which board'],
    [['alias', 'a b', '0001'], 'is no name'],
    [['alias', 'nobody', '--remove'], 'no alias'],
  ])('%j is a usage error', async (argv, text) => {
    const { code, err } = await cli(argv, computer([]))
    expect(code).toBe(2)
    expect(err).toContain(text)
  })
})

/** What choosePort answers, inside a command. */
async function chosen(system: TestSystem, flag?: string): Promise<string | number> {
  let port: string | undefined
  const list: AddCommand[] = [
    (program, handle) =>
      void program.command('work').action(
        handle(async (context) => {
          port = await choosePort(context, flag)
          return undefined
        }),
      ),
  ]
  const code = await run(['work'], system, list)
  return port ?? code
}

describe('choosePort', () => {
  it('takes the only board there is, whatever else is plugged in', async () => {
    expect(await chosen(computer([builtIn, adapter, cp2102]))).toBe('/dev/ttyUSB0')
  })

  it('takes what is named over what fits', async () => {
    expect(await chosen(computer([cp2102]), 'socket://host:1')).toBe('socket://host:1')
    expect(await chosen(computer([cp2102], { env: { WXSTATION_PORT: 'COM9' } }))).toBe('COM9')
  })

  it('exits 4 with the list when several fit and nobody can be asked', async () => {
    const system = computer([cp2102, jtag])
    expect(await chosen(system)).toBe(4)
    expect(system.err()).toContain(
      '2 boards fit: /dev/ttyACM0 (USB-Serial-JTAG · 24:0A:C4:12:34:56), /dev/ttyUSB0 (CP2102/CP2104 · 0001).',
    )
  })

  it('asks on a terminal', async () => {
    const system = computer([cp2102, jtag], { tty: true })
    const done = chosen(system)
    while (!system.err().includes('ttyUSB0'))
      await new Promise((resolve) => setTimeout(resolve, 10))
    system.type('\u001b[B')
    await new Promise((resolve) => setTimeout(resolve, 50))
    system.type('\r')
    expect(await done).toBe('/dev/ttyUSB0')
  })

  it('exits 4 without a board, and names other ports', async () => {
    const system = computer([adapter])
    expect(await chosen(system)).toBe(4)
    expect(system.err()).toContain('/dev/ttyUSB9')
  })

  it('exits 4 for an id nobody has', async () => {
    const system = computer([cp2102])
    expect(await chosen(system, 'id:nobody')).toBe(4)
    expect(system.err()).toContain('No board with the id "nobody" is plugged in.')
  })
})
